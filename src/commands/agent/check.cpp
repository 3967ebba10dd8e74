#include "commands/agent/check.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "commands/agent/loading.h"
#include "commands/agent/probing.h"
#include "voicectl/agent/config.h"
#include "voicectl/base/text.h"
#include "voicectl/base/workers.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {
namespace {

constexpr const char* kAgentCheckHelp = R"(Reads the file as `agent run` does and loads its engines, without connecting to anything. Exit 3 when
something is wrong, every mistake with file, line and key.

With --probe each provider that a good file names is then really asked, once, with --timeout for each: a model for a
word, a voice for a sentence, a recogniser for what a voice has said, an MCP server for its tools. That costs what it
costs, mostly a fraction of a cent, and is told with its price's date. HTTP tools are not called. Exit 0 when all are
good, else the exit code of what failed; where they failed in different ways 7 when trying again may help, else 3.

Examples:
  voicectl agent check examples/receptionist.yaml
  voicectl agent check examples/receptionist.yaml --probe
  voicectl agent check receptionist.yaml --probe --timeout 10s --get '/probes/*/totalMs')";

Json to_json(const agent::ConfigFaults& faults) {
    Json out = Json::array();
    for (const auto& fault : faults)
        out.push_back({{"file", fault.file}, {"line", fault.line}, {"key", fault.key}, {"message", fault.message}, {"hint", fault.hint}});
    return out;
}

/// "zonos (then edge, flite)"
std::string providers_of(const nlohmann::json& stage) {
    if (!stage.is_array()) return stage.value("provider", "");
    std::vector<std::string> names;
    for (const auto& one : stage) names.push_back(one.value("provider", ""));
    const auto others = fmt::format("{}", fmt::join(names.begin() + 1, names.end(), ", "));
    return others.empty() ? names.front() : fmt::format("{} (then {})", names.front(), others);
}

std::string summary(const agent::AgentConfig& config) {
    return fmt::format("{}: agent '{}' is good: {} → {} → {}", config.file, config.name, providers_of(config.stt), providers_of(config.llm), providers_of(config.tts));
}

// `agent run` makes the store and its folder: is there a place for them?
std::string why_no_store(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code failed;
    if (store::is_postgres_url(path)) {  // without a connection: this command asks nobody
        const auto understood = store::check_address(path);
        return understood ? "" : understood.error().message;
    }
    if (fs::exists(path, failed)) {
        const auto opened = store::Store::open_existing(path);
        return opened ? "" : opened.error().message;
    }
    auto folder = fs::absolute(path, failed).parent_path();
    while (!fs::exists(folder, failed) && folder.has_relative_path()) folder = folder.parent_path();
    if (!fs::is_directory(folder, failed)) return fmt::format("{} is no folder", folder.string());
    if (access(folder.c_str(), W_OK | X_OK) != 0) return fmt::format("nothing can be written to {}", folder.string());
    return {};
}

// The last part of a report folder is made when it is missing.
std::string why_no_folder(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code failed;
    const auto folder = fs::exists(path, failed) ? fs::path(path) : fs::absolute(path, failed).parent_path();
    if (!fs::is_directory(folder, failed)) return fmt::format("{} is no folder", folder.string());
    if (access(folder.c_str(), W_OK | X_OK) != 0) return fmt::format("nothing can be written to {}", folder.string());
    return {};
}

// Everything that can be told at once: engines and store too, whatever else is wrong.
agent::Stages gather_more(const agent::LoadedConfig& loaded, agent::ConfigFaults& faults, const speech::ProviderContext& context) {
    auto stages = agent::build_stages(loaded, context);
    if (!stages) faults.insert(faults.end(), stages.error().begin(), stages.error().end());
    if (const auto& path = loaded.config.store; !path.empty())
        if (const auto why = why_no_store(path); !why.empty()) faults.push_back(loaded.fault_at("store", "cannot be used: " + why, ""));
    if (const auto& folder = loaded.config.report_dir; !folder.empty())
        if (const auto why = why_no_folder(folder); !why.empty()) faults.push_back(loaded.fault_at("report_dir", "cannot be used: " + why, ""));
    std::stable_sort(faults.begin(), faults.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    return stages ? std::move(*stages) : agent::Stages();
}

Result<void> show_good(const Json& value, const std::vector<agent::ProbeReport>& probes, const agent::AgentConfig& config, Env& env) {
    auto& out = env.out;
    if (probes.empty()) return out.emit(value, summary(config), config.name);
    if (out.get.empty() && out.format == Format::Tsv) VC_TRY(out.emit_list("probes", value["probes"], probe_columns(), "provider"));
    else VC_TRY(out.emit(value, summary(config) + "\n" + probe_lines(probes, out), config.name));
    return agent::verdict_of(probes);
}

}  // namespace

void add_agent_check(Command agent, Env& env, Run<AgentCheckOptions> run) {
    auto options = std::make_shared<AgentCheckOptions>();
    auto command = agent.add_subcommand("check", "Check an agent's configuration without connecting");
    command.footer(kAgentCheckHelp);
    command.add_option("config", options->config, "The agent's YAML file").required().type_name("FILE");
    const auto probe = command.add_flag("--probe", options->probe, "Ask each of its providers once: does it answer, how fast, for how much?");
    command.no_dry_run_with(probe);
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_agent_check(const AgentCheckOptions& options, Env& env) {
    auto loaded = agent::load_config(options.config);
    if (!loaded) return fail(Errc::Usage, "{}", loaded.error().message);
    VC_TRY(env.timeout());
    auto faults = loaded->faults;
    Workers workers(2, "vc-speech");
    const auto context = provider_context(loaded->config, workers, env);
    const auto stages = gather_more(*loaded, faults, context);
    const auto warnings = price_warnings(loaded->config);
    for (const auto& warning : warnings) env.out.warn(terminal_safe(warning));
    std::vector<agent::ProbeReport> probes;
    if (options.probe && faults.empty()) {
        VC_TRY_ASSIGN(probes, probe_providers(loaded->config, stages, context, env));
    }
    const Json value{{"file", options.config}, {"valid", faults.empty()}, {"name", loaded->config.name}, {"faults", to_json(faults)}, {"warnings", warnings}, {"probes", to_json(probes)}};
    if (faults.empty()) return show_good(value, probes, loaded->config, env);
    if (env.out.json()) VC_TRY(env.out.emit(value, ""));
    auto error = agent::to_error(faults);
    error.code = Errc::CheckFailed;
    return std::unexpected(std::move(error));
}

}  // namespace voicectl::commands
