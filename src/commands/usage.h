// Lines that cannot be parsed: what was meant, in one line with a hint.
#pragma once

#include <CLI/CLI.hpp>

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "commands/env.h"

namespace voicectl::commands {

/// Prints the error and gives the exit code.
int usage_error(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& arguments, Env& env);

}  // namespace voicectl::commands
