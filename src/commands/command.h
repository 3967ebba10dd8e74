// The three parts of a command, kept apart: declare the flags (add_…), run (run_…), show (Output).
// A test passes its own `run` to see what was parsed, or calls run_… with a fake Env.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "commands/env.h"
#include "commands/flags.h"

namespace voicectl::commands {

template<class Options>
using Run = std::function<Result<void>(const Options&, Env&)>;

template<class Options>
void on_run(Command command, std::shared_ptr<Options> options, Env& env, Run<Options> run) {
    command.callback([options = std::move(options), &env, run = std::move(run)] {
        env.selected = [options, &env, run] { return run(*options, env); };
    });
}

bool is_utf8(std::string_view text);

/// A text given as literal, `@file` or `-` (standard input). Usage for what cannot be read, and for what is no UTF-8.
Result<std::string> read_payload(const std::string& given);
/// The same for a payload that may hold any bytes.
Result<std::string> read_bytes(const std::string& given);
/// read_file() of what a flag or a setting names: Usage whatever the reason, for exit 5 is what the server does not have.
Result<std::string> read_given_file(const std::string& path, std::size_t limit = 64 * 1024 * 1024);

/// The lines of standard input without blanks around them; empty ones are left out.
std::vector<std::string> lines_of_stdin();

/// What a flag such as --timeout was given; zero when it was not (`text` empty). Usage for a zero that was
/// given, and for what is no time.
Result<std::chrono::milliseconds> time_of(std::string_view flag, const std::string& text);

/// `K=V`, repeated.
Result<std::pair<std::string, std::string>> parse_assignment(const std::string& text);

}  // namespace voicectl::commands
