#include "redis_wire.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <concepts>
#include <optional>

#include "tls.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Failure = boost::system::error_code;
using AnySocket = asio::generic::stream_protocol::socket;
using AnyEndpoint = asio::generic::stream_protocol::endpoint;

constexpr std::size_t kLargestRedisReply = 16 * 1024 * 1024;
constexpr int kSilentBeats = 2;

std::string_view text_of(const redisReply& reply) { return {reply.str, reply.len}; }

/// Also the form of subscribed connections.
bool is_own_pong(const redisReply& reply) {
    if (reply.type == REDIS_REPLY_STATUS) return text_of(reply) == "PONG";
    return reply.type == REDIS_REPLY_ARRAY && reply.elements == 2 && reply.element[0]->type == REDIS_REPLY_STRING && text_of(*reply.element[0]) == "pong" &&
           reply.element[1]->len == 0;
}

class LiveRedisWire final : public RedisWire, public std::enable_shared_from_this<LiveRedisWire> {
    // Every completion keeps the object alive and does nothing once it has ended.
    template<class Step>
    auto then(Step step) {
        return [self = shared_from_this(), step = std::move(step)](auto&&... results) mutable
                   requires std::invocable<Step&, decltype(results)...>
        {
            if (!self->ended_) step(std::forward<decltype(results)>(results)...);
        };
    }

 public:
    LiveRedisWire(AsioLoop& loop, const RedisLibrary& library, const RedisOptions& options, RedisWireHandlers handlers)
        : library_(library), options_(options), handlers_(std::move(handlers)), resolver_(loop.context()), timer_(loop.context()), socket_(loop.context()),
          reader_(library.reader_create(), library.reader_free) {}

    void begin() {
        timer_.expires_after(options_.connect_timeout);
        timer_.async_wait(then([this](Failure cancelled) {
            if (!cancelled) end({Errc::Timeout, fmt::format("Redis at {} takes no commands within {}", shown(), format_duration(options_.connect_timeout)), {}});
        }));
        const auto& to = options_.address;
        if (!to.path.empty()) {
            try {
                return connect({AnyEndpoint(asio::local::stream_protocol::endpoint(to.path))});
            } catch (const boost::system::system_error& failed) {  // a longer path than sockets have
                return asio::post(socket_.get_executor(), then([this, why = failed.code()] { end(no_connection(why)); }));
            }
        }
        resolver_.async_resolve(to.host, std::to_string(to.port), then([this](Failure failed, const tcp::resolver::results_type& found) {
            if (failed) return end({Errc::Unreachable, fmt::format("cannot resolve host {}", options_.address.host), {}});
            std::vector<AnyEndpoint> all;
            for (const auto& one : found) all.emplace_back(one.endpoint());
            connect(std::move(all));
        }));
    }

    void send(const std::vector<std::string_view>& words) override {
        if (ended_) return;
        std::vector<const char*> texts;
        std::vector<std::size_t> sizes;
        for (const auto word : words) {
            texts.push_back(word.data() != nullptr ? word.data() : "");
            sizes.push_back(word.size());
        }
        char* command = nullptr;
        const int size = library_.format_command(&command, static_cast<int>(words.size()), texts.data(), sizes.data());
        if (size < 0) throw std::bad_alloc();
        outgoing_.append(command, static_cast<std::size_t>(size));
        library_.free_command(command);
        if (open_ && writing_.empty()) write();
    }

    void abandon() override {
        if (!std::exchange(ended_, true)) shut();
    }

 private:
    std::string shown() const { return options_.address.shown(); }

    Error no_connection(Failure failed) const {
        if (failed == asio::error::connection_refused)
            return {Errc::Unreachable, fmt::format("connection refused by Redis at {}", shown()), "is Redis running, and is the port right?"};
        return {Errc::Unreachable, fmt::format("cannot connect to Redis at {}: {}", shown(), failed.message()), {}};
    }

    void connect(std::vector<AnyEndpoint> endpoints) {
        asio::async_connect(socket_, endpoints, then([this](Failure failed, const auto&) {
            if (failed) return end(no_connection(failed));
            Failure ignored;
            socket_.set_option(tcp::no_delay(true), ignored);
            if (!options_.address.tls) return log_in();
            auto context = client_tls();  // the stream keeps what it needs of it
            tls_.emplace(socket_, context);
            expect_host(tls_->native_handle(), options_.address.host);
            tls_->async_handshake(asio::ssl::stream_base::client, then([this](Failure refused) {
                if (!refused) return log_in();
                end({Errc::Unreachable, fmt::format("no TLS connection to Redis at {}: {}", shown(), tls_failure(tls_->native_handle(), refused.message())),
                     "is its certificate from an authority that this machine knows?"});
            }));
        }));
    }

    void log_in() {
        open_ = true;
        const auto& to = options_.address;
        if (!to.password.empty()) {
            if (to.user.empty()) send({"AUTH", to.password});
            else send({"AUTH", to.user, to.password});
            ++login_replies_;
        }
        if (to.db != 0) {
            send({"SELECT", std::to_string(to.db)});
            ++login_replies_;
        }
        send({"PING"});  // who is not let in, or still loading, says so here at the latest
        ++login_replies_;
        read();
    }

