// What the store holds as JSON, in the words of commands and of the HTTP API. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>

#include "voicectl/store/store.h"

namespace voicectl::store {

nlohmann::ordered_json to_json(const Call& call);
/// With times as they are and as milliseconds since the call began; null where nobody told them.
nlohmann::ordered_json to_json(const Turn& turn, const Call& call);
nlohmann::ordered_json to_json(const Session& session);

}  // namespace voicectl::store
