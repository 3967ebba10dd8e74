// Who asks (requirements F2, F3): another service by an internal key, a user by a token, an operator signed in at the
// page, or nobody. Lives on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "voicectl/base/result.h"
#include "voicectl/net/http_server.h"

namespace voicectl::serve {

enum class Who { Nobody, User, Operator, Service };
std::string_view to_string(Who who);

struct Caller {
    Who who = Who::Nobody;
    std::string user_id;  // of a user: the token's "sub"
};

/// The header that carries an internal key (the agent's `backend` sends it).
inline constexpr const char* kInternalKeyHeader = "x-internal-service-key";

class Gate {
 public:
    virtual ~Gate() = default;
    /// `done` once, on the loop, at once or later. Nobody: the request carries neither key nor token. Auth: it does, and
    /// that is not good; the message says in what way and holds nothing of it. Unreachable: keys of tokens cannot be had.
    virtual void identify(const net::ServedRequest& request, std::function<void(Result<Caller>)> done) = 0;
};

}  // namespace voicectl::serve
