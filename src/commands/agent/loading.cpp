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

std::vector<std::string> price_warnings(const agent::AgentConfig& config) {
    std::vector<std::string> out;
    const auto look = [&](const char* stage, const agent::Payee& payee) {
        if (payee.provider.empty() || config.prices.find(payee.provider, payee.model, payee.foreign) != nullptr) return;
        const auto key = payee.model.empty() ? payee.provider : payee.provider + "/" + payee.model;
        out.push_back(fmt::format("{}: the price of {} is not known: it counts for no budget. Give it with  prices: {{{}: {{…, date: …}}}}", stage, key, key));
    };
    for (const auto& [stage, options] : {std::pair{"stt", &config.stt}, std::pair{"llm", &config.llm}, std::pair{"tts", &config.tts}}) {
        for (const auto& one : options->is_array() ? *options : nlohmann::json::array({*options})) {
            look(stage, agent::payee_of(one));
            if (const auto other = one.is_object() ? one.find("otherwise") : one.end(); other != one.end())  // of recorded prompts
                look(stage, agent::payee_of(other->is_string() ? nlohmann::json{{"provider", *other}} : *other));
        }
    }
    return out;
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
