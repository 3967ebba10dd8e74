// What the transcript commands share on their way in: which store, which time, which call.
#pragma once

#include "commands/command.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {

/// --store, else VOICECTL_STORE, else the default place.
struct StorePlace {
    std::string path;
    bool chosen = false;  // by the user, and not just the default
};
void add_store_choice(Command command, std::string& place);
StorePlace store_place(const std::string& flag, Env& env);

/// To be called for every --store: its password is seen by all.
void warn_of_password(const std::string& flag, Env& env);

/// To read; null where there is none yet and the user did not choose it: before the first call that is no mistake.
Result<std::unique_ptr<store::Store>> store_to_read(const std::string& flag, Env& env);

/// `--since` and `--until`: a duration before `now`, or an RFC 3339 time.
Result<store::SystemTime> parse_when(const std::string& text, store::SystemTime now);

/// Which calls: what `list` shows and `export` takes when it is told no call.
struct CallChoice {
    std::string room, agent, since, until, match;
    bool empty() const { return room.empty() && agent.empty() && since.empty() && until.empty() && match.empty(); }
};
void add_call_choice(Command command, CallChoice& choice);
/// Without a limit. Usage for times that are none, or the wrong way round.
Result<store::CallFilter> make_filter(const CallChoice& choice);

/// find(), with the hint where to look.
Result<store::Call> find_call(store::Store& store, const std::string& id_or_room);

}  // namespace voicectl::commands
