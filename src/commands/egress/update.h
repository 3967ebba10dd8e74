// voicectl egress update: another layout, other streams.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct EgressUpdateOptions {
    std::string id, layout;
    std::vector<std::string> add_urls, remove_urls;
};
void add_egress_update(Command egress, Env& env, Run<EgressUpdateOptions> run);
Result<void> run_egress_update(const EgressUpdateOptions& options, Env& env);

}  // namespace voicectl::commands
