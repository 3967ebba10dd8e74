// voicectl config set KEY VALUE
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct ConfigSetOptions {
    std::string key, value;
};

void add_config_set(Command config, Env& env, Run<ConfigSetOptions> run);
Result<void> run_config_set(const ConfigSetOptions& options, Env& env);

}  // namespace voicectl::commands
