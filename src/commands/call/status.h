// voicectl call status: one view of a running call.
#pragma once

#include "commands/command.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

struct CallStatusOptions {
    std::string room;
    std::vector<std::string> require;  // agent, caller, recording
};

void add_call_status(Command call, Env& env, Run<CallStatusOptions> run);
Result<void> run_call_status(const CallStatusOptions& options, Env& env);

/// What is shown of a call; `recordings` absent: not known.
Json call_json(const livekit::proto::Room& room, const std::vector<livekit::proto::ParticipantInfo>& people,
               const std::optional<std::vector<livekit::proto::EgressInfo>>& recordings,
               std::chrono::system_clock::time_point now);

}  // namespace voicectl::commands
