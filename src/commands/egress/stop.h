// voicectl egress stop: all that are named or chosen, each with its own outcome.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct EgressStopOptions {
    std::vector<std::string> ids;
    std::string room, wait;
    bool all_active = false, from_stdin = false, ignore_finished = false;
};
void add_egress_stop(Command egress, Env& env, Run<EgressStopOptions> run);
Result<void> run_egress_stop(const EgressStopOptions& options, Env& env);

}  // namespace voicectl::commands
