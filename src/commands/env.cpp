#include "commands/env.h"

#include <cstdlib>
#include <filesystem>
#include <istream>

#include "commands/command.h"
#include "commands/trace.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::commands {
namespace {

std::optional<std::string> process_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
}

/// A secret that was taken for its file must not be told; a path with a folder that is there is none.
bool is_a_path(const std::string& text) {
    std::error_code ignored;
    const auto folder = std::filesystem::path(text).parent_path();
    return std::filesystem::exists(text, ignored) || (!folder.empty() && folder != "/" && std::filesystem::is_directory(folder, ignored));
}

void replace(std::string& text, std::string_view what, std::string_view with) {
    if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
}

/// "LIVEKIT_API_SECRET", "--api-key", "the secret of profile live (…)".
std::string told_origin(const Setting& setting, std::string_view what) {
    return setting.origin.starts_with("profile ") ? fmt::format("the {} of {}", what, setting.origin) : setting.origin;
}

}  // namespace

void register_api_secret(std::string_view secret) {
    if (secret != "secret") register_secret(secret);
}

Result<std::string> read_secret_file(const std::string& path, bool by_flag) {
    if (by_flag && !is_a_path(path)) {
        return fail_with_hint(Errc::Usage, fmt::format("--api-secret-file: there is no file of that name (of {} characters)", utf8_length(path)),
                              "it takes the path of a file; the secret itself goes into LIVEKIT_API_SECRET");
    }
    VC_TRY_ASSIGN(const auto text, read_given_file(path, 4096));
    std::string secret(trim(text));
    if (secret.empty()) return fail(Errc::Usage, "{} holds no secret", path);
    return secret;
}

Env::Env(Output output, Getenv getenv, Input input)
    : out(std::move(output)), getenv_(getenv ? std::move(getenv) : Getenv(process_environment)), input_(input) {
    out.environment = getenv_;
}
Env::~Env() = default;

Result<ServerSettings> Env::settings() {
    if (!settings_) {
        VC_TRY_ASSIGN(settings_, find_settings(global, getenv_));
        for (const auto& one : settings_->warnings) out.warn(one);
        if (!global.api_secret.empty()) {
            out.warn("a secret on the command line can be read by every user of this machine; use LIVEKIT_API_SECRET or --api-secret-file");
        }
        if (settings_->profile && (out.talk_is_terminal() || global.verbose > 0)) out.note(fmt::format("using profile {}", settings_->profile->name));
    }
    return *settings_;
}

Result<livekit::ApiKey> Env::key_of(const ServerSettings& settings) {
    livekit::ApiKey key{settings.key.value, settings.secret.value};
    if (!settings.secret_file.empty()) {
        VC_TRY_ASSIGN(key.secret, read_secret_file(settings.secret_file, settings.secret.origin == "--api-secret-file"));
    }
    register_api_secret(key.secret);
    if (key.key.empty() || key.secret.empty()) {
        return fail_with_hint(Errc::Usage, key.key.empty() ? "no API key" : "no API secret",
                              "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, pass --api-key and --api-secret-file, or make a profile "
                              "(voicectl profile add)");
    }
    return key;
}

Result<livekit::ApiKey> Env::api_key() {
    VC_TRY_ASSIGN(const auto found, settings());
    return key_of(found);
}

std::string Env::url_if_known() {
    const auto found = settings();
    return found ? found->url.value : std::string();
}

Result<std::string> Env::url() {
    VC_TRY_ASSIGN(const auto found, settings());
    if (found.url.value.empty()) {
        return fail_with_hint(Errc::Usage, "no server URL",
                              "set LIVEKIT_URL (for example ws://localhost:7880), pass --url, or make a profile (voicectl profile add)");
    }
    VC_TRY(livekit::http_base(found.url.value));
    return found.url.value;
}

