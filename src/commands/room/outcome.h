// How commands show what they would do, and what became of several things at once. Main thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "commands/env.h"

namespace voicectl::commands {

/// What a dry run would send: `request` with "dryRun" before it; for people `line`, and the request below.
Result<void> show_dry_run(Env& env, const Json& request, std::string_view line, std::string_view name);
/// The same of many.
Result<void> show_dry_runs(Env& env, std::string_view noun, Json items, const std::vector<Column>& columns, std::string_view name_key);

/// `-o name` prints results, so only the items of which `done` is true; all otherwise.
Json shown_items(const Output& out, const Json& items, const char* done);

/// The same where an item that failed has an "error".
Json without_failed(const Output& out, const Json& items);

/// KEY=VALUE each; Usage with an example of `flag` for what is none, and for a key that stands twice.
Result<std::map<std::string, std::string>> parse_pairs(std::string_view flag, const std::vector<std::string>& texts);

/// A client that gives up after `limit`, where that is sooner than --timeout: a command that is to last 2 s does not
/// ask for 30. Zero: no limit of its own.
Result<livekit::TwirpClient*> twirp_within(Env& env, std::chrono::milliseconds limit);

/// For JSON errors of commands whose calls are not made by env.twirp(): the call is theirs to tell.
void tell_call(Env& env, const livekit::CallTrace& call);

}  // namespace voicectl::commands
