// How dispatches are shown: the server's record joined with who is really in the room.
#pragma once

#include <string>
#include <vector>

#include "commands/output.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

/// The message as JSON, with `agents` (identities of agents of that name in the room), `status` and
/// `createdAt` in RFC 3339.
Json dispatch_json(const livekit::proto::AgentDispatch& dispatch, const std::vector<livekit::proto::ParticipantInfo>& people);
/// One line of it for people.
std::string dispatch_line(const Json& dispatch);

}  // namespace voicectl::commands
