// voicectl room delete: really all that are named, each with its own outcome.
#pragma once

#include "commands/command.h"
#include "commands/room/list.h"

namespace voicectl::commands {

struct RoomDeleteOptions {
    std::vector<std::string> names;
    RoomFilter filter;
    bool from_stdin = false, ignore_missing = false;
};

void add_room_delete(Command room, Env& env, Run<RoomDeleteOptions> run);
Result<void> run_room_delete(const RoomDeleteOptions& options, Env& env);

}  // namespace voicectl::commands
