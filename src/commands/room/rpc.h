// voicectl room rpc: call a method of a participant.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct RoomRpcOptions {
    std::string name, to, method, payload, limit = "2900ms";
};

void add_room_rpc(Command room, Env& env, Run<RoomRpcOptions> run);
Result<void> run_room_rpc(const RoomRpcOptions& options, Env& env);

}  // namespace voicectl::commands
