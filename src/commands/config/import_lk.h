// voicectl config import-lk: the projects of LiveKit's own `lk` as profiles of ours.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct ConfigImportOptions {
    std::string file;
    bool overwrite = false;
};

void add_config_import_lk(Command config, Env& env, Run<ConfigImportOptions> run);
Result<void> run_config_import_lk(const ConfigImportOptions& options, Env& env);

}  // namespace voicectl::commands
