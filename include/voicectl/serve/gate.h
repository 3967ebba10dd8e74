// Who asks (requirements F2, F3): another service by an internal key, a user by a token, an operator signed in at the
// page, or nobody. Lives on the loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"
#include "voicectl/net/http.h"
#include "voicectl/net/http_server.h"
#include "voicectl/serve/rate_limit.h"

namespace voicectl::serve {

enum class Who { Nobody, User, Operator, Service };
std::string_view to_string(Who who);

struct Caller {
    Who who = Who::Nobody;
    std::string user_id;  // of a user: the token's "sub"
};

/// The header that carries an internal key (the agent's `backend` sends it).
inline constexpr const char* kInternalKeyHeader = "x-internal-service-key";
inline constexpr std::size_t kShortestInternalKey = 16, kShortestTokenSecret = 32;

/// Tokens that somebody else issues to users, "Authorization: Bearer". Supabase's form needs nothing but its secret or URL.
struct UserTokens {
    std::string secret;    // HS256; empty: none of these
    std::string jwks_url;  // RS256, ES256, EdDSA; https, or http to this machine; empty: none of these
    std::string issuer;    // the "iss" they must have; empty: any
    std::string audience = "authenticated";  // the "aud" they must be for; empty: they must name none
    std::chrono::seconds leeway{10};         // clocks differ
    std::chrono::milliseconds keys_fresh{std::chrono::minutes(10)};    // then they are asked for again,
    std::chrono::milliseconds keys_usable{std::chrono::hours(24)};     // used while that fails,
    std::chrono::milliseconds keys_asked_every{std::chrono::seconds(30)};  // and never asked for more often, whatever key a token names
};

struct GateOptions {
    std::vector<std::string> internal_keys;  // one, or two while they rotate; none: no service is let in
    UserTokens tokens;
    bool behind_proxy = false;  // of ours, which writes X-Forwarded-For
    Rate failures{10, std::chrono::seconds(6)};  // of one address
    std::function<std::chrono::system_clock::time_point()> clock = std::chrono::system_clock::now;  // another in tests
};

class Gate {
 public:
    virtual ~Gate() = default;
    /// `done` once, on the loop, at once or later. Nobody: the request carries neither key nor token. Auth: it does, and
    /// that is not good; the message says in what way and holds nothing of it. With `wait` set it has been so too often (429):
    /// from there internal keys are not even looked at for that long, tokens are. Unreachable: keys of tokens cannot be had.
    /// Nothing is called once the gate is gone.
    virtual void identify(const net::ServedRequest& request, std::function<void(Result<Caller>)> done) = 0;
};

/// Config: a key or secret that is too short, a URL that is none or not safe. `http` outlives the gate.
Result<std::unique_ptr<Gate>> make_gate(Loop& loop, net::HttpClient& http, GateOptions options);

}  // namespace voicectl::serve
