// voicectl room update: change a room's metadata.
#pragma once

#include <optional>

#include "commands/command.h"

namespace voicectl::commands {

struct RoomUpdateOptions {
    std::string name;
    std::optional<std::string> metadata;
    bool merge = false;
};

void add_room_update(Command room, Env& env, Run<RoomUpdateOptions> run);
Result<void> run_room_update(const RoomUpdateOptions& options, Env& env);

}  // namespace voicectl::commands
