#include "voicectl/net/direct_http.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdlib>
#include <optional>
#include <unordered_map>

#include "http_words.h"
#include "tls.h"
#include "voicectl/base/text.h"

namespace voicectl::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::size_t kReadAtOnce = 8 * 1024;
constexpr std::size_t kLargestHead = 256 * 1024;
constexpr std::size_t kMostOrigins = 64;
constexpr std::chrono::seconds kAddressLife{60}, kLongestIdle{90};  // what lies between may forget a connection that says nothing
constexpr auto kNever = TimePoint::max();

TimePoint after(TimePoint from, milliseconds time) { return time > milliseconds::zero() ? from + time : kNever; }
milliseconds time_since(TimePoint begun) { return std::chrono::duration_cast<milliseconds>(Clock::now() - begun); }

class DirectLine;

/// One request until its answer is told; shared by the caller's stream and the connection that carries it.
struct Order {
    HttpStreamHandlers handlers;
    std::string text;  // head and body as they go over the wire
    milliseconds connect_timeout, idle_timeout, total_timeout;
    std::size_t max_body = 0;
    bool head_only = false, sent_again = false, dropped = false;
    TimePoint begun = Clock::now();
    std::shared_ptr<DirectLine> line = {};  // carries it now

    void end(const Result<void>& result) {
        line.reset();
        if (dropped || !handlers.on_done) return;
        const auto last = std::move(handlers);  // one of them may drop the stream, and the order with it
        last.on_done(result);
    }
};
using OrderPtr = std::shared_ptr<Order>;

/// A connection, from the look-up of its name to its end.
class DirectLine {
 public:
    virtual ~DirectLine() = default;
    virtual void carry(OrderPtr order) = 0;
    /// Closes it; nothing is called afterwards.
    virtual void shut() = 0;
};

/// Where requests of one URL go.
struct Origin : std::enable_shared_from_this<Origin> {
    Origin(AsioLoop& loop, Url to) : url(std::move(to)), resolver(loop.context()) {}

    Url url;
    std::string head_end;  // " /path HTTP/1.1", and the headers that are always the same
    std::vector<std::shared_ptr<DirectLine>> idle;
    std::function<void(OrderPtr)> carry_anew;  // on a new connection
    std::vector<tcp::endpoint> addresses;

    /// One look-up for all connections that are opened together, kept as long as libcurl keeps it. No addresses: it failed.
    void look_up(std::function<void()> known) {
        if (Clock::now() < known_until) return known();
        waiting.push_back(std::move(known));
        if (waiting.size() > 1) return;
        resolver.async_resolve(url.host, std::to_string(url.port), [self = shared_from_this()](Failure failed, const tcp::resolver::results_type& found) {
            self->addresses.clear();
            if (!failed)
                for (const auto& one : found) self->addresses.push_back(one.endpoint());
            self->known_until = failed ? TimePoint{} : Clock::now() + kAddressLife;
            for (const auto waited = std::exchange(self->waiting, {}); const auto& one : waited) one();
        });
    }
    void forget_addresses() { known_until = {}; }
    void shut() {
        waiting.clear();
        resolver.cancel();
        for (const auto lines = idle; const auto& line : lines) line->shut();
    }

 private:
    tcp::resolver resolver;
    std::vector<std::function<void()>> waiting;
    TimePoint known_until{};
};

/// The body of an answer goes on as it comes.
struct PassedOn {
    struct value_type {
        Order* order = nullptr;
        std::size_t bytes = 0;
    };
    class reader {
     public:
        template<bool isRequest, class Fields>
        reader(http::header<isRequest, Fields>&, value_type& to) : to_(to) {}
        void init(const boost::optional<std::uint64_t>&, Failure& failed) { failed = {}; }
        template<class Buffers>
        std::size_t put(const Buffers& buffers, Failure& failed) {
            failed = {};
            std::size_t size = 0;
            for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
                const asio::const_buffer piece = *at;
                size += piece.size();
                to_.bytes += piece.size();
                if (to_.bytes > to_.order->max_body) {
                    failed = http::error::body_limit;
                    return size;
                }
                if (!to_.order->dropped && to_.order->handlers.on_chunk) to_.order->handlers.on_chunk({static_cast<const char*>(piece.data()), piece.size()});
            }
            return size;
        }
        void finish(Failure& failed) { failed = {}; }

     private:
        value_type& to_;
    };
};

/// Kept alive by its own pending operations.
template<class Socket>
class DirectConnection final : public DirectLine, public std::enable_shared_from_this<DirectConnection<Socket>> {
    static constexpr bool kSecure = !std::is_same_v<Socket, tcp::socket>;
    enum class Phase { Connect, Handshake, Exchange };

