// `voicectl session create`, `finalize` and `assign`: what changes in the store.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct SessionCreateOptions {
    std::string id, user, assignment, call, store;
};
void add_session_create(Command session, Env& env, Run<SessionCreateOptions> run);
Result<void> run_session_create(const SessionCreateOptions& options, Env& env);

struct SessionFinalizeOptions {
    std::string id, store;
};
void add_session_finalize(Command session, Env& env, Run<SessionFinalizeOptions> run);
Result<void> run_session_finalize(const SessionFinalizeOptions& options, Env& env);

struct SessionAssignOptions {
    std::string assignment, user, store;
};
void add_session_assign(Command session, Env& env, Run<SessionAssignOptions> run);
Result<void> run_session_assign(const SessionAssignOptions& options, Env& env);

}  // namespace voicectl::commands
