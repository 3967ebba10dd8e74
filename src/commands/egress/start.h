// voicectl egress start: begin a recording, and say at once why that cannot be.
#pragma once

#include "commands/command.h"
#include "commands/egress/request.h"

namespace voicectl::commands {

void add_egress_start(Command egress, Env& env, Run<EgressStartOptions> run);
Result<void> run_egress_start(const EgressStartOptions& options, Env& env);

}  // namespace voicectl::commands
