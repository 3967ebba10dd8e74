// `voicectl session list` and `show`.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct SessionListOptions {
    std::string store, user, status, assignment, since, until;
    int limit = 100;
    bool all = false;
};
void add_session_list(Command session, Env& env, Run<SessionListOptions> run);
Result<void> run_session_list(const SessionListOptions& options, Env& env);

struct SessionShowOptions {
    std::string id, store;
};
void add_session_show(Command session, Env& env, Run<SessionShowOptions> run);
Result<void> run_session_show(const SessionShowOptions& options, Env& env);

}  // namespace voicectl::commands
