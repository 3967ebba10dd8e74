#include "websocket_server.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include <array>
#include <concepts>
#include <deque>
#include <optional>

#include "voicectl/base/text.h"

namespace voicectl::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ws = beast::websocket;
using Failure = boost::system::error_code;

constexpr std::size_t kServerReadAtOnce = 16 * 1024;
constexpr std::size_t kLongestReason = 123;  // RFC 6455: a control frame holds 125 bytes

// A peer fails a connection whose reason is no UTF-8.
std::string short_reason(const std::string& text) {
    const auto valid = valid_utf8(text);
    std::size_t end = 0;
    while (end < valid.size()) {
        const auto next = end + first_code_point(std::string_view(valid).substr(end)).bytes;
        if (next > kLongestReason) break;
        end = next;
    }
    return valid.substr(0, end);
}

/// Beast's own end of a TCP connection waits for the peer's part of it for ever; linger() has a time.
class ServedStream final : public asio::ip::tcp::socket {
 public:
    explicit ServedStream(asio::ip::tcp::socket&& socket) : asio::ip::tcp::socket(std::move(socket)) {}
};

template<class Handler>
void async_teardown(beast::role_type, ServedStream& stream, Handler&& handler) {
    asio::post(stream.get_executor(), beast::bind_front_handler(std::forward<Handler>(handler), Failure{}));
}

/// Kept alive by its own pending operations; the owner's handle only tells it to fall silent.
class ServerConnection final : public ServedSocket, public std::enable_shared_from_this<ServerConnection> {
    // Every completion keeps the object alive and does nothing once it has ended.
    template<class Step>
    auto then(Step step) {
        return [self = this->shared_from_this(), step = std::move(step)](auto&&... results) mutable
                   requires std::invocable<Step&, decltype(results)...>
        {
            if (!self->ended_) step(std::forward<decltype(results)>(results)...);
        };
    }

 public:
    ServerConnection(asio::ip::tcp::socket socket, UpgradeRequest request, ServerSocketOptions options, ServerSocketHandlers handlers, std::shared_ptr<void> seat)
        : options_(std::move(options)),
          handlers_(std::move(handlers)),
          request_(std::move(request)),
          stream_(std::move(socket)),
          heartbeat_(stream_.get_executor()),
          closing_(stream_.get_executor()),
          seat_(std::move(seat)) {}

    void open() {
        Failure ignored;
        stream_.next_layer().set_option(asio::ip::tcp::no_delay(true), ignored);
        // Pings are ours: Beast's own come only while the peer is silent, and some proxies look at both directions.
        stream_.set_option(ws::stream_base::timeout{options_.close_timeout, ws::stream_base::none(), false});
        stream_.set_option(ws::stream_base::decorator([protocol = options_.protocol](ws::response_type& response) {
            if (!protocol.empty()) response.set(beast::http::field::sec_websocket_protocol, protocol);
        }));
        stream_.read_message_max(0);  // read() counts: Beast would first wait for the peer to agree on a close
        stream_.control_callback([this](ws::frame_type, beast::string_view) { heard_ = true; });
        stream_.async_accept(request_, then([this](Failure failed) {
            if (failed) return end({kCloseBroken, failed.message()});
            request_ = {};
            open_ = true;
            heard_ = true;
            beat();
            read();
            if (!outgoing_.empty()) write();
            else if (bye_) say_goodbye();
        }));
    }

    void send(std::string message, bool binary) {
        if (ended_ || bye_) return;
        waiting_ += message.size();
        outgoing_.emplace_back(std::move(message), binary);
        if (waiting_ > options_.max_waiting) {  // a close frame would wait behind all that
            bye_ = SocketEnd{kClosePolicy, "the peer does not read"};
            return asio::post(stream_.get_executor(), then([this] { end(*bye_, Linger::No); }));
        }
        if (open_ && outgoing_.size() == 1) write();
    }

    void close(int code, std::string reason) {
        if (ended_ || bye_) return;
        bye_ = SocketEnd{code, short_reason(reason)};
        closing_.expires_after(options_.close_timeout);
        closing_.async_wait(then([this](Failure cancelled) {
            if (!cancelled) end(*bye_, Linger::No);
        }));
        if (open_ && outgoing_.empty()) say_goodbye();
    }

    void go_away() override { close(kCloseGoingAway, "the server is going away"); }

    /// The owner is gone: nothing is called any more.
    void abandon() {
        if (!std::exchange(ended_, true)) shut();
    }
    std::size_t waiting() const { return waiting_; }

 private:
    void read() {
        stream_.async_read_some(incoming_, kServerReadAtOnce, then([this](Failure failed, std::size_t) {
            if (failed) return end(why_ended(failed));
            heard_ = true;
            if (incoming_.size() > options_.max_message) return close(kCloseTooBig, fmt::format("a message is at most {} bytes", options_.max_message));
            if (!stream_.is_message_done()) return read();
            auto message = beast::buffers_to_string(incoming_.data());
            incoming_.consume(incoming_.size());
            const bool binary = stream_.got_binary();
            read();  // before the handler, which may drop us
            if (!bye_ && handlers_.on_message) handlers_.on_message(std::move(message), binary);
        }));
    }

