// Names of rooms made for calls: filled from a template, and read back. Values, any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "voicectl/base/result.h"

namespace voicectl::commands {

inline constexpr const char* kRoomTemplate = "{user}_{agent}-call_{ts}";

struct RoomNameParts {
    std::string user, agent;
    std::chrono::system_clock::time_point time;
};

/// {user}, {agent}, {ts} (UTC, 20260131T180000123Z) and {id} (8 random characters). `_` and `%` of the user
/// stand as %5F and %25, so that the name's first `_` ends the user whatever the agent is called. Usage for
/// an unknown field, one that nothing was given for, and a name longer than LiveKit takes.
Result<std::string> fill_room_template(std::string_view text, const RoomNameParts& parts);

/// Whose call it is, from a name made by kRoomTemplate; nothing when it was not.
std::optional<std::string> room_user(std::string_view room);

}  // namespace voicectl::commands
