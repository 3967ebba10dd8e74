// `voicectl agent host`: what the supervisor of `agent run` starts to carry calls. Not for people.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

/// The descriptor on which a call process finds its supervisor.
inline constexpr int kSupervisorSocket = 3;

struct AgentHostOptions {};

void add_agent_host(Command agent, Env& env, Run<AgentHostOptions> run);
Result<void> run_agent_host(const AgentHostOptions& options, Env& env);

}  // namespace voicectl::commands
