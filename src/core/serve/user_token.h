// What a user's token says, and whether it says so now and to us. Values, any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "voicectl/base/jws.h"
#include "voicectl/base/result.h"
#include "voicectl/serve/gate.h"

namespace voicectl::serve {

struct TokenHead {
    Jws parts;
    std::string algorithm, key_id;
};

/// The outer form and the header alone. `token` outlives what is returned. Errors are Auth and read on from "the token is
/// refused: ", as those of read_user().
Result<TokenHead> read_head(std::string_view token);

/// Whose token it is ("sub"). Its signature was checked before.
Result<std::string> read_user(std::string_view payload, const UserTokens& wanted, std::chrono::system_clock::time_point now);

}  // namespace voicectl::serve
