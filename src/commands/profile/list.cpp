#include "commands/profile/list.h"

#include "voicectl/base/redact.h"

namespace voicectl::commands {
namespace {

std::string secret_of(const Profile& profile) {
    if (profile.api_secret.empty()) return profile.api_secret_file.empty() ? std::string() : fmt::format("in {}", profile.api_secret_file);
    return secrets_shown() ? profile.api_secret : "***";
}

}  // namespace

void add_profile_list(Command profile, Env& env, Run<ProfileListOptions> run) {
    auto cmd = profile.add_subcommand("list", "List profiles, those of lk too");
    cmd.footer("Secrets are masked without --show-secrets.\n\nExamples:\n  voicectl profile list\n  voicectl profile list --json --get '/profiles/*/name'");
    on_run(cmd, std::make_shared<ProfileListOptions>(), env, std::move(run));
}

Result<void> run_profile_list(const ProfileListOptions& /*o*/, Env& env) {
    VC_TRY_ASSIGN(const auto found, read_profiles(env.global, env.getenv()));
    for (const auto& one : found.warnings) env.out.warn(one);
    // Which one is in use is told if it can be; a broken choice is for `config show` to explain.
    const auto in_use = find_settings(env.global, env.getenv());
    Json items = Json::array();
    for (const auto& one : found.all) {
        const bool used = in_use && in_use->profile && in_use->profile->name == one.name;
        items.push_back({{"name", one.name},
                         {"url", one.url},
                         {"apiKey", one.api_key},
                         {"apiSecret", secret_of(one)},
                         {"protected", one.needs_name},
                         {"inUse", used},
                         {"default", one.name == found.default_name},
                         {"file", one.file}});
    }
    const auto mark = [](const Json& item) -> std::string { return item["inUse"] == true ? "*" : ""; };
    const auto guarded = [](const Json& item) -> std::string { return item["protected"] == true ? "yes" : ""; };
    return env.out.emit_list("profiles", items,
                             {{"", mark}, column("NAME", "name"), column("URL", "url"), column("API KEY", "apiKey"), {"PROTECTED", guarded},
                              column("SECRET", "apiSecret", true), column("FILE", "file", true)},
                             "name");
}

}  // namespace voicectl::commands
