#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct VersionOptions {
    bool all = false;  // also what is loaded on demand
};

void add_version(Command root, Env& env, Run<VersionOptions> run);
Result<void> run_version(const VersionOptions& options, Env& env);
/// What `--version` prints.
std::string version_text();

}  // namespace voicectl::commands
