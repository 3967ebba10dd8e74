// voicectl room watch: everything that happens in a room, seen by nobody in it.
#pragma once

#include "commands/room/event_stream.h"

namespace voicectl::commands {

struct RoomWatchOptions {
    std::string name, duration, limit;
    EventOptions events;
};

void add_room_watch(Command room, Env& env, Run<RoomWatchOptions> run);
Result<void> run_room_watch(const RoomWatchOptions& options, Env& env);

}  // namespace voicectl::commands
