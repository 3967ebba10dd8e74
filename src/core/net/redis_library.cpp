#include "redis_library.h"

#include "voicectl/base/shared_library.h"

namespace voicectl::net {
namespace {

Result<RedisLibrary> load_hiredis() {
    VC_TRY_ASSIGN(const auto library, SharedLibrary::open({"libhiredis.so.0.14"}, "install it: apt-get install libhiredis0.14"));
    RedisLibrary redis{};
    VC_TRY(library.find_all({{"redisReaderCreate", &redis.reader_create},
                             {"redisReaderFree", &redis.reader_free},
                             {"redisReaderFeed", &redis.reader_feed},
                             {"redisReaderGetReply", &redis.reader_get_reply},
                             {"freeReplyObject", &redis.free_reply},
                             {"redisFormatCommandArgv", &redis.format_command},
                             {"redisFreeCommand", &redis.free_command}}));
    return redis;
}

}  // namespace

Result<const RedisLibrary*> redis_library() {
    static const Result<RedisLibrary> library = load_hiredis();
    if (!library) return std::unexpected(library.error());
    return &*library;
}

}  // namespace voicectl::net
