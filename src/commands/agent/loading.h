// What `agent run` and `agent check` share: an agent's file, loaded and made usable, or every mistake in it.
#pragma once

#include "commands/env.h"
#include "voicectl/agent/host.h"

namespace voicectl::commands {

/// Config with every fault as "file:line: key: message".
Result<agent::LoadedConfig> load_agent_config(const std::string& path);
/// A line for each stage whose price nobody knows: no mistake, but its budget is blind.
std::vector<std::string> price_warnings(const agent::AgentConfig& config);
/// What the providers of that agent may use.
speech::ProviderContext provider_context(const agent::AgentConfig& config, Workers& workers, Env& env);
/// Where its transcripts go.
std::string store_path(const agent::AgentConfig& config, Env& env);
/// Loads the engines too, so that a missing library or key is found now.
Result<agent::Stages> build_agent_stages(const agent::LoadedConfig& loaded, Workers& workers, Env& env);

}  // namespace voicectl::commands