Result<livekit::Server> Env::server() {
    VC_TRY_ASSIGN(auto address, url());
    VC_TRY_ASSIGN(auto key, api_key());
    return livekit::Server{std::move(address), std::move(key)};
}

Result<std::chrono::milliseconds> Env::timeout() const {
    return time_of("--timeout", global.timeout);
}

net::HttpClient& Env::http() {
    if (!http_) http_ = std::make_unique<net::HttpClient>();
    return *http_;
}

Result<livekit::TwirpClient*> Env::twirp() {
    if (!twirp_) {
        VC_TRY_ASSIGN(auto address, server());
        VC_TRY_ASSIGN(const auto limit, timeout());
        twirp_ = std::make_unique<livekit::TwirpClient>(new_twirp(std::move(address), limit));
    }
    return twirp_.get();
}

livekit::TwirpClient Env::new_twirp(livekit::Server server, std::chrono::milliseconds limit) {
    livekit::TwirpClient client(http(), std::move(server), limit);
    show_calls(client, *this);
    return client;
}

const livekit::CallTrace* Env::last_call() const {
    return twirp_ && twirp_->last() ? &*twirp_->last() : nullptr;
}

Result<std::string> Env::ask(std::string_view question) {
    out.question(question);
    std::string line;
    if (!std::getline(*input_.stream, line)) return fail(Errc::Other, "not done: no answer");
    return std::string(trim(line));
}

Result<void> Env::may_ask(std::string_view question) const {
    if (global.yes || global.dry_run || someone_is_there()) return {};
    return fail_with_hint(Errc::Usage, fmt::format("{} needs --yes", question), "--dry-run shows what would be done");
}

Result<void> Env::confirm(std::string_view question) {
    if (global.yes || global.dry_run) return {};
    VC_TRY(may_ask(question));
    VC_TRY_ASSIGN(const auto answer, ask(fmt::format("{}? [y/N] ", question)));
    if (const auto lower = to_lower_ascii(answer); lower == "y" || lower == "yes") return {};
    return fail(Errc::Other, "not done");
}

Result<void> Env::ask_for_name(const Profile& profile, std::string_view what) {
    if (!profile.needs_name || confirmed_.contains(profile.name)) return {};
    const auto& name = profile.name;
    if (global.confirm.empty() && !someone_is_there()) {
        return fail_with_hint(Errc::Usage, fmt::format("profile {} is protected, and this would {}", name, what), fmt::format("pass --confirm {} if that is meant", name));
    }
    if (!global.confirm.empty() && global.confirm != name) {
        return fail_with_hint(Errc::Usage, fmt::format("--confirm {}: that is not the name of profile {}", terminal_safe(global.confirm), name),
                              fmt::format("this would {}; pass --confirm {} if that is meant", what, name));
    }
    if (global.confirm.empty()) {
        VC_TRY_ASSIGN(const auto typed, ask(fmt::format("profile {} is protected, and this would {}. Type its name to go on: ", name, what)));
        if (typed != name) return fail(Errc::Other, "not done: '{}' is not the name of profile {}", terminal_safe(typed), name);
    }
    confirmed_.insert(name);
    return {};
}

Result<void> Env::change(std::string_view what) {
    if (global.dry_run) return {};
    VC_TRY_ASSIGN(const auto found, settings());
    if (found.profile) VC_TRY(ask_for_name(*found.profile, what));
    out.changed();
    return {};
}

Result<void> Env::change_profile(const Profile& profile, std::string_view what) {
    return global.dry_run ? Result<void>{} : ask_for_name(profile, what);
}

Error Env::with_origins(Error error) const {
    if (error.code != Errc::Auth || !settings_) return error;
    if (!settings_->secret.origin.empty()) replace(error.hint, "LIVEKIT_API_SECRET", told_origin(settings_->secret, "secret"));
    if (!settings_->key.origin.empty()) replace(error.hint, "LIVEKIT_API_KEY", told_origin(settings_->key, "key"));
    return error;
}

}  // namespace voicectl::commands
