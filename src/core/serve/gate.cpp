#include "voicectl/serve/gate.h"

#include <optional>
#include <utility>

#include "core/serve/internal_keys.h"
#include "core/serve/key_source.h"
#include "core/serve/user_token.h"
#include "voicectl/base/digest.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::serve {
namespace {

using Done = std::function<void(Result<Caller>)>;

std::unexpected<Error> auth(std::string message) { return std::unexpected(Error{Errc::Auth, std::move(message), {}}); }
std::unexpected<Error> refused_token(const std::string& why) { return auth("the token is refused: " + why); }

/// None; the value; or fault: proxies and we might take different ones of several.
Result<std::optional<std::string_view>> the_one(const net::ServedRequest& request, std::string_view name) {
    std::optional<std::string_view> out;
    for (const auto& [key, value] : request.headers) {
        if (key != name) continue;
        if (out) return auth(fmt::format("there is more than one {} header", name));
        out = value;
    }
    return out;
}

std::optional<std::string_view> bearer_of(std::string_view authorization) {
    constexpr std::string_view kScheme = "bearer ";
    if (to_lower_ascii(authorization.substr(0, kScheme.size())) != kScheme) return std::nullopt;
    return trim(authorization.substr(kScheme.size()));
}

class LiveGate final : public Gate {
 public:
    LiveGate(Loop& loop, net::HttpClient& http, GateOptions options, InternalKeys keys)
        : loop_(loop), options_(std::move(options)), keys_(std::move(keys)), failures_(options_.failures) {
        if (!options_.tokens.jwks_url.empty()) source_.emplace(loop, http, options_.tokens);
    }

    void identify(const net::ServedRequest& request, Done done) override {
        const auto key = the_one(request, kInternalKeyHeader);
        if (!key) return done(std::unexpected(key.error()));
        const auto authorization = the_one(request, "authorization");
        if (!authorization) return done(std::unexpected(authorization.error()));
        const auto from = peer_network(client_of(request, options_.behind_proxy));
        if (*key) return done(service(**key, "key " + from));
        if (!*authorization) return done(Caller{});
        const auto told = [this, from = "token " + from, done = std::move(done)](Result<std::string> user) {
            if (user) return done(Caller{Who::User, std::move(*user)});
            done(std::unexpected(user.error().code == Errc::Auth ? failed(from, std::move(user).error()) : std::move(user).error()));
        };
        const auto token = bearer_of(**authorization);
        if (!token) return told(auth("the Authorization header carries no bearer token"));
        user_of(*token, told);
    }

 private:
    Result<Caller> service(std::string_view key, const std::string& from) {
        if (const auto wait = failures_.wait(from, loop_.now()); wait.count() > 0) return std::unexpected(too_often(wait));
        if (keys_.know(key)) return Caller{Who::Service, {}};
        return std::unexpected(failed(from, {Errc::Auth, keys_.empty() ? "no internal key is taken here" : "the internal key is wrong", {}}));
    }

    static Error too_often(std::chrono::milliseconds wait) { return {Errc::Auth, "too many attempts failed from this address", {}, wait}; }

    Error failed(const std::string& from, Error why) {
        const auto wait = failures_.take(from, loop_.now());
        return wait.count() > 0 ? too_often(wait) : why;
    }

    void user_of(std::string_view token, std::function<void(Result<std::string>)> told) {
        const auto& tokens = options_.tokens;
        if (tokens.secret.empty() && !source_) return told(auth("tokens of users are not taken here"));
        auto head = read_head(token);
        if (!head) return told(refused_token(head.error().message));
        const auto& parts = head->parts;
        // Each algorithm has keys of its own kind: a public key is never taken for a secret.
        if (head->algorithm == "HS256" && !tokens.secret.empty()) {
            if (!same_secret(hmac_sha256(tokens.secret, parts.signed_text), parts.signature)) return told(refused_token("its signature is wrong"));
            return told(judge(parts.payload));
        }
        const auto kind = signature_kind(head->algorithm);
        if (!kind || !source_) return told(refused_token("its algorithm is none of those taken here (alg)"));
        source_->find(head->key_id, *kind, [this, told, text = std::string(parts.signed_text), payload = parts.payload, signature = parts.signature](const Result<PublicKey>& key) {
            if (!key) return told(key.error().code == Errc::Auth ? refused_token(key.error().message) : std::unexpected(key.error()));
            if (!key->signed_by_it(text, signature)) return told(refused_token("its signature is wrong"));
            told(judge(payload));
        });
    }

    Result<std::string> judge(const std::string& payload) const {
        auto user = read_user(payload, options_.tokens, options_.clock());
        if (!user) return refused_token(user.error().message);
        return user;
    }

    Loop& loop_;
    const GateOptions options_;
    const InternalKeys keys_;
    RateLimiter failures_;
    std::optional<KeySource> source_;
};

Result<void> check_secret(const std::string& secret) {
    if (secret.empty()) return {};
    if (secret.starts_with("-----BEGIN ") || secret.starts_with("ssh-") || secret.starts_with("{"))
        return fail_with_hint(Errc::Config, "the secret of tokens is a key of another kind", "HS256 wants the shared secret; public keys are fetched from a JWKS URL");
    if (secret.size() >= kShortestTokenSecret) return {};
    return fail_with_hint(Errc::Config, fmt::format("the secret of tokens has fewer than {} bytes", kShortestTokenSecret),
                          "take the issuer's whole secret (Supabase: Project Settings, JWT), or make one: openssl rand -base64 48");
}

Result<void> check_source(const std::string& url) {
    if (url.empty()) return {};
    const auto parsed = net::parse_url(url);
    if (!parsed) return fail_with_hint(Errc::Config, "the JWKS URL: " + parsed.error().message, "give one such as https://issuer.example.com/.well-known/jwks.json");
    if (parsed->scheme == "https" || (parsed->scheme == "http" && net::is_loopback(parsed->host))) return {};
    return fail_with_hint(Errc::Config, "the JWKS URL is not https, so that anybody on the way could put keys of his own into the answer",
                          "give an https URL; http only to this machine");
}

}  // namespace

Result<std::unique_ptr<Gate>> make_gate(Loop& loop, net::HttpClient& http, GateOptions options) {
    VC_TRY_ASSIGN(auto keys, InternalKeys::make(options.internal_keys));
    VC_TRY(check_secret(options.tokens.secret));
    VC_TRY(check_source(options.tokens.jwks_url));
    return std::make_unique<LiveGate>(loop, http, std::move(options), std::move(keys));
}

}  // namespace voicectl::serve
