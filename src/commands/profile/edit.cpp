#include "commands/profile/edit.h"

#include <algorithm>
#include <filesystem>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

Result<ConfigFile> our_config(Env& env) { return read_config(config_path(env.global.config, env.getenv())); }

auto find(ConfigFile& config, const std::string& name) {
    return std::find_if(config.profiles.begin(), config.profiles.end(), [&](const Profile& one) { return one.name == name; });
}

Result<void> done(Env& env, const ConfigFile& config, const std::string& name, const std::string& human) {
    VC_TRY(write_config_unless_dry(config, env));
    return env.out.emit({{"profile", name}, {"default", config.default_profile}, {"config", config.path}}, (env.global.dry_run ? "would be: " : "") + human, name);
}

/// They come before the default profile, which would surprise who has just chosen it.
void warn_of_environment(Env& env) {
    std::vector<std::string> set;
    for (const char* name : {"LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"})
        if (env.get(name)) set.emplace_back(name);
    if (!set.empty()) env.out.warn(fmt::format("{} {} set and come{} before the default profile; --profile NAME comes before both", fmt::join(set, ", "), set.size() == 1 ? "is" : "are", set.size() == 1 ? "s" : ""));
}

Result<Profile> given_profile(const ProfileAddOptions& o, Env& env) {
    const auto& g = env.global;
    const auto pick = [&](const std::string& flag, const char* variable) { return !flag.empty() ? flag : env.get(variable).value_or(""); };
    Profile out{.name = o.name, .url = pick(g.url, "LIVEKIT_URL"), .api_key = pick(g.api_key, "LIVEKIT_API_KEY")};
    out.needs_name = o.needs_name;
    if (o.secret_from_stdin) {
        VC_TRY_ASSIGN(const auto text, read_payload("-"));
        out.api_secret = std::string(trim(text));
    } else if (!g.api_secret_file.empty()) {
        VC_TRY_ASSIGN(out.api_secret_file, absolute_secret_file(g.api_secret_file));
    } else {
        if (!g.api_secret.empty()) env.out.warn("a secret on the command line can be read by every user of this machine; use --secret-stdin or --api-secret-file");
        out.api_secret = pick(g.api_secret, "LIVEKIT_API_SECRET");
    }
    register_api_secret(out.api_secret);
    if (out.url.empty() || out.api_key.empty() || (out.api_secret.empty() && out.api_secret_file.empty()))
        return fail_with_hint(Errc::Usage, "a profile needs a URL, a key and its secret", "--url, --api-key, and --api-secret-file or --secret-stdin (or LIVEKIT_*)");
    VC_TRY(check_profile(out));
    return out;
}

Result<void> replace_profile(Profile& old, Profile profile, Env& env) {
    VC_TRY(env.change_profile(old, fmt::format("replace profile {}", old.name)));
    profile.needs_name = profile.needs_name || old.needs_name;
    old = std::move(profile);
    return {};
}

}  // namespace

Result<void> write_config_unless_dry(const ConfigFile& config, Env& env) {
    if (env.global.dry_run) return {};
    VC_TRY(write_config(config));
    env.out.changed();
    return {};
}

Result<std::string> absolute_secret_file(const std::string& path) {
    VC_TRY(read_secret_file(path, true));
    return std::filesystem::absolute(path).lexically_normal().string();
}

void add_profile_add(Command profile, Env& env, Run<ProfileAddOptions> run) {
    auto o = std::make_shared<ProfileAddOptions>();
    auto cmd = profile.add_subcommand("add", "Make a profile of a server and its keys");
    cmd.footer(R"(URL, key and secret come from --url, --api-key and --api-secret-file (the profile then names that file) or
--secret-stdin, else from LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET. The first profile becomes the default.

Examples:
  voicectl profile add staging --url wss://staging.example.com --api-key APIabc --secret-stdin < secret.txt
  voicectl profile add production --url wss://livekit.example.com --api-key APIdef --api-secret-file /run/secrets/livekit --protected)");
    cmd.add_option("name", o->name, "Its name").required();
    cmd.add_flag("--protected", o->needs_name, "Changes ask for the profile's name");
    cmd.add_flag("--use", o->use, "Make it the default");
    cmd.add_flag("--overwrite", o->overwrite, "Replace one of that name");
    cmd.add_flag("--secret-stdin", o->secret_from_stdin, "Read the secret from standard input");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_profile_add(const ProfileAddOptions& o, Env& env) {
    if (o.name.empty() || o.name.find('.') != std::string::npos) return fail(Errc::Usage, "a profile's name is not empty and has no dot");
    VC_TRY_ASSIGN(auto config, our_config(env));
    VC_TRY_ASSIGN(auto profile, given_profile(o, env));
    if (const auto at = find(config, o.name); at == config.profiles.end()) config.profiles.push_back(std::move(profile));
    else if (o.overwrite) VC_TRY(replace_profile(*at, std::move(profile), env));
    else return fail_with_hint(Errc::Conflict, fmt::format("there is a profile '{}' already", terminal_safe(o.name)), "--overwrite replaces it");
    if (o.use || (config.default_profile.empty() && config.profiles.size() == 1)) config.default_profile = o.name;
    return done(env, config, o.name, fmt::format("profile {} in {}{}", terminal_safe(o.name), config.path, config.default_profile == o.name ? ", the default" : ""));
}

void add_profile_use(Command profile, Env& env, Run<ProfileNameOptions> run) {
    auto o = std::make_shared<ProfileNameOptions>();
    auto cmd = profile.add_subcommand("use", "Make a profile the default").footer("Example:\n  voicectl profile use staging");
    cmd.add_option("name", o->name, "Its name").required().type_name("PROFILE");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_profile_use(const ProfileNameOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto all, all_profiles(env.global, env.getenv()));
    if (std::none_of(all.begin(), all.end(), [&](const Profile& one) { return one.name == o.name; }))
        return fail_with_hint(Errc::NotFound, fmt::format("there is no profile '{}'", terminal_safe(o.name)), "voicectl profile list shows those there are");
    VC_TRY_ASSIGN(auto config, our_config(env));
    config.default_profile = o.name;
    warn_of_environment(env);
    return done(env, config, o.name, fmt::format("{} is the default", terminal_safe(o.name)));
}

void add_profile_remove(Command profile, Env& env, Run<ProfileNameOptions> run) {
    auto o = std::make_shared<ProfileNameOptions>();
    auto cmd = profile.add_subcommand("remove", "Remove a profile").footer("Its secret goes with it; a secret file stays.\n\nExample:\n  voicectl profile remove staging --yes");
    cmd.add_option("name", o->name, "Its name").required().type_name("PROFILE");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_profile_remove(const ProfileNameOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto config, our_config(env));
    const auto at = find(config, o.name);
    if (at == config.profiles.end())
        return fail_with_hint(Errc::NotFound, fmt::format("there is no profile '{}' in {}", terminal_safe(o.name), config.path), "voicectl profile list shows where each stands");
    VC_TRY(env.confirm(fmt::format("removing profile {}", terminal_safe(o.name))));
    VC_TRY(env.change_profile(*at, "remove it"));
    config.profiles.erase(at);
    if (config.default_profile == o.name) config.default_profile.clear();
    return done(env, config, o.name, fmt::format("removed {}", terminal_safe(o.name)));
}

}  // namespace voicectl::commands
