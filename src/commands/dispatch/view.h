// How dispatches are shown: the server's record joined with who is really in the room.
#pragma once

#include <string>
#include <vector>

#include "commands/output.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

/// The message as JSON, with `agents`, `status` and `createdAt` in RFC 3339. `agents` are identities of those that its jobs
/// brought and that are in the room; where no job is recorded (a server without Redis records none), of all agents of its
/// name that no other of `all`, the room's dispatches, can claim by a job.
Json dispatch_json(const livekit::proto::AgentDispatch& dispatch, const std::vector<livekit::proto::ParticipantInfo>& people,
                   const std::vector<livekit::proto::AgentDispatch>& all = {});
/// One line of it for people.
std::string dispatch_line(const Json& dispatch);
/// The same with metadata, attributes, deployment, time and workers below.
std::string dispatch_lines(const Json& dispatch);
/// The workers that have its jobs, with blanks between.
std::string dispatch_workers(const Json& dispatch);

}  // namespace voicectl::commands
