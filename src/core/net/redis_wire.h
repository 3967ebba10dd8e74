// One connection to Redis: opened, logged in, asked now and then whether it is there, replies cut out by hiredis.
// Lives on an AsioLoop, kept alive by its own pending operations.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "redis_library.h"
#include "voicectl/base/loop.h"
#include "voicectl/net/redis.h"

namespace voicectl::net {

struct RedisWireHandlers {
    std::function<void()> on_up;                         // it takes commands
    std::function<void(const redisReply& reply)> on_reply;  // in order; not those to our own PINGs and to the login
    std::function<void(Error why)> on_end;               // once, last
};

class RedisWire {
 public:
    static std::shared_ptr<RedisWire> open(AsioLoop& loop, const RedisLibrary& library, const RedisOptions& options, RedisWireHandlers handlers);
    virtual ~RedisWire() = default;
    virtual void send(const std::vector<std::string_view>& words) = 0;
    /// The owner is gone: nothing is called any more.
    virtual void abandon() = 0;
};

/// What Redis refuses, by its first word: Auth (login, permissions), Unreachable (it loads, or is busy), else Other. Without secrets.
Error redis_refusal(const redisReply& reply);

}  // namespace voicectl::net
