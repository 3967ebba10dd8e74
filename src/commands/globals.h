// The flags of every command.
#pragma once

#include "commands/env.h"
#include "commands/flags.h"

namespace voicectl::commands {

void add_global_flags(CLI::App& app, Env& env);

}  // namespace voicectl::commands
