// voicectl call end: recordings stopped, agents called back, rooms deleted.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct CallEndOptions {
    std::vector<std::string> rooms;
    bool from_stdin = false;
};

void add_call_end(Command call, Env& env, Run<CallEndOptions> run);
Result<void> run_call_end(const CallEndOptions& options, Env& env);

}  // namespace voicectl::commands
