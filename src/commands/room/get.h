// voicectl room get: one room with its people, agents and recordings.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct RoomGetOptions {
    std::string name;
    bool participants = false, dispatches = false, egress = false;  // none: all
};

void add_room_get(Command room, Env& env, Run<RoomGetOptions> run);
Result<void> run_room_get(const RoomGetOptions& options, Env& env);

}  // namespace voicectl::commands
