// The HTTP API of `voicectl serve` (requirement F1): who may ask for what, what a request and an answer look like, limits, request
// ids, the access log, metrics. docs/serve.md has it in words, GET /openapi.json for programs. Lives on one loop; what
// blocks runs on the threads of the store and the workers.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/loop.h"
#include "voicectl/base/workers.h"
#include "voicectl/net/http_server.h"
#include "voicectl/serve/gate.h"
#include "voicectl/serve/rate_limit.h"
#include "voicectl/speech/speech.h"
#include "voicectl/store/store.h"

namespace voicectl::serve {

/// `POST /v1/calls`, once it is clear who asks.
struct CallWish {
    std::string user_id;
    std::string agent;     // empty: the first that may be called
    std::string identity, assignment_id, scenario_id;
    nlohmann::json metadata = nlohmann::json::object();
    bool record = false;
};

/// What a model said, and which.
struct Said {
    std::string text, model;
};

struct BackendOptions {
    std::vector<std::string> origins;  // that browsers may call from, "https://app.example"
    bool development = false;          // also any port of this machine
    bool open_metrics = false;         // /metrics needs no key
    bool trust_proxy = false;          // the peer is the last of X-Forwarded-For
    std::vector<std::string> agents;   // that may be called; empty: none but by services
    bool voice = false;                // somebody takes the WebSockets of /v1/voice
    bool record = false;               // every call that is started here
    std::string scenarios;             // folder of ID.md, ID.txt or ID.json; empty: none
    std::string recordings;            // folder whose files are given out; empty: none
    std::string version;
};

struct BackendParts {
    Loop& loop;
    store::AsyncStore& store;
    Workers& workers;
    Gate& gate;
    RateLimiter& limiter;  // by user, or by address of those who are none; services have no limit
    std::function<bool(const net::ServedRequest&, net::HttpServer::Respond)> page = {};             // true: it was for the page
    std::function<std::optional<Caller>(const net::ServedRequest&)> signed_in = {};                 // there
    std::function<void(const net::ServedRequest&, net::HttpServer::Respond)> webhooks = {};         // LiveKit's
    std::function<Result<nlohmann::json>(const CallWish&)> start_call = {};                         // blocks; on a worker
    std::function<Result<Said>(const speech::Chat&)> ask_model = {};                                // blocks; on a worker
    std::function<std::string()> more_metrics = {};                                                 // appended to ours
};

class Backend {
 public:
    /// Usage for an origin that is none, and in production (not `development`) for none at all (requirement F5).
    static Result<std::unique_ptr<Backend>> create(BackendParts parts, BackendOptions options);
    virtual ~Backend() = default;
    virtual void handle(const net::ServedRequest& request, net::HttpServer::Respond respond) = 0;
    /// How long a body may be, by the head of a request.
    virtual std::size_t body_limit(const net::ServedRequest& head) const = 0;
    /// From here on /health says 503, so that no more is sent here, and nothing is changed; `done` runs on the loop once what was
    /// begun by then is answered.
    virtual void drain(std::function<void()> done) = 0;
    /// The answer to what is not even read.
    virtual net::ServedResponse refuse_unread(int status, std::string_view why) = 0;
};

/// OpenAPI 3.1, made of the table of routes.
nlohmann::ordered_json openapi_document(const std::string& version);

}  // namespace voicectl::serve
