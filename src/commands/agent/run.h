// `voicectl agent run CONFIG`: be a LiveKit agent worker.
#pragma once

#include <optional>

#include "commands/command.h"

namespace voicectl::commands {

struct AgentRunOptions {
    std::string config;
    std::string name, deployment, store, ready_file, drain, health;
    std::optional<double> load_threshold;
    std::string log_format = "pretty";
    int max_calls = 0, processes = 0;  // 0: as the configuration has it
    bool once = false, dev = false;
};

void add_agent_run(Command agent, Env& env, Run<AgentRunOptions> run);
Result<void> run_agent_run(const AgentRunOptions& options, Env& env);

}  // namespace voicectl::commands
