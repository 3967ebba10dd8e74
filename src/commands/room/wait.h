// voicectl room wait: until a room is as it should be.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct RoomWaitOptions {
    std::string name, limit = "60s";
    std::vector<std::string> conditions;
};

void add_room_wait(Command room, Env& env, Run<RoomWaitOptions> run);
Result<void> run_room_wait(const RoomWaitOptions& options, Env& env);

}  // namespace voicectl::commands
