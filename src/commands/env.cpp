#include "commands/env.h"

#include <cstdlib>
#include <istream>

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

}  // namespace

Env::Env(Output output, Getenv getenv, Input input)
    : out(std::move(output)), getenv_(getenv ? std::move(getenv) : Getenv(process_environment)), input_(input) {
    out.environment = getenv_;
}
Env::~Env() = default;

Result<ServerSettings> Env::settings() {
    if (!settings_) {
        VC_TRY_ASSIGN(settings_, find_settings(global, getenv_));
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
        VC_TRY_ASSIGN(const auto text, read_file(settings.secret_file, 4096));
        key.secret = std::string(trim(text));
        if (key.secret.empty()) return fail(Errc::Usage, "{} holds no secret", settings.secret_file);
    }
    register_secret(key.secret);
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
    VC_TRY_ASSIGN(const auto value, parse_duration(global.timeout));
    if (value.count() <= 0) return fail(Errc::Usage, "--timeout must be more than zero");
    return value;
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
    if (!std::getline(*input_.stream, line)) return fail(Errc::Cancelled, "no answer");
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
    return fail(Errc::Cancelled, "nothing was done");
}

Result<void> Env::change(std::string_view what) {
    if (confirmed_ || global.dry_run) return {};
    VC_TRY_ASSIGN(const auto found, settings());
    const bool asks = found.profile && found.profile->needs_name;
    if (!asks) return {};
    const auto& name = found.profile->name;
    std::string typed = global.confirm;
    if (typed.empty() && !someone_is_there()) {
        return fail_with_hint(Errc::Usage, fmt::format("profile {} is protected, and this would {}", name, what), fmt::format("pass --confirm {} if that is meant", name));
    }
    if (typed.empty()) {
        VC_TRY_ASSIGN(typed, ask(fmt::format("profile {} is protected, and this would {}. Type its name to go on: ", name, what)));
    }
    if (typed != name) return fail(Errc::Cancelled, "'{}' is not the name of profile {}; nothing was done", terminal_safe(typed), name);
    confirmed_ = true;
    return {};
}

}  // namespace voicectl::commands
