// voicectl dispatch create: send an agent to a room, and with --wait prove that it came.
#pragma once

#include "commands/command.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

struct DispatchCreateOptions {
    std::string room, agent, metadata, deployment, wait;
    std::vector<std::string> attributes;
    bool if_absent = false;
};

void add_dispatch_create(Command dispatch, Env& env, Run<DispatchCreateOptions> run);
Result<void> run_dispatch_create(const DispatchCreateOptions& options, Env& env);

Result<livekit::proto::CreateAgentDispatchRequest> dispatch_request(const DispatchCreateOptions& options);

}  // namespace voicectl::commands