    void with_stream(auto use) {
        if (tls_) use(*tls_);
        else use(socket_);
    }

    void read() {
        with_stream([this](auto& stream) {
            stream.async_read_some(asio::buffer(incoming_), then([this](Failure failed, std::size_t size) {
                if (failed) return end(broken(failed));
                heard_ = true;
                if (library_.reader_feed(reader_.get(), incoming_.data(), size) != REDIS_OK) return end(confused());
                take_replies();
                if (!ended_) read();
            }));
        });
    }

    void take_replies() {
        while (!ended_) {
            void* taken = nullptr;
            if (library_.reader_get_reply(reader_.get(), &taken) != REDIS_OK) return end(confused());
            if (taken == nullptr) {
                if (reader_->len > kLargestRedisReply) end({Errc::Protocol, fmt::format("Redis at {} sent a reply larger than {} bytes", shown(), kLargestRedisReply), {}});
                return;
            }
            const std::unique_ptr<redisReply, decltype(library_.free_reply)> reply(static_cast<redisReply*>(taken), library_.free_reply);
            if (login_replies_ > 0) take_login_reply(*reply);
            else if (!is_own_pong(*reply)) handlers_.on_reply(*reply);
        }
    }

    void take_login_reply(const redisReply& reply) {
        if (reply.type == REDIS_REPLY_ERROR) return end(redis_refusal(reply).while_doing(fmt::format("Redis at {}", shown())));
        if (--login_replies_ > 0) return;
        beat();
        handlers_.on_up();
    }

    // By beats and not by the clock: after the loop was held up, what came meanwhile is still to be read.
    void beat() {
        timer_.expires_after(options_.ping_every);
        timer_.async_wait(then([this](Failure cancelled) {
            if (cancelled) return;
            silent_beats_ = std::exchange(heard_, false) ? 0 : silent_beats_ + 1;
            if (silent_beats_ >= kSilentBeats) {
                return end({Errc::Timeout, fmt::format("Redis at {} said nothing for {}", shown(), format_duration(kSilentBeats * options_.ping_every)), {}});
            }
            send({"PING"});
            beat();
        }));
    }

    void write() {
        std::swap(writing_, outgoing_);
        with_stream([this](auto& stream) {
            asio::async_write(stream, asio::buffer(writing_), then([this](Failure failed, std::size_t) {
                if (failed) return end(broken(failed));
                writing_.clear();
                if (!outgoing_.empty()) write();
            }));
        });
    }

    Error broken(Failure failed) const {
        const auto reason = failed == asio::error::eof ? std::string("closed by it") : failed.message();
        return {Errc::Unreachable, fmt::format("the connection to Redis at {} broke: {}", shown(), reason), {}};
    }
    Error confused() const {
        return {Errc::Protocol, fmt::format("what answers at {} is no Redis: {}", shown(), terminal_safe(redact(reader_->errstr))), {}};
    }

    void end(Error why) {
        if (std::exchange(ended_, true)) return;
        shut();
        handlers_.on_end(std::move(why));
    }

    void shut() {
        timer_.cancel();
        resolver_.cancel();
        Failure ignored;
        socket_.close(ignored);
    }

    const RedisLibrary& library_;
    RedisOptions options_;
    RedisWireHandlers handlers_;
    tcp::resolver resolver_;
    asio::steady_timer timer_;  // opening, then the beat
    AnySocket socket_;
    std::optional<asio::ssl::stream<AnySocket&>> tls_;
    std::unique_ptr<redisReader, decltype(RedisLibrary::reader_free)> reader_;
    std::array<char, 16 * 1024> incoming_{};
    std::string outgoing_, writing_;
    int login_replies_ = 0, silent_beats_ = 0;
    bool heard_ = false;  // something, since the last beat
    bool open_ = false, ended_ = false;
};

}  // namespace

std::shared_ptr<RedisWire> RedisWire::open(AsioLoop& loop, const RedisLibrary& library, const RedisOptions& options, RedisWireHandlers handlers) {
    auto wire = std::make_shared<LiveRedisWire>(loop, library, options, std::move(handlers));
    wire->begin();
    return wire;
}

Error redis_refusal(const redisReply& reply) {
    const auto said = text_of(reply);
    const auto word = said.substr(0, said.find(' '));
    auto message = terminal_safe(redact(valid_utf8(said)));
    if (word == "NOAUTH" || word == "WRONGPASS" || word == "NOPERM" || said.find("invalid password") != said.npos || said.find("AUTH") != said.npos)
        return {Errc::Auth, std::move(message), "check the user, its password and what it may do (ACL) in Redis"};
    if (word == "LOADING" || word == "BUSY" || word == "MASTERDOWN" || word == "CLUSTERDOWN") return {Errc::Unreachable, std::move(message), {}};
    return {Errc::Other, std::move(message), {}};
}

}  // namespace voicectl::net
