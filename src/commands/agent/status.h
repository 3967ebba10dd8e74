// `voicectl agent status`: what a running agent says of itself.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct AgentStatusOptions {
    std::string health = "8081";
};

void add_agent_status(Command agent, Env& env, Run<AgentStatusOptions> run);
Result<void> run_agent_status(const AgentStatusOptions& options, Env& env);

}  // namespace voicectl::commands
