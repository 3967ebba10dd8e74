// voicectl room send: data or text to those in a room.
#pragma once

#include <optional>

#include "commands/command.h"

namespace voicectl::commands {

struct RoomSendOptions {
    std::string name, topic;
    std::optional<std::string> data, text;
    std::vector<std::string> to;
    bool lossy = false;
};

void add_room_send(Command room, Env& env, Run<RoomSendOptions> run);
Result<void> run_room_send(const RoomSendOptions& options, Env& env);

/// What is sent, read and checked; nothing is asked of the server.
Result<std::string> send_payload(const RoomSendOptions& options);

}  // namespace voicectl::commands
