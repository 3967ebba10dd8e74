#include "commands/config/show.h"

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

Json row(const char* name, const std::string& value, const std::string& origin) { return {{"name", name}, {"value", value}, {"origin", origin}}; }

std::string shown_secret(const ServerSettings& settings) {
    if (settings.secret.origin.empty()) return {};
    if (!settings.secret_file.empty()) return fmt::format("in {}", settings.secret_file);
    return secrets_shown() ? settings.secret.value : "***";
}

Json settings_json(const ServerSettings& found, const Env& env) {
    Json out = Json::array();
    out.push_back(row("apiKey", found.key.value, found.key.origin));
    out.push_back(row("apiSecret", shown_secret(found), found.secret.origin));
    const auto path = config_path(env.global.config, env.getenv());
    out.push_back(row("config", path, !env.global.config.empty() ? "--config" : env.get("VOICECTL_CONFIG") ? "VOICECTL_CONFIG" : "standard place"));
    out.push_back(row("profile", found.profile ? found.profile->name : "", found.profile_origin));
    out.push_back(row("protected", found.profile && found.profile->needs_name ? "true" : "false", found.profile ? found.profile->file : ""));
    out.push_back(row("timeout", env.global.timeout, env.global.timeout == GlobalOptions().timeout ? "standard value" : "--timeout"));
    out.push_back(row("url", found.url.value, found.url.origin));
    return out;
}

}  // namespace

void add_config_show(Command config, Env& env, Run<ConfigShowOptions> run) {
    auto o = std::make_shared<ConfigShowOptions>();
    auto cmd = config.add_subcommand("show", "Show the settings in force");
    cmd.footer(R"(Secrets are masked. JSON always has the origin of each value.

Examples:
  voicectl config show --origin
  voicectl config show --profile production --json --get /settings/*/origin)");
    cmd.add_flag("--origin", o->origin, "Also where each value came from");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_config_show(const ConfigShowOptions& o, Env& env) {
    env.global.may_lack_profile = true;
    VC_TRY_ASSIGN(const auto found, env.settings());
    std::vector<Column> columns{column("SETTING", "name"), column("VALUE", "value")};
    if (o.origin || env.out.format == Format::Wide) columns.push_back(column("ORIGIN", "origin"));
    return env.out.emit_list("settings", settings_json(found, env), columns, "name");
}

void add_config_check(Command config, Env& env, Run<ConfigCheckOptions> run) {
    auto cmd = config.add_subcommand("check", "Check the configuration files, without asking a server");
    cmd.footer("Exit 2 names file, line and key of the first mistake. `voicectl doctor` asks the server too.\n\nExample:\n  voicectl config check");
    on_run(cmd, std::make_shared<ConfigCheckOptions>(), env, std::move(run));
}

Result<void> run_config_check(const ConfigCheckOptions& /*o*/, Env& env) {
    const auto path = config_path(env.global.config, env.getenv());
    VC_TRY_ASSIGN(const auto ours, read_config(path));
    VC_TRY_ASSIGN(const auto lk, read_lk_config(lk_config_path(env.getenv())));
    VC_TRY(check_profiles(ours, lk));
    if (!env.global.config.empty() && !ours.there) return fail(Errc::Usage, "--config {}: there is no such file", path);
    for (const auto& one : ours.profiles) {
        if (one.api_secret_file.empty()) continue;
        if (const auto text = read_file(one.api_secret_file, 4096); !text) return fail(Errc::Config, "{}: profile {}: {}", path, one.name, text.error().message);
    }
    const Json report{{"config", path}, {"there", ours.there}, {"profiles", ours.profiles.size()}, {"lkConfig", lk.path}, {"lkProjects", lk.profiles.size()}};
    return env.out.emit(report, fmt::format("{}: {}; {} of lk", path, ours.there ? fmt::format("{} profile{}, sound", ours.profiles.size(), ours.profiles.size() == 1 ? "" : "s") : "not there", lk.profiles.size()), "ok");
}

}  // namespace voicectl::commands