    void write() {
        stream_.binary(outgoing_.front().second);
        stream_.async_write(asio::buffer(outgoing_.front().first), then([this](Failure failed, std::size_t) {
            if (failed) return end(why_ended(failed));
            waiting_ -= outgoing_.front().first.size();
            outgoing_.pop_front();
            if (!outgoing_.empty()) return write();
            if (bye_) say_goodbye();
        }));
    }

    void say_goodbye() {
        const ws::close_reason reason(static_cast<ws::close_code>(bye_->code), beast::string_view(bye_->reason.data(), bye_->reason.size()));
        stream_.async_close(reason, then([this](Failure) { end(*bye_); }));
    }

    void beat() {
        heartbeat_.expires_after(options_.ping_every);
        heartbeat_.async_wait(then([this](Failure cancelled) {
            if (cancelled) return;
            // By beats and not by the clock: after the loop was held up, what came meanwhile is still to be read.
            silent_beats_ = std::exchange(heard_, false) ? 0 : silent_beats_ + 1;
            if (silent_beats_ >= 2) return end({kCloseBroken, "the peer fell silent"});
            if (!std::exchange(pinging_, true))
                stream_.async_ping({}, then([this](Failure failed) { pinging_ = failed.failed(); }));  // reading tells of the failure
            beat();
        }));
    }

    SocketEnd why_ended(Failure failed) const {
        if (bye_) return *bye_;
        if (failed == ws::error::closed) {
            const auto& reason = stream_.reason();
            const bool none = reason.code == ws::close_code::none;
            return {none ? kCloseNoCode : static_cast<int>(reason.code), std::string(reason.reason.data(), reason.reason.size())};
        }
        if (failed.category() == Failure(ws::error::closed).category()) return {kCloseProtocol, failed.message()};
        return {kCloseBroken, failed.message()};
    }

    enum class Linger { No, Yes };
    void end(SocketEnd why, Linger how = Linger::Yes) {
        if (std::exchange(ended_, true)) return;
        if (handlers_.on_close) handlers_.on_close(why);
        if (!open_ || why.code == kCloseBroken || how == Linger::No) return shut();
        heartbeat_.cancel();
        closing_.expires_after(options_.close_timeout);
        closing_.async_wait([self = shared_from_this()](Failure) { self->shut(); });
        Failure ignored;
        stream_.next_layer().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
        linger();
    }

    // Whoever is still sending would lose the reason of the close to the reset that closing brings.
    void linger() {
        stream_.next_layer().async_read_some(asio::buffer(rest_), [self = shared_from_this()](Failure failed, std::size_t) {
            if (!failed) return self->linger();
            self->closing_.cancel();
        });
    }

    void shut() {
        heartbeat_.cancel();
        closing_.cancel();
        Failure ignored;
        stream_.next_layer().close(ignored);
        seat_.reset();  // the owner's handle may stay for long
    }

    ServerSocketOptions options_;
    ServerSocketHandlers handlers_;
    UpgradeRequest request_;  // until it is answered
    ws::stream<ServedStream> stream_;
    asio::steady_timer heartbeat_, closing_;
    beast::flat_buffer incoming_;
    std::deque<std::pair<std::string, bool>> outgoing_;  // the front one is being written when open
    std::size_t waiting_ = 0;
    std::optional<SocketEnd> bye_;  // we are closing
    std::array<char, 4096> rest_{};  // of what nobody reads any more
    int silent_beats_ = 0;
    bool heard_ = false;  // something, since the last beat
    bool open_ = false, ended_ = false, pinging_ = false;
    std::shared_ptr<void> seat_;
};

class ServerHandle final : public ServerSocket {
 public:
    explicit ServerHandle(std::shared_ptr<ServerConnection> connection) : connection_(std::move(connection)) {}
    ~ServerHandle() override { connection_->abandon(); }
    void send(std::string message, bool binary) override { connection_->send(std::move(message), binary); }
    void close(int code, std::string reason) override { connection_->close(code, std::move(reason)); }
    std::size_t waiting() const override { return connection_->waiting(); }

 private:
    std::shared_ptr<ServerConnection> connection_;
};

}  // namespace

bool is_websocket_upgrade(const UpgradeRequest& request) { return ws::is_upgrade(request); }

AcceptedSocket accept_websocket(asio::ip::tcp::socket socket, UpgradeRequest request, ServerSocketOptions options, ServerSocketHandlers handlers, std::shared_ptr<void> seat) {
    auto connection = std::make_shared<ServerConnection>(std::move(socket), std::move(request), std::move(options), std::move(handlers), std::move(seat));
    connection->open();
    return {std::make_unique<ServerHandle>(connection), connection};
}

}  // namespace voicectl::net
