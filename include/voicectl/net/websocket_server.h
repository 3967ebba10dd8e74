// The server's side of a WebSocket (RFC 6455), taken over from a request that HttpServer has read. Lives on the server's
// loop; every handler runs there, none inside a call of its owner's. No compression: what is carried is audio.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "voicectl/net/http_server.h"

namespace voicectl::net {

// RFC 6455 section 7.4.1.
inline constexpr int kCloseNormal = 1000, kCloseGoingAway = 1001, kCloseProtocol = 1002, kCloseNoCode = 1005, kCloseBroken = 1006, kClosePolicy = 1008,
                     kCloseTooBig = 1009, kCloseTryLater = 1013;

struct ServerSocketOptions {
    std::string protocol;                       // the subprotocol that is agreed on; empty: none
    std::size_t max_message = 64 * 1024;        // a larger one closes with 1009
    std::size_t max_waiting = 1024 * 1024;      // bytes that wait for a peer who does not read: more closes with 1008
    std::chrono::milliseconds ping_every{15000};  // nothing heard for two of these: closed
    std::chrono::milliseconds close_timeout{5000};  // for the answer to the upgrade, and for the peer's part of a close
};

struct SocketEnd {
    int code = kCloseBroken;  // the peer's, or ours when we closed; 1005: the peer gave none; 1006: it went without a word
    std::string reason;       // of others: not for terminals as it is
};

struct ServerSocketHandlers {
    std::function<void(std::string message, bool binary)> on_message;
    std::function<void(const SocketEnd& end)> on_close;  // once, last
};

class ServerSocket {
 public:
    virtual ~ServerSocket() = default;  // without a word; nothing is called any more
    virtual void send(std::string message, bool binary) = 0;
    /// What was sent goes out first, as far as the peer takes it within `close_timeout`. `reason`: at most 123 bytes.
    virtual void close(int code, std::string reason) = 0;
    /// Bytes that are not given to the kernel yet.
    virtual std::size_t waiting() const = 0;
};

/// A request for a WebSocket. Answered once, now or later; dropped unanswered, its connection is closed.
class Upgrade {
 public:
    virtual ~Upgrade() = default;
    virtual void refuse(ServedResponse response) = 0;
    virtual std::unique_ptr<ServerSocket> accept(ServerSocketOptions options, ServerSocketHandlers handlers) = 0;
};

}  // namespace voicectl::net
