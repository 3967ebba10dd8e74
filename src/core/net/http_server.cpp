#include "voicectl/net/http_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "voicectl/base/text.h"
#include "websocket_server.h"

namespace voicectl::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr std::uint32_t kMaxHeader = 16 * 1024;
constexpr std::size_t kSmallAnswer = 64 * 1024;  // always given
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kLinger{2000};
constexpr std::chrono::milliseconds kReadPatience{2000};  // who reads his answer for no longer is not closed for others

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

template<class Request>
ServedRequest to_head(const Request& from, const std::string& peer) {
    ServedRequest out;
    out.method = std::string(from.method_string());
    const std::string target(from.target());
    const auto mark = target.find('?');
    out.path = target.substr(0, mark);
    if (mark != std::string::npos) out.query = target.substr(mark + 1);
    for (const auto& field : from) out.headers.emplace_back(to_lower_ascii(std::string(field.name_string())), std::string(field.value()));
    out.peer = peer;
    return out;
}

/// What a proxy before us may have read otherwise than we do; "" for none.
template<class Request>
std::string_view doubtful(const Request& head) {
    const auto count = [&](http::field field) { return head.count(field); };
    if (head.version() != 10 && head.version() != 11) return "another version of HTTP";
    if (count(http::field::host) > 1 || (head.version() == 11 && count(http::field::host) == 0)) return "not one Host";
    if (!head.target().starts_with('/')) return "a target that is no path";
    if (std::any_of(head.target().begin(), head.target().end(), [](unsigned char c) { return c <= ' ' || c >= 0x7f; })) return "a target with other characters than a path has";
    if (count(http::field::content_length) > 1) return "two Content-Lengths";
    const auto length = head[http::field::content_length];
    if (length.find_first_not_of("0123456789") != length.npos) return "a Content-Length that is no number";  // Beast takes "0, 45" for 0
    if (count(http::field::transfer_encoding) == 0) return {};
    if (count(http::field::transfer_encoding) > 1 || !beast::iequals(head[http::field::transfer_encoding], "chunked")) return "a Transfer-Encoding that is not chunked";
    if (head.version() == 10 || count(http::field::content_length) != 0) return "a Transfer-Encoding that does not belong there";
    return {};
}

class Connection;

/// What connections share; they may outlive the server by the answer that is being written.
struct Shared {
    HttpServerOptions options;
    HttpServer::Handler handler;
    std::set<Connection*> open;
    bool draining = false;
    std::function<void()> drained;  // called once
    std::size_t bodies = 0;         // bytes set aside for those that are being read
    std::size_t answers = 0;        // bytes of those that are being written
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
    Connection(tcp::socket socket, std::shared_ptr<Shared> shared) : stream_(std::move(socket)), shared_(std::move(shared)) {
        boost::system::error_code ignored;
        const auto peer = stream_.socket().remote_endpoint(ignored);
        if (!ignored) peer_ = fmt::format("{}:{}", peer.address().to_string(), peer.port());
        shared_->open.insert(this);
    }
    ~Connection() {
        set_aside(0);
        hold(0);
        shared_->open.erase(this);
        if (shared_->draining && shared_->open.empty() && shared_->drained) std::exchange(shared_->drained, nullptr)();
    }

    void begin() { read(shared_->options.request_timeout); }
    /// Nothing of a request is being answered; since then.
    std::optional<TimePoint> reading_since() const { return reading_since_; }
    /// An answer is on its way to the client; since then.
    std::optional<TimePoint> writing_since() const { return writing_since_; }
    void go_away() {
        if (const auto socket = socket_.lock()) socket->go_away();
    }
    /// Of a request for a WebSocket.
    void refuse_socket(ServedResponse response) {
        if (shared_->handler) write(std::move(response), false);
    }
    std::unique_ptr<ServerSocket> accept(UpgradeRequest request, ServerSocketOptions options, ServerSocketHandlers handlers) {
        auto accepted = accept_websocket(stream_.release_socket(), std::move(request), std::move(options), std::move(handlers), shared_from_this());
        socket_ = accepted.served;
        if (shared_->draining) go_away();
        return std::move(accepted.owned);
    }
    void close() {
        reading_since_.reset();
        writing_since_.reset();
        boost::system::error_code ignored;
        stream_.socket().close(ignored);
    }

