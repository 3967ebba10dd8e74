// Redis on our loop: channels and one kind of lock, for peers who talk through it. One connection is subscribed, another
// has the commands. Lives on one AsioLoop; all is called and calls back there; dropping it closes both and calls nothing afterwards.
//
// Kept up for as long as the object lives: a cut of either ends both, and they are made again with back-off and jitter, with
// everything subscribed again. A peer that vanished without a word is noticed by PINGs. What was published meanwhile is lost, as always
// with Redis: who needs an answer asks again.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::net {

struct RedisAddress {
    std::string host;
    int port = 6379;
    bool tls = false;
    std::string path;            // a Unix socket, in place of host and port
    std::string user, password;  // empty: none is sent
    int db = 0;

    /// "host:port" or the path: what messages show.
    std::string shown() const;
};

/// `host:port`, `redis://[user:password@]host[:port][/db]`, `rediss://` (TLS, verified) and `unix:///path`. The password, percent-encoded
/// there, is masked in all logs from now on. Usage: anything else; the address is not repeated, for it may hold the password.
Result<RedisAddress> parse_redis_address(std::string_view text);

struct RedisOptions {
    RedisAddress address;
    std::chrono::milliseconds connect_timeout{5000};  // until it takes commands
    /// Each connection is asked this often; two of these in silence end it.
    std::chrono::milliseconds ping_every{2000};
    std::chrono::milliseconds first_pause{100}, longest_pause{5000};  // between tries; half of each is by chance
};

class Redis {
 public:
    /// Of hiredis, or why there is none.
    static std::string version();
    /// Connects from the next turn of the loop on. One that is no AsioLoop has no sockets: it is never connected.
    Redis(Loop& loop, RedisOptions options);
    ~Redis();
    Redis(const Redis&) = delete;
    Redis& operator=(const Redis&) = delete;

    /// Dropping it unsubscribes; nothing is called any more. Must not outlive the Redis.
    class Subscription {
     public:
        virtual ~Subscription() = default;
    };
    /// `ready`: once, when the server has confirmed the channel for the first time. Any number for the same channel.
    std::unique_ptr<Subscription> subscribe(std::string channel, std::function<void(const std::string& payload)> on_message, std::function<void()> ready = {});
    /// `done`: how many received it (in a cluster: of this node). Unreachable: not connected, or cut before the answer.
    void publish(const std::string& channel, const std::string& payload, std::function<void(Result<int>)> done = {});
    /// SET NX EX. False: it is there.
    void set_if_absent(const std::string& key, const std::string& value, std::chrono::seconds life, std::function<void(Result<bool>)> done);

    /// Both connections take commands and everything is subscribed.
    bool connected() const;
    /// Why it is not, or was not the last time: Unreachable, Timeout, Auth, Protocol, Missing (no hiredis).
    const std::optional<Error>& last_error() const;
    const RedisAddress& address() const;
    /// After each change of connected(), and false also when the first try fails or the reason (the code of last_error()) is another than before;
    /// may not destroy us.
    std::function<void(bool connected)> on_state;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace voicectl::net
