// voicectl room join: be a participant: play a file, record the others, press keys, send data.
#pragma once

#include <optional>

#include "commands/room/event_stream.h"

namespace voicectl::commands {

struct RoomJoinOptions {
    std::string name, identity, display_name, metadata;
    std::optional<std::string> token;
    std::vector<std::string> attributes;
    std::string publish, track_name = "microphone", record, subscribe, duration, stats, dtmf, topic, limit;
    std::vector<std::string> data;
    std::optional<int> rate_hz, channels;
    bool again = false, until_alone = false, exit_after_publish = false, create = false, require_heard = false;
    EventOptions events;
};

void add_room_join(Command room, Env& env, Run<RoomJoinOptions> run);
Result<void> run_room_join(const RoomJoinOptions& options, Env& env);

}  // namespace voicectl::commands
