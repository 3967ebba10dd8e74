// What the transcript commands share on their way in: which store, which time, which call.
#pragma once

#include "commands/env.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {

/// --store, else VOICECTL_STORE, else the default place.
struct StorePlace {
    std::string path;
    bool chosen = false;  // by the user, and not just the default
};
StorePlace store_place(const std::string& flag, const Env& env);

/// `--since` and `--until`: a duration before `now`, or an RFC 3339 time.
Result<store::SystemTime> parse_when(const std::string& text, store::SystemTime now);

/// find(), with the hint where to look.
Result<store::Call> find_call(store::Store& store, const std::string& id_or_room);

}  // namespace voicectl::commands