 private:
    void read(std::chrono::milliseconds time) {
        parser_.emplace();
        parser_->body_limit(shared_->options.max_body);
        parser_->header_limit(kMaxHeader);
        head_only_ = false;
        reading_since_ = Clock::now();
        stream_.expires_after(time);
        http::async_read_header(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_header(error); });
    }

    void on_header(beast::error_code error) {
        if (error) return on_read(error);
        const auto& head = parser_->get();
        head_only_ = head.method() == http::verb::head;
        if (const auto what = doubtful(head); !what.empty()) return refuse(400, fmt::format("this request has {}", what));
        fields_ = static_cast<std::size_t>(std::distance(head.begin(), head.end()));
        const auto& options = shared_->options;
        const auto limit = options.body_limit ? std::min(options.max_body, options.body_limit(to_head(head, peer_))) : options.max_body;
        const auto length = parser_->content_length();
        if (length && *length > limit) return refuse(413, "the body is too large");
        parser_->body_limit(limit);
        const auto needs = length ? static_cast<std::size_t>(*length) : parser_->chunked() ? limit : 0;
        if (shared_->bodies + needs > options.max_bodies) return refuse(503, "too much is being sent at once", {{"Retry-After", "2"}});
        set_aside(needs);
        if (needs == 0 || !beast::iequals(head[http::field::expect], "100-continue")) return read_body();
        asio::async_write(stream_, asio::buffer(kContinue), [self = shared_from_this()](beast::error_code failed, std::size_t) {
            if (failed) return self->on_read(failed);
            self->read_body();
        });
    }

    void read_body() {
        http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_read(error); });
    }

    void on_read(beast::error_code error) {
        reading_since_.reset();
        set_aside(0);
        if (error == http::error::body_limit) return refuse(413, "the body is too large");
        if (error == http::error::header_limit) return refuse(431, "the header is too large");
        if (error == http::error::end_of_stream || error == beast::error::timeout || error == asio::error::operation_aborted) return;
        if (error.category() == http::make_error_code(http::error::bad_method).category()) return refuse(400, "this is no HTTP request");
        if (error || !shared_->handler) return;
        auto request = parser_->release();
        if (static_cast<std::size_t>(std::distance(request.begin(), request.end())) != fields_) return refuse(400, "this request has a trailer");
        const bool keep = request.keep_alive();
        stream_.expires_never();  // whoever answers has his own limits
        if (is_websocket_upgrade(request) && offer(request)) return;
        auto asked = std::make_shared<std::shared_ptr<Connection>>(shared_from_this());  // until answered, however long the answer is kept
        auto served = to_head(request, peer_);
        served.body = std::move(request.body());
        shared_->handler(served, [asked, keep](ServedResponse response) {
            const auto self = std::exchange(*asked, nullptr);
            if (self && self->shared_->handler) self->write(std::move(response), keep);
        });
    }

    /// False: nobody wants to make a WebSocket of it.
    bool offer(UpgradeRequest& request);

    void refuse(int status, const std::string& text, const Headers& headers = {}) {
        reading_since_.reset();
        const auto given = shared_->handler ? shared_->options.refusal : nullptr;
        auto response = given ? given(status, text) : ServedResponse{status, text + "\n"};
        response.headers.insert(response.headers.end(), headers.begin(), headers.end());
        write(std::move(response), false);
    }

    void set_aside(std::size_t bytes) {
        shared_->bodies += bytes - set_aside_;
        set_aside_ = bytes;
    }

    void hold(std::size_t bytes) {
        shared_->answers += bytes - held_;
        held_ = bytes;
    }

    void write(ServedResponse from, bool keep) {
        if (const auto size = from.body.size(); size > kSmallAnswer && shared_->answers + size > shared_->options.max_answers) return refuse(503, "too much is being answered at once", {{"Retry-After", "2"}});
        hold(from.body.size());
        response_ = {};
        response_.result(static_cast<unsigned>(from.status));
        response_.set(http::field::content_type, from.type);
        response_.set(http::field::cache_control, "no-store");
        for (const auto& [name, value] : from.headers) response_.set(name, value);
        response_.keep_alive(keep && !shared_->draining);
        const auto size = from.body.size();
        if (!head_only_) response_.body() = std::move(from.body);
        response_.content_length(size);
        constexpr std::size_t kSlowest = 64;  // bytes in a millisecond
        stream_.expires_after(shared_->options.request_timeout + std::chrono::milliseconds(size / kSlowest));
        writing_since_ = Clock::now();
        http::async_write(stream_, response_, [self = shared_from_this(), keep](beast::error_code error, std::size_t) {
            self->writing_since_.reset();
            self->response_.body() = {};
            self->hold(0);
            if (error) return;
            if (keep && !self->shared_->draining) return self->read(self->shared_->options.idle_timeout);
            boost::system::error_code ignored;
            self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
            self->stream_.expires_after(kLinger);
            self->linger();
        });
    }

    // Whoever is still sending would lose the answer to the reset that closing brings.
    void linger() {
        stream_.async_read_some(asio::buffer(rest_), [self = shared_from_this()](beast::error_code error, std::size_t) {
            if (!error && self->shared_->handler) self->linger();
        });
    }

    beast::tcp_stream stream_;
    std::shared_ptr<Shared> shared_;
    std::string peer_;
    beast::flat_buffer buffer_{kMaxHeader + 64 * 1024};
    std::optional<http::request_parser<http::string_body>> parser_;
    http::response<http::string_body> response_;
    std::optional<TimePoint> reading_since_, writing_since_;
    std::size_t fields_ = 0, set_aside_ = 0, held_ = 0;
    std::array<char, 4096> rest_{};
    bool head_only_ = false;
    std::weak_ptr<ServedSocket> socket_;  // what became of us
};

