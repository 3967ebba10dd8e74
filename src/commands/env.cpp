#include "commands/env.h"

#include <cstdlib>

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

Env::Env(Output output, Getenv getenv)
    : out(std::move(output)), getenv_(getenv ? std::move(getenv) : Getenv(process_environment)) {
    out.environment = getenv_;
}
Env::~Env() = default;

Result<livekit::ApiKey> Env::api_key() {
    livekit::ApiKey key;
    key.key = !global.api_key.empty() ? global.api_key : get("LIVEKIT_API_KEY").value_or("");
    if (!global.api_secret.empty()) {
        key.secret = global.api_secret;
        out.warn("a secret on the command line can be read by every user of this machine; use LIVEKIT_API_SECRET "
                 "or --api-secret-file");
    } else if (!global.api_secret_file.empty()) {
        VC_TRY_ASSIGN(const auto text, read_file(global.api_secret_file, 4096));
        key.secret = std::string(trim(text));
    } else {
        key.secret = get("LIVEKIT_API_SECRET").value_or("");
    }
    register_secret(key.secret);
    if (key.key.empty() || key.secret.empty()) {
        return fail_with_hint(Errc::Usage, key.key.empty() ? "no API key" : "no API secret",
                              "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or pass --api-key and --api-secret-file");
    }
    return key;
}

Result<livekit::Server> Env::server() {
    auto url = !global.url.empty() ? global.url : get("LIVEKIT_URL").value_or("");
    if (url.empty())
        return fail_with_hint(Errc::Usage, "no server URL", "set LIVEKIT_URL (for example ws://localhost:7880) or pass --url");
    VC_TRY(livekit::http_base(url));
    VC_TRY_ASSIGN(auto key, api_key());
    return livekit::Server{std::move(url), std::move(key)};
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
        twirp_ = std::make_unique<livekit::TwirpClient>(http(), std::move(address), limit);
    }
    return twirp_.get();
}

const livekit::CallTrace* Env::last_call() const {
    return twirp_ && twirp_->last() ? &*twirp_->last() : nullptr;
}

}  // namespace voicectl::commands
