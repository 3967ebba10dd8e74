#include "voicectl/net/redis.h"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <vector>

#include "redis_wire.h"
#include "voicectl/base/log.h"

namespace voicectl::net {
namespace {

constexpr std::string_view kEverythingSent = "voicectl";  // a PING with this text follows the SUBSCRIBEs
constexpr int kRedisDoublings = 6;                        // 0.1 s · 2⁶ is past the longest

std::string_view word(const redisReply& reply, std::size_t index) {
    if (reply.type != REDIS_REPLY_ARRAY || index >= reply.elements || reply.element[index]->type != REDIS_REPLY_STRING) return {};
    return {reply.element[index]->str, reply.element[index]->len};
}

/// Asks for the answers in order, as Redis gives them: with the reply, or with why none comes.
using RedisWaiting = std::function<void(Result<const redisReply*>)>;

}  // namespace

struct Redis::Impl {
    struct Listener {
        std::function<void(const std::string&)> on_message;
        std::function<void()> ready;  // until it was called
    };
    struct Channel {
        std::vector<std::shared_ptr<Listener>> listeners;
        int unconfirmed = 0;  // SUBSCRIBEs under way: only the last one's confirmation counts
        bool confirmed = false;
    };
    class Seat;

    Impl(Redis& owner, Loop& its_loop, RedisOptions given) : redis(owner), loop(its_loop), options(std::move(given)), retry(its_loop) {
        loop.post(lifeline.guard([this] { connect(); }));
    }
    ~Impl() { drop_wires(); }

    void connect() {
        auto* real = dynamic_cast<AsioLoop*>(&loop);
        if (real == nullptr) return fail_for_good({Errc::Unreachable, "this loop has no sockets", {}});
        const auto library = redis_library();
        if (!library) return fail_for_good(library.error());
        const auto open = [&](auto on_reply) {
            return RedisWire::open(*real, **library, options, {[this] { handle_up(); }, std::move(on_reply), [this](Error why) { lost(std::move(why)); }});
        };
        commands = open([this](const redisReply& reply) { handle_answer(reply); });
        channels_wire = open([this](const redisReply& reply) { handle_channel(reply); });
    }

    void fail_for_good(Error why) {
        log::error("redis", "never connected", {{"why", why.message}});
        error = std::move(why);
    }

    void drop_wires() {
        for (auto* wire : {&commands, &channels_wire})
            if (const auto gone = std::exchange(*wire, nullptr)) gone->abandon();
        up_count = 0;
    }

    bool open() const { return up_count == 2; }

    void handle_up() {
        if (++up_count < 2) return;
        std::vector<std::string_view> words{"SUBSCRIBE"};
        for (auto& [name, channel] : channels) {
            words.push_back(name);
            channel.unconfirmed = 1;
        }
        if (words.size() > 1) channels_wire->send(words);
        channels_wire->send({"PING", kEverythingSent});
    }

    void lost(Error why) {
        drop_wires();
        std::erase_if(channels, [](const auto& entry) { return entry.second.listeners.empty(); });
        for (auto& [name, channel] : channels) {
            channel.confirmed = false;
            channel.unconfirmed = 0;
        }
        const bool was_connected = std::exchange(connected, false);
        const bool is_news = was_connected || !error || error->code != why.code;
        log::debug("redis", "not connected", {{"why", why.message}});
        error = why;
        retry.after(next_pause(), [this] { connect(); });
        // From here on others may do as they like, even destroy us.
        auto given_up = std::exchange(waiting, {});
        auto tell = lifeline.guard([told = is_news ? redis.on_state : nullptr] {
            if (told) told(false);
        });
        for (auto& one : given_up) one(fail(Errc::Unreachable, "cut off before the answer: {}", why.message));
        tell();
    }

    // Half of it fixed and half by chance, so that the peers of a restarted Redis do not come as one.
    Duration next_pause() {
        const auto full = std::min(options.longest_pause, options.first_pause * (1 << std::min(failures, kRedisDoublings)));
        ++failures;
        return std::chrono::duration_cast<Duration>(full * std::uniform_real_distribution(0.5, 1.0)(chance));
    }

    void handle_channel(const redisReply& reply) {
        if (reply.type == REDIS_REPLY_ERROR) return lost(redis_refusal(reply).while_doing("subscribing at Redis"));
        const auto kind = word(reply, 0);
        const bool bare_pong = reply.type == REDIS_REPLY_STRING && std::string_view(reply.str, reply.len) == kEverythingSent;
        if (bare_pong || (kind == "pong" && word(reply, 1) == kEverythingSent)) return handle_connected();
        if (kind == "subscribe") return handle_confirmed(std::string(word(reply, 1)));
        if (kind != "message") return;
        const auto found = channels.find(std::string(word(reply, 1)));
        if (found == channels.end()) return;
        const std::string payload(word(reply, 2));
        const auto listeners = found->second.listeners;  // a handler may drop any of them
        for (const auto& one : listeners)
            if (one->on_message) copy_of(one->on_message)(payload);
    }

    // Handlers run as copies: they may end their own subscription.
    template<class Handler>
    static Handler copy_of(const Handler& handler) {
        return handler;
    }

