// What recognisers and voices behind a WebSocket share: one connection to a provider's server, opened as the
// configuration says, and its end in the terms of a provider. One loop; handlers run there and may drop the link.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/speech/remote.h"
#include "voicectl/net/websocket.h"

namespace voicectl::speech {

struct SocketMessage {
    std::string bytes = {};
    bool binary = false;
};
using SocketMessages = std::vector<SocketMessage>;

/// Where on the server, and what the provider's own headers are; those of the configuration win.
struct SocketAsk {
    std::string path = {};  // with its query
    net::Headers headers = {};
};

struct SocketFailure {
    Error error = {};
    bool again = false;  // another try may help
};

/// What a server says is wrong in a message, by `status` when it tells one (0: none), else by its code's name.
SocketFailure socket_refusal(const Remote& remote, int status, const ServerError& server);
/// A message that the dialect cannot read. Another connection may do better.
SocketFailure unreadable(const Remote& remote, const std::string& why);
/// "name=value" for each, percent-encoded, behind "?" and "&".
std::string query_of(const std::vector<std::pair<std::string, std::string>>& parts);

class SocketLink {
 public:
    struct Handlers {
        std::function<void()> on_open;
        std::function<void(std::string_view message, bool binary)> on_message;
        std::function<void(const SocketFailure& failure)> on_end;  // once, last
    };
    /// `remote` outlives it.
    SocketLink(Loop& loop, const net::WebSocketOpener& opener, const Remote& remote, const SocketAsk& ask, Handlers handlers);
    ~SocketLink();
    SocketLink(const SocketLink&) = delete;
    SocketLink& operator=(const SocketLink&) = delete;

    bool open() const;
    void send(SocketMessage message);
    void send(const SocketMessages& messages);
    /// Says farewell and closes politely, for a session that just vanishes may count as open for minutes. Calls nothing any more.
    static void let_go(std::unique_ptr<SocketLink> link, const SocketMessages& farewell);

 private:
    struct State;
    Loop& loop_;
    std::shared_ptr<State> state_;
    std::unique_ptr<net::WebSocket> socket_;
};

}  // namespace voicectl::speech
