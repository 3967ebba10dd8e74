// The command tree. One line per command in root.cpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"

namespace voicectl::commands {

/// Declares every command on a new CLI11 app; only the one at the top named `only`, if it is not empty.
std::unique_ptr<CLI::App> make_app(Env& env, std::string_view only = {});

/// Parses and runs; the exit code. `arguments` without the program's name.
int run_main(const std::vector<std::string>& arguments, Env& env);

}  // namespace voicectl::commands