    void handle_confirmed(const std::string& name) {
        const auto found = channels.find(name);
        if (found == channels.end() || --found->second.unconfirmed > 0) return;
        if (found->second.listeners.empty()) return void(channels.erase(found));
        found->second.confirmed = true;
        const auto listeners = found->second.listeners;
        for (const auto& one : listeners)
            if (const auto ready = std::exchange(one->ready, nullptr)) ready();
    }

    void handle_connected() {
        log::debug("redis", "connected", {{"address", options.address.shown()}, {"channels", channels.size()}});
        failures = 0;
        connected = true;
        if (const auto told = redis.on_state) told(true);
    }

    void handle_answer(const redisReply& reply) {
        if (waiting.empty()) return lost({Errc::Protocol, fmt::format("Redis at {} answers what was not asked", options.address.shown()), {}});
        const auto first = std::move(waiting.front());
        waiting.pop_front();
        if (reply.type == REDIS_REPLY_ERROR) first(std::unexpected(redis_refusal(reply)));
        else first(&reply);
    }

    void ask(const std::vector<std::string_view>& words, RedisWaiting done) {
        if (open()) {
            waiting.push_back(std::move(done));
            return commands->send(words);
        }
        loop.post(lifeline.guard([this, done = std::move(done)] { done(fail(Errc::Unreachable, "not connected to Redis at {}", options.address.shown())); }));
    }

    void add(const std::string& name, const std::shared_ptr<Listener>& listener) {
        auto& channel = channels[name];
        channel.listeners.push_back(listener);
        if (channel.listeners.size() == 1) {
            channel.confirmed = false;
            if (!open()) return;
            ++channel.unconfirmed;
            channels_wire->send({"SUBSCRIBE", name});
        } else if (channel.confirmed) {
            loop.post(lifeline.guard([listener] {
                if (const auto ready = std::exchange(listener->ready, nullptr)) ready();
            }));
        }
    }

    void remove(const std::string& name, const std::shared_ptr<Listener>& listener) {
        listener->on_message = nullptr;
        listener->ready = nullptr;
        const auto found = channels.find(name);
        if (found == channels.end()) return;
        std::erase(found->second.listeners, listener);
        if (!found->second.listeners.empty()) return;
        found->second.confirmed = false;
        if (open()) channels_wire->send({"UNSUBSCRIBE", name});
        // One with confirmations under way stays: the next subscriber has to tell them from its own.
        if (found->second.unconfirmed == 0) channels.erase(found);
    }

    Redis& redis;
    Loop& loop;
    RedisOptions options;
    std::shared_ptr<RedisWire> commands, channels_wire;
    int up_count = 0;  // wires that take commands
    bool connected = false;
    std::optional<Error> error;
    std::deque<RedisWaiting> waiting;
    std::map<std::string, Channel> channels;
    int failures = 0;
    std::minstd_rand chance{std::random_device{}()};
    Timer retry;
    Lifeline lifeline;  // last: dies first, on loop
};

class Redis::Impl::Seat final : public Redis::Subscription {
 public:
    Seat(Impl& impl, std::string channel, std::shared_ptr<Listener> listener) : impl_(impl), channel_(std::move(channel)), listener_(std::move(listener)) {
        impl_.add(channel_, listener_);
    }
    ~Seat() override { impl_.remove(channel_, listener_); }

 private:
    Impl& impl_;
    std::string channel_;
    std::shared_ptr<Listener> listener_;
};

Redis::Redis(Loop& loop, RedisOptions options) : impl_(std::make_unique<Impl>(*this, loop, std::move(options))) {}
Redis::~Redis() = default;

std::unique_ptr<Redis::Subscription> Redis::subscribe(std::string channel, std::function<void(const std::string&)> on_message, std::function<void()> ready) {
    auto listener = std::make_shared<Impl::Listener>(Impl::Listener{std::move(on_message), std::move(ready)});
    return std::make_unique<Impl::Seat>(*impl_, std::move(channel), std::move(listener));
}

void Redis::publish(const std::string& channel, const std::string& payload, std::function<void(Result<int>)> done) {
    impl_->ask({"PUBLISH", channel, payload}, [done = std::move(done)](Result<const redisReply*> reply) {
        if (!done) return;
        if (!reply) return done(std::unexpected(std::move(reply).error()));
        done(static_cast<int>((*reply)->integer));
    });
}

void Redis::set_if_absent(const std::string& key, const std::string& value, std::chrono::seconds life, std::function<void(Result<bool>)> done) {
    impl_->ask({"SET", key, value, "NX", "EX", std::to_string(life.count())}, [done = std::move(done)](Result<const redisReply*> reply) {
        if (!reply) return done(std::unexpected(std::move(reply).error()));
        done((*reply)->type != REDIS_REPLY_NIL);
    });
}

bool Redis::connected() const { return impl_->connected; }
const RedisAddress& Redis::address() const { return impl_->options.address; }

std::string Redis::version() {
    const auto library = redis_library();
    // It does not say its version itself; the one that is loaded has the same interface as the one that this was built with.
    return library ? fmt::format("{}.{}.{}", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH) : library.error().message;
}

const std::optional<Error>& Redis::last_error() const { return impl_->error; }

}  // namespace voicectl::net
