// voicectl help [TOPIC or COMMAND…]
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct HelpOptions {
    std::vector<std::string> words;
};

void add_help(Command root, Env& env, Run<HelpOptions> run);
Result<void> run_help(const HelpOptions& options, Env& env);

}  // namespace voicectl::commands
