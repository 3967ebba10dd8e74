#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct VersionOptions {};

void add_version(CLI::App& root, Env& env, Run<VersionOptions> run);
Result<void> run_version(const VersionOptions& options, Env& env);
/// What `--version` prints.
std::string version_text();

}  // namespace voicectl::commands
