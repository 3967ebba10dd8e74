// The flags of every command.
#pragma once

#include <CLI/CLI.hpp>

#include "commands/env.h"

namespace voicectl::commands {

void add_global_flags(CLI::App& app, Env& env);

}  // namespace voicectl::commands