class ConnectionUpgrade final : public Upgrade {
 public:
    ConnectionUpgrade(std::shared_ptr<Connection> connection, UpgradeRequest request) : connection_(std::move(connection)), request_(std::move(request)) {}
    void refuse(ServedResponse response) override {
        if (const auto connection = std::exchange(connection_, nullptr)) connection->refuse_socket(std::move(response));
    }
    std::unique_ptr<ServerSocket> accept(ServerSocketOptions options, ServerSocketHandlers handlers) override {
        const auto connection = std::exchange(connection_, nullptr);
        return connection ? connection->accept(std::move(request_), std::move(options), std::move(handlers)) : nullptr;
    }

 private:
    std::shared_ptr<Connection> connection_;  // until answered
    UpgradeRequest request_;
};

bool Connection::offer(UpgradeRequest& request) {
    const auto& options = shared_->options;
    if (!options.upgrades || !options.on_upgrade) return false;
    const auto served = to_head(request, peer_);
    if (!options.upgrades(served)) return false;
    // A client sends nothing before it has the answer: what is there already is another request, or a body.
    if (!request.body().empty() || buffer_.size() > 0) {
        write({400, "a request for a WebSocket has nothing after its header\n"}, false);
        return true;
    }
    options.on_upgrade(served, std::make_unique<ConnectionUpgrade>(shared_from_this(), std::move(request)));
    return true;
}

class BeastServer final : public HttpServer {
 public:
    BeastServer(AsioLoop& loop, HttpServerOptions options, Handler handler)
        : acceptor_(loop.context()), pause_(loop), shared_(std::make_shared<Shared>(Shared{std::move(options), std::move(handler), {}})) {}

    ~BeastServer() override {
        shared_->handler = nullptr;
        shared_->drained = nullptr;
        const auto open = shared_->open;
        for (auto* connection : open) {
            connection->go_away();
            connection->close();
        }
    }

    Result<void> open() {
        const auto& options = shared_->options;
        boost::system::error_code error;
        const auto address = asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
        if (error) return fail_with_hint(Errc::Usage, fmt::format("'{}' is no address to listen on", options.host), "for example 127.0.0.1, or 0.0.0.0 for every interface");
        const tcp::endpoint endpoint(address, static_cast<unsigned short>(options.port));
        acceptor_.open(endpoint.protocol(), error);
        if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
        if (!error) acceptor_.bind(endpoint, error);
        if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
        if (error == asio::error::address_in_use)
            return fail_with_hint(Errc::Conflict, fmt::format("port {} is taken", options.port), fmt::format("see who has it: ss -ltnp 'sport = :{}'", options.port));
        if (error) return fail(Errc::Usage, "cannot listen on {}:{}: {}", options.host, options.port, error.message());
        port_ = acceptor_.local_endpoint(error).port();
        accept();
        return {};
    }

    int port() const override { return port_; }

    void drain(std::function<void()> done) override {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        pause_.cancel();
        shared_->draining = true;
        if (shared_->open.empty()) return done();
        shared_->drained = std::move(done);
        const auto open = shared_->open;
        for (auto* connection : open) {
            connection->go_away();
            if (connection->reading_since()) connection->close();
        }
    }

 private:
    /// The one that has been so for longest, by what `since` says of each.
    Connection* longest(std::optional<TimePoint> (Connection::*since)() const) const {
        Connection* out = nullptr;
        for (auto* one : shared_->open)
            if ((one->*since)() && (out == nullptr || *(one->*since)() < *(out->*since)())) out = one;
        return out;
    }

    // Of those that wait for a request, or for the rest of one, the slowest: who sends at once is never among them for long. When
    // there are none, of those that take long to read their answer.
    bool shed_slowest() {
        auto* slowest = longest(&Connection::reading_since);
        if (slowest == nullptr) slowest = longest(&Connection::writing_since);
        if (slowest == nullptr || (slowest->writing_since() && Clock::now() - *slowest->writing_since() < kReadPatience)) return false;
        slowest->close();
        return true;
    }

    void accept() {
        acceptor_.async_accept(lifeline_.guard([this](boost::system::error_code error, tcp::socket socket) {
            if (error == asio::error::operation_aborted) return;
            if (error) return pause_.after(kAcceptPause, [this] { accept(); });  // out of descriptors, for one
            if (shared_->open.size() < shared_->options.max_connections || shed_slowest()) std::make_shared<Connection>(std::move(socket), shared_)->begin();
            accept();
        }));
    }

    tcp::acceptor acceptor_;
    int port_ = 0;
    Timer pause_;
    std::shared_ptr<Shared> shared_;
    Lifeline lifeline_;
};

}  // namespace

std::string_view ServedRequest::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (key == name) return value;
    return {};
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(AsioLoop& loop, const HttpServerOptions& options, Handler handler) {
    auto server = std::make_unique<BeastServer>(loop, options, std::move(handler));
    VC_TRY(server->open());
    return server;
}

}  // namespace voicectl::net
