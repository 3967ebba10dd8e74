#include "commands/agent/loading.h"

#include <filesystem>

namespace voicectl::commands {

Result<agent::LoadedConfig> load_agent_config(const std::string& path) {
    auto loaded = agent::load_config(path);
    if (!loaded && loaded.error().code == Errc::NotFound)
        return fail_with_hint(Errc::Usage, loaded.error().message, "see examples/receptionist.yaml for one to start from");
    if (loaded && !loaded->faults.empty()) return std::unexpected(agent::to_error(loaded->faults));
    return loaded;
}

speech::ProviderContext provider_context(const agent::AgentConfig& config, Workers& workers, Env& env) {
    return {workers, env.http(), env.getenv(), std::filesystem::path(config.file).parent_path().string()};
}

std::string store_path(const agent::AgentConfig& config, Env& env) {
    return config.store.empty() ? env.get("VOICECTL_STORE").value_or(store::default_path()) : config.store;
}

Result<agent::Stages> build_agent_stages(const agent::LoadedConfig& loaded, Workers& workers, Env& env) {
    auto stages = agent::build_stages(loaded, provider_context(loaded.config, workers, env));
    if (!stages) return std::unexpected(agent::to_error(stages.error()));
    return std::move(*stages);
}

}  // namespace voicectl::commands
