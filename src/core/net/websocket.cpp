#include "voicectl/net/websocket.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <concepts>
#include <deque>
#include <optional>

#include "tls.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ws = beast::websocket;
using asio::ip::tcp;
using Failure = boost::system::error_code;
using PlainSocket = tcp::socket;
using TlsSocket = beast::ssl_stream<tcp::socket>;

constexpr std::size_t kShownBody = 200;
constexpr std::size_t kReadAtOnce = 64 * 1024;

Errc refusal_code(unsigned status) {
    if (status == 401 || status == 403) return Errc::Auth;
    if (status == 404) return Errc::NotFound;
    if (status == 429 || (status >= 502 && status <= 504)) return Errc::Unreachable;
    return Errc::Protocol;
}

Error refusal(const ws::response_type& response, const std::string& peer) {
    auto text = redact(trim(valid_utf8(response.body())));
    if (utf8_length(text) > kShownBody) text = cut_speech(text, kShownBody);
    auto message = fmt::format("{} refused the WebSocket with status {}", peer, response.result_int());
    if (!text.empty()) message += ": " + terminal_safe(text);
    return {refusal_code(response.result_int()), std::move(message), {}};
}

HttpResponse plain(const ws::response_type& response) {
    HttpResponse out;
    out.status = static_cast<int>(response.result_int());
    for (const auto& field : response)
        out.headers.emplace_back(to_lower_ascii({field.name_string().data(), field.name_string().size()}), std::string(field.value().data(), field.value().size()));
    out.body = response.body();
    return out;
}

/// One socket from the look-up of its name to its end. Kept alive by its own pending operations; the
/// owner's handle (Handle, below) only tells it to fall silent.
template<class Socket>
class Connection final : public std::enable_shared_from_this<Connection<Socket>> {
 public:
    Connection(AsioLoop& loop, WebSocketOptions options, Url url, WebSocketHandlers handlers, auto&... tls)
        : options_(std::move(options)), url_(std::move(url)), handlers_(std::move(handlers)),
          resolver_(loop.context()), opening_(loop.context()), stream_(loop.context(), tls...) {}

    void open() {
        opening_.expires_after(options_.connect_timeout);
        opening_.async_wait(then([this](Failure cancelled) {
            if (!cancelled) end(too_slow());
        }));
        resolver_.async_resolve(url_.host, std::to_string(url_.port), then([this](Failure failed, auto found) {
            if (failed) return end({Errc::Unreachable, fmt::format("cannot resolve host {}", url_.host), {}});
            connect(std::move(found));
        }));
    }

    void send(std::string message, bool binary) {
        if (ended_ || closing_) return;
        outgoing_.emplace_back(std::move(message), binary);
        if (open_ && outgoing_.size() == 1) write();
    }

    void close() {
        if (ended_ || closing_) return;
        closing_ = true;
        if (open_ && outgoing_.empty()) say_goodbye();
        if (open_) return;
        asio::post(stream_.get_executor(), then([this] { end({Errc::Cancelled, "given up before it was open", {}}); }));
    }

    /// The owner is gone: nothing is called any more.
    void abandon() {
        if (ended_) return;
        ended_ = true;
        shut();
    }

 private:
    // Every completion keeps the object alive and does nothing once it has ended.
    template<class Step>
    auto then(Step step) {
        return [self = this->shared_from_this(), step = std::move(step)](auto&&... results) mutable
                   requires std::invocable<Step&, decltype(results)...>
        {
            if (!self->ended_) step(std::forward<decltype(results)>(results)...);
        };
    }

    void connect(tcp::resolver::results_type found) {
        phase_ = "connection to";
        asio::async_connect(beast::get_lowest_layer(stream_), found, then([this](Failure failed, const tcp::endpoint&) {
            if (failed == asio::error::connection_refused)
                return end({Errc::Unreachable, fmt::format("connection refused by {}", url_.authority()), "is the server running, and is the port right?"});
            if (failed) return end({Errc::Unreachable, fmt::format("cannot connect to {}: {}", url_.authority(), failed.message()), {}});
            Failure ignored;
            beast::get_lowest_layer(stream_).set_option(tcp::no_delay(true), ignored);
            secure();
        }));
    }

