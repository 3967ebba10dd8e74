// Lines that cannot be parsed: what was meant, in one line with a hint.
#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

#include "commands/env.h"

namespace voicectl::commands {

/// Prints the error and gives the exit code.
int usage_error(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& arguments, Env& env);
int usage_error(const Error& error, const std::vector<std::string>& arguments, Env& env);

/// Names the word that is no UTF-8, which would not reach the server as it is.
std::optional<Error> not_utf8(const std::vector<std::string>& arguments);
/// "--watch 5s" of a line that parses: the time has become an argument, which nobody means.
std::optional<Error> value_without_equals(const CLI::App& app, const std::vector<std::string>& arguments);
/// "'soon' is not a duration" of a command that runs: with the flag that was given it.
Error with_flag(Error error, const CLI::App& app, const std::vector<std::string>& arguments);
/// "--wait=": an empty value of a flag whose value may be left out.
std::optional<Error> empty_behind_equals(const CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace voicectl::commands
