// What a running agent shows over HTTP: /health, /ready, /health/db, /status, /metrics. On the loop.
#pragma once

#include <memory>

#include "commands/output.h"
#include "voicectl/agent/metrics.h"
#include "voicectl/net/http_server.h"

namespace voicectl::commands {

/// "8081", "127.0.0.1:8081", "[::1]:8081"; a port alone is on loopback.
Result<net::HttpServerOptions> health_address(const std::string& text);

/// What health pages answer with.
net::ServedResponse health_json(int status, const Json& value);
/// The answer to anything but GET and HEAD.
net::ServedResponse only_get();

class AgentHealth {
 public:
    /// Asked on the loop whenever somebody looks.
    struct Sources {
        std::function<std::string()> closed;                       // why no call is taken; empty: ready
        std::function<Json()> status;
        std::function<void(std::function<void(Result<void>)>)> database;  // is it there?
        std::function<void(Metrics&)> refresh;              // gauges, before they are read
    };

    static Result<std::unique_ptr<AgentHealth>> serve(AsioLoop& loop, const net::HttpServerOptions& options, Sources sources);
    agent::AgentMetrics& metrics() { return metrics_; }
    int port() const { return server_->port(); }

 private:
    explicit AgentHealth(Sources sources) : sources_(std::move(sources)) {}
    void answer(const net::ServedRequest& request, const net::HttpServer::Respond& respond);

    Sources sources_;
    agent::AgentMetrics metrics_;
    std::unique_ptr<net::HttpServer> server_;
};

}  // namespace voicectl::commands
