// The command tree. One line per command in root.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "commands/command.h"

namespace voicectl::commands {

/// Declares every command on a new CLI11 app.
std::unique_ptr<CLI::App> make_app(Env& env);

/// Parses and runs; the exit code. `arguments` without the program's name.
int run_main(const std::vector<std::string>& arguments, Env& env);

}  // namespace voicectl::commands
