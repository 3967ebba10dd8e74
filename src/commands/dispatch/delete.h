// voicectl dispatch delete: call agents back.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct DispatchDeleteOptions {
    std::string room, agent, wait_gone;
    std::vector<std::string> ids;
    bool from_stdin = false;
};

void add_dispatch_delete(Command dispatch, Env& env, Run<DispatchDeleteOptions> run);
Result<void> run_dispatch_delete(const DispatchDeleteOptions& options, Env& env);

}  // namespace voicectl::commands
