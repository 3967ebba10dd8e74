// voicectl config show and check: the settings in force and where each came from; whether the files are sound.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct ConfigShowOptions {
    bool origin = false;
};
struct ConfigCheckOptions {};

void add_config_show(Command config, Env& env, Run<ConfigShowOptions> run);
Result<void> run_config_show(const ConfigShowOptions& options, Env& env);

void add_config_check(Command config, Env& env, Run<ConfigCheckOptions> run);
Result<void> run_config_check(const ConfigCheckOptions& options, Env& env);

}  // namespace voicectl::commands
