// Names of webhook events as flags give them. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::commands {

/// Usage for a name that no event of LiveKit has, with the one that was meant. A server that is newer than we may have more.
Result<void> check_event_names(const std::string& flag, const std::vector<std::string>& names);

}  // namespace voicectl::commands
