// A small HTTP/1.1 server on Boost.Beast: health checks, metrics, webhooks. Lives on one AsioLoop, the handler runs
// there. Slow, hostile and too many clients are shed: a time for each request, a limit on header and body, a limit on
// connections. Refused with 400, and the connection closed, is what two servers could read in two ways (RFC 9112, 11.2):
// lengths that are given twice or beside an encoding, other encodings than chunked, no or several Hosts, trailers, targets
// that are no path. No TLS: behind a proxy, or on loopback.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"
#include "voicectl/net/http.h"

namespace voicectl::net {

struct ServedRequest {
    std::string method, path, query;  // as sent, not decoded; query without its "?"
    Headers headers;                  // names in lower case
    std::string body, peer;           // peer: "127.0.0.1:51234"

    /// Empty when absent. `name` in lower case.
    std::string_view header(std::string_view name) const;
};

struct ServedResponse {
    int status = 200;
    std::string body;
    std::string type = "text/plain; charset=utf-8";
    Headers headers = {};
};

class Upgrade;  // websocket_server.h

struct HttpServerOptions {
    std::string host = "127.0.0.1";
    int port = 0;  // 0: any free one
    std::size_t max_body = 64 * 1024;
    std::function<std::size_t(const ServedRequest& head)> body_limit = {};  // less than max_body, where a request has no need of that; asked before its body
    std::size_t max_bodies = 256 * 1024 * 1024;        // of all that are being read; beyond it 503
    std::size_t max_answers = 256 * 1024 * 1024;       // of all that are being written; beyond it 503
    std::size_t max_connections = 64;                  // of more, those that have kept us waiting longest are closed
    std::function<ServedResponse(int status, std::string_view why)> refusal = {};  // the answer to a request that is not handled; else `why` as text
    std::chrono::milliseconds request_timeout{10000};  // until all of a request is read; and again for writing, longer for what is long (64 KiB/s must pass)
    std::chrono::milliseconds idle_timeout{30000};     // between two requests
    /// Requests for a WebSocket that go to `on_upgrade` and not to the handler; absent: none. Such a socket counts as a
    /// connection, and is never one of those that are closed for others.
    std::function<bool(const ServedRequest&)> upgrades = {};
    std::function<void(const ServedRequest&, std::unique_ptr<Upgrade>)> on_upgrade = {};
};

class HttpServer {
 public:
    /// Answers once, now or later; after the server is gone it does nothing.
    using Respond = std::function<void(ServedResponse)>;
    using Handler = std::function<void(const ServedRequest&, Respond)>;

    /// Conflict when the port is taken, Usage for a host that is none of this machine.
    static Result<std::unique_ptr<HttpServer>> listen(AsioLoop& loop, const HttpServerOptions& options, Handler handler);
    virtual ~HttpServer() = default;
    virtual int port() const = 0;
    /// Takes no more connections and no more requests, and closes WebSockets with 1001, as the server's end does; `done` runs
    /// on the loop once what was asked is answered and the sockets are gone.
    virtual void drain(std::function<void()> done) = 0;
};

}  // namespace voicectl::net
