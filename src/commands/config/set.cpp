#include "commands/config/set.h"

#include <algorithm>

#include "commands/profile/edit.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kConfigSetHelp = R"(KEY: default, require_profile, profiles.NAME.url, .api_key, .api_secret, .api_secret_file, .protected.
An empty VALUE removes a setting. A secret is better given as - (standard input) or @file than on the line.

Examples:
  voicectl config set default staging
  voicectl config set profiles.production.protected true
  voicectl config set profiles.staging.api_secret - < secret.txt)";

Result<bool> truth(const std::string& key, const std::string& value) {
    if (value == "true" || value == "false" || value.empty()) return value == "true";
    return fail(Errc::Usage, "{} is true or false, not '{}'", key, terminal_safe(value));
}

std::unexpected<Error> no_such_key(const std::string& key) {
    return fail_with_hint(Errc::Usage, fmt::format("there is no setting '{}'", terminal_safe(key)),
                          "default, require_profile, profiles.NAME.(url|api_key|api_secret|api_secret_file|protected)");
}

Result<void> set_in_profile(ConfigFile& config, const std::string& key, const std::string& value, Env& env) {
    const auto last = key.rfind('.');
    const auto name = key.substr(9, last - 9);  // after "profiles."
    const auto field = key.substr(last + 1);
    const auto at = std::find_if(config.profiles.begin(), config.profiles.end(), [&](const Profile& one) { return one.name == name; });
    if (at == config.profiles.end())
        return fail_with_hint(Errc::NotFound, fmt::format("there is no profile '{}' in {}", terminal_safe(name), config.path), fmt::format("voicectl profile add {} makes it", terminal_safe(name)));
    VC_TRY(env.change_profile(*at, fmt::format("set its {}", field)));
    if (field == "url") at->url = value;
    else if (field == "api_key") at->api_key = value;
    else if (field == "api_secret") at->api_secret = value;
    else if (field == "api_secret_file") {
        at->api_secret_file.clear();
        if (!value.empty()) {
            VC_TRY_ASSIGN(at->api_secret_file, absolute_secret_file(value));
        }
    } else if (field == "protected") {
        VC_TRY_ASSIGN(at->needs_name, truth(key, value));
    } else {
        return no_such_key(key);
    }
    return check_profile(*at);
}

/// Only a literal '' takes a setting away: an empty file is a slip.
Result<std::string> value_of(const std::string& given) {
    VC_TRY_ASSIGN(const auto payload, read_payload(given));
    std::string value(trim(payload));
    if (value.empty() && !given.empty()) return fail_with_hint(Errc::Usage, fmt::format("{} is empty", given == "-" ? "standard input" : given), "'' as the value removes a setting");
    return value;
}

}  // namespace

void add_config_set(Command config, Env& env, Run<ConfigSetOptions> run) {
    auto o = std::make_shared<ConfigSetOptions>();
    auto cmd = config.add_subcommand("set", "Change one setting of the configuration file").footer(kConfigSetHelp);
    cmd.add_option("key", o->key, "Which setting").required().type_name("SETTING");
    cmd.add_option("value", o->value, "Its value: text, @file or - (standard input)").required().may_be_empty();
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_config_set(const ConfigSetOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto config, read_config(config_path(env.global.config, env.getenv())));
    VC_TRY_ASSIGN(const auto value, value_of(o.value));
    const bool secret = o.key.ends_with(".api_secret");
    if (secret) register_api_secret(value);
    if (secret && o.value == value && !value.empty()) env.out.warn("a secret on the command line can be read by every user of this machine; give it as - or @file");
    if (o.key == "default") {
        const auto there = [&](const Profile& one) { return one.name == value; };
        VC_TRY_ASSIGN(const auto all, all_profiles(env.global, env.getenv()));
        if (!value.empty() && std::none_of(all.begin(), all.end(), there)) return fail(Errc::NotFound, "there is no profile '{}'", terminal_safe(value));
        config.default_profile = value;
    } else if (o.key == "require_profile") {
        VC_TRY_ASSIGN(config.require_profile, truth(o.key, value));
    } else if (o.key.starts_with("profiles.") && std::count(o.key.begin(), o.key.end(), '.') >= 2) {
        VC_TRY(set_in_profile(config, o.key, value, env));
    } else {
        return no_such_key(o.key);
    }
    VC_TRY(write_config_unless_dry(config, env));
    const Json report{{"config", config.path}, {"key", o.key}, {"value", secret && !secrets_shown() ? "***" : value}};
    return env.out.emit(report, fmt::format("{}{} in {}", env.global.dry_run ? "would set " : "set ", o.key, config.path), o.key);
}

}  // namespace voicectl::commands
