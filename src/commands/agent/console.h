// `voicectl agent console CONFIG`: talk to an agent in the terminal, without LiveKit.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct AgentConsoleOptions {
    std::string config, wav, out, metadata, store;
};

void add_agent_console(Command agent, Env& env, Run<AgentConsoleOptions> run);
Result<void> run_agent_console(const AgentConsoleOptions& options, Env& env);

}  // namespace voicectl::commands
