// hiredis' functions for the protocol (its sockets are not used), loaded when first asked for. Any thread.
#pragma once

#include <hiredis/hiredis.h>

#include "voicectl/base/result.h"

namespace voicectl::net {

struct RedisLibrary {
    decltype(&::redisReaderCreate) reader_create;
    decltype(&::redisReaderFree) reader_free;
    decltype(&::redisReaderFeed) reader_feed;
    decltype(&::redisReaderGetReply) reader_get_reply;
    decltype(&::freeReplyObject) free_reply;
    decltype(&::redisFormatCommandArgv) format_command;
    decltype(&::redisFreeCommand) free_command;
};

/// Missing, with a hint, when there is no hiredis.
Result<const RedisLibrary*> redis_library();

}  // namespace voicectl::net
