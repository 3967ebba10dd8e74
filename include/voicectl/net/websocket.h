// WebSocket client (RFC 6455) on Boost.Beast, ws: and wss: (TLS verified). Lives on one AsioLoop; every
// handler runs there; dropping it closes the socket without a word and calls nothing afterwards.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"
#include "voicectl/net/http.h"

namespace voicectl::net {

struct WebSocketOptions {
    std::string url;
    Headers headers;
    std::chrono::milliseconds connect_timeout{5000};
    /// A ping goes out when nothing was heard for half of this; silence for all of it ends the connection.
    std::chrono::milliseconds idle_timeout{30000};
    std::size_t max_message = 4 * 1024 * 1024;
};

struct WebSocketHandlers {
    std::function<void()> on_open;
    std::function<void(std::string message, bool binary)> on_message;
    /// Once, last: why it never opened or ended. A refused upgrade tells the HTTP status
    /// (401, 403: Auth; 404: NotFound; else Protocol) and the start of its text, redacted.
    std::function<void(Error why)> on_close;
    /// Just before on_close, when the upgrade was refused: status, headers and the start of the body as they came.
    std::function<void(const HttpResponse& response)> on_refused = {};
};

class WebSocket {
 public:
    static std::unique_ptr<WebSocket> open(AsioLoop& loop, WebSocketOptions options, WebSocketHandlers handlers);
    /// The same for whoever knows only that it is a loop; one that is no AsioLoop has no sockets: on_close says so.
    static std::unique_ptr<WebSocket> open_on(Loop& loop, WebSocketOptions options, WebSocketHandlers handlers);
    virtual ~WebSocket() = default;
    virtual void send(std::string message, bool binary) = 0;
    /// Polite end: close frame, then on_close.
    virtual void close() = 0;
};

/// How sockets are opened: WebSocket::open_on, or what a test on virtual time has in its place.
using WebSocketOpener = std::function<std::unique_ptr<WebSocket>(Loop& loop, WebSocketOptions options, WebSocketHandlers handlers)>;

}  // namespace voicectl::net
