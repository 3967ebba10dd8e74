// What HttpServer's connections hand over when one becomes a WebSocket. Private to this layer, for Beast's types show.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http.hpp>
#include <memory>

#include "voicectl/net/websocket_server.h"

namespace voicectl::net {

using UpgradeRequest = boost::beast::http::request<boost::beast::http::string_body>;

/// The server's hold on a socket that belongs to somebody else.
class ServedSocket {
 public:
    virtual ~ServedSocket() = default;
    virtual void go_away() = 0;  // closes with 1001
};

bool is_websocket_upgrade(const UpgradeRequest& request);

struct AcceptedSocket {
    std::unique_ptr<ServerSocket> owned;
    std::weak_ptr<ServedSocket> served;
};
/// `seat` is kept until the socket is gone.
AcceptedSocket accept_websocket(boost::asio::ip::tcp::socket socket, UpgradeRequest request, ServerSocketOptions options, ServerSocketHandlers handlers,
                                std::shared_ptr<void> seat);

}  // namespace voicectl::net
