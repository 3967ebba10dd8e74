// The state of a call as it is shown, from what is known of its parts. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "voicectl/store/webhooks.h"

namespace voicectl::store {

struct WebhookPart {
    std::string kind;
    nlohmann::json value;  // VersionedJson::value()
};

/// `parts` in any order; `room` is null when no event told of it.
nlohmann::json call_view(const nlohmann::json& room, const std::vector<WebhookPart>& parts);

/// What must have happened and no event told: {"missing": event, "sid" or "egressId"}. Sorted.
nlohmann::json find_gaps(const nlohmann::json& view);

Recording recording_of(const nlohmann::json& egress);

}  // namespace voicectl::store