 public:
    DirectConnection(AsioLoop& loop, std::shared_ptr<Origin> origin, auto&... tls)
        : origin_(std::move(origin)), timer_(loop.context()), stream_(loop.context(), tls...) {}

    void carry(OrderPtr order) override {
        order_ = std::move(order);
        order_->line = this->shared_from_this();
        if (phase_ == Phase::Exchange) return exchange();
        resolve();
    }

    void shut() override {
        if (std::exchange(ended_, true)) return;
        timer_.cancel();
        Failure ignored;
        stream_.lowest_layer().close(ignored);
        std::erase_if(origin_->idle, [this](const auto& one) { return one.get() == this; });
        order_.reset();
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

    void resolve() {
        connect_begun_ = Clock::now();  // later than the request, when that is sent again
        connect_until_ = std::min(after(connect_begun_, order_->connect_timeout), after(order_->begun, order_->total_timeout));
        expect_by(connect_until_);
        origin_->look_up(then([this] {
            addresses_ = origin_->addresses;
            if (addresses_.empty()) return fail_with(unresolved(origin_->url.host));
            connect();
        }));
    }

    // One address after the other; each has its part of the time that is left, so that one that swallows packets leaves some for the next.
    void connect() {
        const auto address = addresses_.at(tried_++);
        const auto now = Clock::now();
        const auto left = addresses_.size() - tried_ + 1;
        expect_by(connect_until_ == kNever ? kNever : now + (connect_until_ - now) / static_cast<Duration::rep>(left));
        Failure ignored;
        stream_.lowest_layer().close(ignored);
        stream_.lowest_layer().async_connect(address, then([this, tried = tried_](Failure failed) {
            if (tried != tried_) return;  // given up for the next
            if (!failed) return connected();
            if (tried_ < addresses_.size()) return connect();
            origin_->forget_addresses();
            fail_with(failed == asio::error::connection_refused ? connection_refused(origin_->url.authority()) : not_connected(origin_->url.authority(), failed.message()));
        }));
    }

    void connected() {
        Failure ignored;
        stream_.lowest_layer().set_option(tcp::no_delay(true), ignored);
        expect_by(connect_until_);
        if constexpr (kSecure) {
            phase_ = Phase::Handshake;
            auto* tls = stream_.native_handle();
            expect_host(tls, origin_->url.host);
            stream_.async_handshake(asio::ssl::stream_base::client, then([this, tls](Failure failed) {
                const auto peer = origin_->url.authority();
                const bool distrusted = failed.category() == asio::error::get_ssl_category() && ERR_GET_REASON(failed.value()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
                if (failed) return fail_with(distrusted ? not_trusted(peer, tls_failure(tls, failed.message())) : no_tls(peer, failed.message()));
                ready();
            }));
        } else {
            ready();
        }
    }

    void ready() {
        phase_ = Phase::Exchange;
        exchange();
        read();
    }

    void exchange() {
        expect_answer();
        heard_ = head_told_ = false;
        total_until_ = after(order_->begun, order_->total_timeout);
        listen_on();
        writing_ = true;
        asio::async_write(stream_, asio::buffer(order_->text), then([this, order = order_](Failure failed, std::size_t) {
            writing_ = false;
            if (failed) broken_ = true;  // an answer may have come all the same; the reader has the last word
            else if (order == order_) listen_on();
        }));
    }

    void expect_answer() {
        parser_.emplace();
        parser_->get().body().order = order_.get();
        parser_->body_limit(boost::none);  // PassedOn counts
        parser_->header_limit(kLargestHead);
        if (order_->head_only) parser_->skip(true);
    }

    // Always on its way, between two requests too: so an end is noticed when it comes.
    void read() {
        stream_.async_read_some(incoming_.prepare(kReadAtOnce), then([this](Failure failed, std::size_t size) {
            if (!order_) return shut();  // closed while idle, or words nobody asked for
            if (failed) return read_ended(failed);
            incoming_.commit(size);
            heard_ = true;
            listen_on();
            if (parse()) read();
        }));
    }

    /// False: the connection is no more.
    bool parse() {
        const auto keep = order_;  // its handlers may drop the stream
        while (!ended_ && order_ && incoming_.size() != 0) {
            Failure failed;
            const auto used = parser_->put(incoming_.data(), failed);
            incoming_.consume(used);
            if (ended_) return false;  // the body's reader has dropped the stream
            if (failed == http::error::need_more) break;
            if (failed) {
                const auto peer = origin_->url.authority();
                if (failed == http::error::body_limit) fail_with(too_large(peer, "answer", order_->max_body));
                else fail_with(failed == http::error::header_limit ? too_large(peer, "head of the answer", kLargestHead) : not_http(peer));
                return false;
            }
            after_piece();
        }
        return !ended_;
    }

    void after_piece() {
        const auto status = parser_->get().result_int();
        if (parser_->is_done() && status >= 100 && status < 200 && status != 101) return expect_answer();  // another head follows
        if (!head_told_ && parser_->is_header_done()) tell_head();
        if (!ended_ && parser_->is_done()) finish();
    }

    void tell_head() {
        head_told_ = true;
        if (!order_->handlers.on_head) return;
        HttpResponse head;
        head.status = static_cast<int>(parser_->get().result_int());
        for (const auto& field : parser_->get())
            head.headers.emplace_back(to_lower_ascii({field.name_string().data(), field.name_string().size()}), std::string(field.value().data(), field.value().size()));
        head.elapsed = time_since(order_->begun);
        order_->handlers.on_head(head);
    }

    void finish() {
        const auto order = std::move(order_);
        const bool kept = parser_->keep_alive() && !writing_ && !broken_ && incoming_.size() == 0 && parser_->get().result_int() != 101;
        if (kept) {
            used_before_ = true;
            expect_by(Clock::now() + kLongestIdle);
            origin_->idle.push_back(this->shared_from_this());
        } else {
            shut();
        }
        order->end({});
    }

    void read_ended(Failure failed) {
        if (failed == asio::error::eof && parser_->is_header_done()) {
            Failure incomplete;
            parser_->put_eof(incomplete);
            broken_ = true;
            if (!incomplete && parser_->is_done()) return finish();
        }
        if (used_before_ && !heard_ && !order_->sent_again) {
            const auto order = std::move(order_);
            const auto origin = origin_;
            order->sent_again = true;
            shut();
            return origin->carry_anew(order);
        }
        const auto peer = origin_->url.authority();
        if (failed != asio::error::eof && failed != asio::ssl::error::stream_truncated) return fail_with(broke(peer, failed.message()));
        fail_with(!heard_ ? closed_unanswered(peer) : head_told_ ? ended_early(peer) : no_answer_from(peer));
    }

    void fail_with(Error why) {
        const auto order = std::move(order_);
        shut();
        order->end(std::unexpected(std::move(why)));
    }

    // Seldom set anew: the timer that runs looks at what is due now.
    void expect_by(TimePoint at) {
        deadline_ = at;
        if (at < timer_due_) arm(at);
    }
    void listen_on() {
        const auto silent_until = order_->idle_timeout > milliseconds::zero() ? Clock::now() + order_->idle_timeout : kNever;
        expect_by(std::min(total_until_, silent_until));
    }
    void arm(TimePoint at) {
        timer_due_ = at;
        timer_.expires_at(at);
        timer_.async_wait(then([this](Failure cancelled) {
            if (cancelled) return;
            timer_due_ = kNever;
            if (deadline_ <= Clock::now()) return too_late();
            if (deadline_ != kNever) arm(deadline_);
        }));
    }

    void too_late() {
        if (!order_) return shut();
        const auto peer = origin_->url.authority();
        if (phase_ == Phase::Connect && tried_ != 0 && tried_ < addresses_.size() && Clock::now() < connect_until_) return connect();
        if (phase_ == Phase::Connect) origin_->forget_addresses();
        if (phase_ == Phase::Connect) return fail_with(too_far(peer, time_since(connect_begun_)));
        if (phase_ == Phase::Handshake) return fail_with(no_handshake(peer, time_since(connect_begun_)));
        fail_with(Clock::now() >= total_until_ ? unfinished(peer, order_->total_timeout) : silent(peer, order_->idle_timeout));
    }

    std::shared_ptr<Origin> origin_;
    OrderPtr order_;  // none: idle
    asio::steady_timer timer_;
    Socket stream_;
    std::vector<tcp::endpoint> addresses_;
    std::size_t tried_ = 0;
    boost::beast::flat_buffer incoming_{kLargestHead + kReadAtOnce};
    std::optional<http::response_parser<PassedOn>> parser_;
    TimePoint connect_begun_{}, connect_until_{}, total_until_{}, deadline_ = kNever, timer_due_ = kNever;
    Phase phase_ = Phase::Connect;
    bool used_before_ = false, heard_ = false, head_told_ = false, writing_ = false, broken_ = false, ended_ = false;
};

bool proxy_in_environment() {
    constexpr std::array kNames{"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};  // as libcurl has them
    return std::any_of(kNames.begin(), kNames.end(), [](const char* name) {
        const char* value = std::getenv(name);
        return value != nullptr && *value != '\0';
    });
}

// Names of other alphabets, and paths that libcurl would tidy ("/a/../b").
bool needs_care(std::string_view url) {
    for (auto at = url.find("/."); at != std::string_view::npos; at = url.find("/.", at + 1)) {
        const auto end = url.find_first_not_of('.', at + 1);
        if (end == std::string_view::npos || std::string_view("/?#").find(url[end]) != std::string_view::npos) return true;
    }
    return std::any_of(url.begin(), url.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

std::string wire_text(const HttpRequest& request, const std::string& head_end) {
    std::string out;
    std::size_t size = request.method.size() + head_end.size() + request.body.size() + 32;
    for (const auto& [name, value] : request.headers) size += name.size() + value.size() + 4;
    out.reserve(size);
    out.append(request.method).append(head_end);
    for (const auto& [name, value] : request.headers) out.append(name).append(value.empty() ? ":" : ": ").append(value).append("\r\n");
    if (has_body(request)) fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", request.body.size());
    return out.append("\r\n").append(request.body);
}

class DirectStream final : public HttpStream {
 public:
    explicit DirectStream(OrderPtr order) : order_(std::move(order)) {}
    ~DirectStream() override {
        order_->dropped = true;
        if (const auto line = std::move(order_->line)) line->shut();
    }

 private:
    OrderPtr order_;
};

}  // namespace

struct DirectHttp::Impl {
    AsioLoop& loop;
    HttpClient& other;
    const bool proxied = proxy_in_environment();
    std::optional<asio::ssl::context> tls = {};
    std::unordered_map<std::string, std::shared_ptr<Origin>> origins = {};  // by URL

    bool leaves_to_other(const HttpRequest& request) const {
        return proxied || request.proxy || request.sigv4 || request.public_only || needs_care(request.url);
    }

    Result<std::shared_ptr<Origin>> origin_of(const HttpRequest& request) {
        if (const auto known = origins.find(request.url); known != origins.end()) {
            VC_TRY(check_head(request));
            return known->second;
        }
        VC_TRY_ASSIGN(auto url, check_request(request));
        if (origins.size() >= kMostOrigins) std::erase_if(origins, [](const auto& one) { return one.second.use_count() == 1; });  // no connection
        const auto origin = origins[request.url] = std::make_shared<Origin>(loop, std::move(url));
        origin->head_end = fmt::format(" {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: voicectl/" VOICECTL_VERSION "\r\nAccept: */*\r\n", origin->url.path, origin->url.host_header());
        origin->carry_anew = [this, weak = std::weak_ptr(origin)](OrderPtr order) {
            if (const auto at = weak.lock()) open(at)->carry(std::move(order));
        };
        return origin;
    }

    std::shared_ptr<DirectLine> open(const std::shared_ptr<Origin>& origin) {
        if (!origin->url.secure()) return std::make_shared<DirectConnection<tcp::socket>>(loop, origin);
        if (!tls) tls.emplace(client_tls());
        return std::make_shared<DirectConnection<asio::ssl::stream<tcp::socket>>>(loop, origin, *tls);
    }
};

DirectHttp::DirectHttp(AsioLoop& loop, HttpClient& other) : impl_(new Impl{loop, other}) {}

DirectHttp::~DirectHttp() {
    for (const auto& [url, origin] : impl_->origins) origin->shut();
}

std::unique_ptr<HttpStream> DirectHttp::stream(HttpRequest request, HttpStreamHandlers handlers) {
    if (impl_->leaves_to_other(request)) return impl_->other.stream(std::move(request), impl_->loop, std::move(handlers));
    const auto order = std::make_shared<Order>(Order{std::move(handlers), {}, request.connect_timeout, request.idle_timeout, request.total_timeout, request.max_body, request.method == "HEAD"});
    auto stream = std::make_unique<DirectStream>(order);
    const auto origin = impl_->origin_of(request);
    if (!origin) {
        impl_->loop.post([weak = std::weak_ptr(order), why = origin.error()] {
            if (const auto still = weak.lock()) still->end(std::unexpected(why));
        });
        return stream;
    }
    order->text = wire_text(request, (*origin)->head_end);
    auto& idle = (*origin)->idle;
    if (idle.empty()) {
        impl_->open(*origin)->carry(order);
    } else {
        const auto line = std::move(idle.back());
        idle.pop_back();
        line->carry(order);
    }
    return stream;
}

}  // namespace voicectl::net
