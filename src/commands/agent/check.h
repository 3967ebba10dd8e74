// `voicectl agent check CONFIG`: is the file good, are its engines there? Connects to nothing, but with --probe.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct AgentCheckOptions {
    std::string config;
    bool probe = false;  // ask its providers, too
};

void add_agent_check(Command agent, Env& env, Run<AgentCheckOptions> run);
Result<void> run_agent_check(const AgentCheckOptions& options, Env& env);

}  // namespace voicectl::commands
