#include "commands/transcript/models.h"

#include "commands/agent/loading.h"
#include "voicectl/speech/recognise.h"

namespace voicectl::commands {
namespace {

std::string model_name(const nlohmann::json& options) {
    const auto model = options.value("model", "");
    return options.value("provider", "") + (model.empty() ? "" : "/" + model);
}

}  // namespace

Result<Models> Models::load(const std::string& path, Env& env) {
    VC_TRY_ASSIGN(auto loaded, load_agent_config(path));
    return Models(std::move(loaded.config), env);
}

Models::Models(agent::AgentConfig config, Env& env) : config_(std::move(config)), env_(env) { env_.http(); }  // made before other threads want it

Result<ModelAnswer> Models::ask(const speech::Chat& chat) {
    const auto list = config_.llm.is_array() ? config_.llm : nlohmann::json::array({config_.llm});
    std::optional<Error> last;
    for (const auto& options : list) {
        auto said = ask_one(options, chat);
        if (said) return ModelAnswer{std::move(*said), model_name(options)};
        if (last) env_.out.note(fmt::format("{}; asking {}", last->message, model_name(options)));
        last = std::move(said).error();
    }
    return std::unexpected(std::move(*last));
}

Result<void> Models::check() {
    const auto list = config_.llm.is_array() ? config_.llm : nlohmann::json::array({config_.llm});
    for (const auto& options : list) VC_TRY(engine_of(options));
    return {};
}

Result<std::shared_ptr<speech::LanguageModel>> Models::engine_of(const nlohmann::json& options) {
    auto engine = speech::build_llm(options, provider_context(config_, *workers_, env_));
    if (engine) return std::shared_ptr<speech::LanguageModel>(std::move(*engine));
    return fail_with_hint(Errc::Config, fmt::format("{}: llm.{}: {}", config_.file, engine.error().key, engine.error().message), engine.error().hint);
}

Result<std::string> Models::ask_one(const nlohmann::json& options, const speech::Chat& chat) {
    VC_TRY_ASSIGN(const auto engine, engine_of(options));
    env_.out.progress(fmt::format("… asking {}", model_name(options)));
    auto said = speech::answer(*engine, chat);
    env_.out.progress("");
    return said;
}

}  // namespace voicectl::commands
