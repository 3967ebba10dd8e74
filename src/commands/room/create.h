// voicectl room create: make a room, or say that it was there already.
#pragma once

#include "commands/command.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

struct RoomCreateOptions {
    std::string name, metadata, egress, preset, empty_timeout, departure_timeout, min_playout_delay, max_playout_delay, wait_agent;
    std::optional<std::uint32_t> max_participants;
    std::vector<std::string> agents, tags;
    bool sync_streams = false, exclusive = false;
};

void add_room_create(Command room, Env& env, Run<RoomCreateOptions> run);
Result<void> run_room_create(const RoomCreateOptions& options, Env& env);

Result<livekit::proto::CreateRoomRequest> room_request(const RoomCreateOptions& options);
/// The asked settings that a room which existed already does not have: [{setting, asked, actual}]; actual is
/// null where the server does not tell.
Json settings_not_applied(const livekit::proto::CreateRoomRequest& asked, const livekit::proto::Room& actual);

/// One of them for people: "emptyTimeout not applied: asked 5, is 300".
std::string not_applied_line(const Json& one);

}  // namespace voicectl::commands