    void secure() {
        if constexpr (std::is_same_v<Socket, TlsSocket>) {
            phase_ = "TLS handshake with";
            auto* tls = stream_.next_layer().native_handle();
            expect_host(tls, url_.host);
            stream_.next_layer().async_handshake(asio::ssl::stream_base::client, then([this, tls](Failure failed) {
                if (failed) {
                    return end({Errc::Unreachable, fmt::format("no TLS connection to {}: {}", url_.authority(), tls_failure(tls, failed.message())),
                                "is its certificate from an authority that this machine knows?"});
                }
                upgrade();
            }));
        } else {
            upgrade();
        }
    }

    void upgrade() {
        phase_ = "WebSocket answer from";
        stream_.set_option(ws::stream_base::timeout{options_.connect_timeout, options_.idle_timeout, true});
        stream_.set_option(ws::stream_base::decorator([headers = options_.headers](ws::request_type& request) {
            request.set(beast::http::field::user_agent, "voicectl/" VOICECTL_VERSION);
            for (const auto& [name, value] : headers) request.set(name, value);
        }));
        stream_.read_message_max(0);  // read() counts: Beast would first wait for the peer to agree on a close
        stream_.async_handshake(response_, url_.host_header(), url_.path, then([this](Failure failed) {
            if (failed == ws::error::upgrade_declined) return refused();
            if (failed == beast::error::timeout) return end(too_slow());
            if (failed == beast::http::error::end_of_stream || failed == asio::error::eof || failed == asio::error::connection_reset)
                return end({Errc::Unreachable, fmt::format("{} closed the connection instead of answering", url_.authority()), {}});
            if (failed) return end({Errc::Protocol, fmt::format("{} does not answer as a WebSocket: {}", url_.authority(), failed.message()), {}});
            opened();
        }));
    }

    void refused() {
        if (handlers_.on_refused) handlers_.on_refused(plain(response_));
        if (!ended_) end(refusal(response_, url_.authority()));
    }

    void opened() {
        opening_.cancel();
        open_ = true;
        read();
        if (!outgoing_.empty()) write();
        if (handlers_.on_open) handlers_.on_open();
    }

    void read() {
        stream_.async_read_some(incoming_, kReadAtOnce, then([this](Failure failed, std::size_t) {
            if (failed) return end(why_ended(failed));
            if (incoming_.size() > options_.max_message)
                return end({Errc::Protocol, fmt::format("{} sent a message larger than {} bytes", url_.authority(), options_.max_message), {}});
            if (!stream_.is_message_done()) return read();
            auto message = beast::buffers_to_string(incoming_.data());
            incoming_.consume(incoming_.size());
            const bool binary = stream_.got_binary();
            read();  // before the handler, which may drop us
            if (handlers_.on_message) handlers_.on_message(std::move(message), binary);
        }));
    }

    void write() {
        stream_.binary(outgoing_.front().second);
        stream_.async_write(asio::buffer(outgoing_.front().first), then([this](Failure failed, std::size_t) {
            if (failed) return end(why_ended(failed));
            outgoing_.pop_front();
            if (!outgoing_.empty()) return write();
            if (closing_) say_goodbye();
        }));
    }

    void say_goodbye() {
        stream_.async_close(ws::close_code::normal, then([this](Failure) { end({Errc::Cancelled, "closed by us", {}}); }));
    }

