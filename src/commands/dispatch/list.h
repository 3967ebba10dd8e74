// voicectl dispatch list and get: which agents were sent where, and which of them are there.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct DispatchListOptions {
    std::string room, agent, status;
    bool all_rooms = false, show_automatic = false;
};
struct DispatchGetOptions {
    std::string room, id;
};

void add_dispatch_list(Command dispatch, Env& env, Run<DispatchListOptions> run);
Result<void> run_dispatch_list(const DispatchListOptions& options, Env& env);

void add_dispatch_get(Command dispatch, Env& env, Run<DispatchGetOptions> run);
Result<void> run_dispatch_get(const DispatchGetOptions& options, Env& env);

}  // namespace voicectl::commands