    Error why_ended(Failure failed) const {
        const auto peer = url_.authority();
        if (closing_) return {Errc::Cancelled, "closed by us", {}};
        if (failed == beast::error::timeout)
            return {Errc::Timeout, fmt::format("{} said nothing for {}", peer, format_duration(options_.idle_timeout)), {}};
        if (failed == ws::error::closed) {
            const auto& reason = stream_.reason();
            auto text = fmt::format("{} closed the connection with code {}", peer, reason.code);
            if (!reason.reason.empty()) text += ": " + terminal_safe(redact({reason.reason.data(), reason.reason.size()}));
            return {Errc::Unreachable, std::move(text), {}};
        }
        if (failed.category() == Failure(ws::error::closed).category())
            return {Errc::Protocol, fmt::format("{} broke the WebSocket protocol: {}", peer, failed.message()), {}};
        return {Errc::Unreachable, fmt::format("the connection to {} broke: {}", peer, failed.message()), {}};
    }

    Error too_slow() const {
        const auto code = phase_ == "connection to" ? Errc::Unreachable : Errc::Timeout;
        return {code, fmt::format("no {} {} within {}", phase_, url_.authority(), format_duration(options_.connect_timeout)), {}};
    }

    void end(Error why) {
        if (std::exchange(ended_, true)) return;
        shut();
        if (handlers_.on_close) handlers_.on_close(std::move(why));
    }

    void shut() {
        opening_.cancel();
        resolver_.cancel();
        Failure ignored;
        beast::get_lowest_layer(stream_).close(ignored);
    }

    WebSocketOptions options_;
    Url url_;
    WebSocketHandlers handlers_;
    tcp::resolver resolver_;
    asio::steady_timer opening_;
    ws::stream<Socket> stream_;
    ws::response_type response_;
    beast::flat_buffer incoming_;
    std::deque<std::pair<std::string, bool>> outgoing_;  // the front one is being written when open
    std::string_view phase_ = "address of";
    bool open_ = false, closing_ = false, ended_ = false;
};

template<class Socket>
class Handle final : public WebSocket {
 public:
    explicit Handle(std::shared_ptr<Connection<Socket>> connection) : connection_(std::move(connection)) {}
    ~Handle() override { connection_->abandon(); }
    void send(std::string message, bool binary) override { connection_->send(std::move(message), binary); }
    void close() override { connection_->close(); }

 private:
    std::shared_ptr<Connection<Socket>> connection_;
};

/// A URL that cannot be opened: on_close says so, like every other failure, after open() returned.
class Stillborn final : public WebSocket {
 public:
    Stillborn(Loop& loop, Error why, WebSocketHandlers handlers) {
        loop.post(lifeline_.guard([why = std::move(why), on_close = std::move(handlers.on_close)] {
            if (on_close) on_close(why);
        }));
    }
    void send(std::string, bool) override {}
    void close() override {}

 private:
    Lifeline lifeline_;
};

}  // namespace

std::unique_ptr<WebSocket> WebSocket::open(AsioLoop& loop, WebSocketOptions options, WebSocketHandlers handlers) {
    auto url = parse_url(options.url);
    if (url && url->scheme != "ws" && url->scheme != "wss")
        url = fail(Errc::Usage, "'{}' is not a ws or wss URL", redact(options.url));
    if (!url) return std::make_unique<Stillborn>(loop, std::move(url).error(), std::move(handlers));
    const auto opened = [&]<class Socket>(std::shared_ptr<Connection<Socket>> connection) -> std::unique_ptr<WebSocket> {
        connection->open();
        return std::make_unique<Handle<Socket>>(std::move(connection));
    };
    if (!url->secure())
        return opened(std::make_shared<Connection<PlainSocket>>(loop, std::move(options), std::move(*url), std::move(handlers)));
    auto tls = client_tls();  // the stream keeps what it needs of it
    return opened(std::make_shared<Connection<TlsSocket>>(loop, std::move(options), std::move(*url), std::move(handlers), tls));
}

std::unique_ptr<WebSocket> WebSocket::open_on(Loop& loop, WebSocketOptions options, WebSocketHandlers handlers) {
    if (auto* real = dynamic_cast<AsioLoop*>(&loop)) return open(*real, std::move(options), std::move(handlers));
    return std::make_unique<Stillborn>(loop, Error{Errc::Unreachable, "this loop has no sockets", {}}, std::move(handlers));
}

}  // namespace voicectl::net
