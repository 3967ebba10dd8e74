// A command run in-process: what it was told, what it printed where, and how it ended.
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "commands/root.h"

namespace voicectl::test {

struct CommandBench {
    std::ostringstream results, talk;
    std::map<std::string, std::string> environment{{"LIVEKIT_API_KEY", "devkey"},
                                                   {"LIVEKIT_API_SECRET", "a_secret_of_at_least_thirty_two_chars"}};
    commands::Env env{commands::Output(results, talk, false, false),
                      [this](const std::string& name) -> std::optional<std::string> {
                          const auto found = environment.find(name);
                          if (found == environment.end()) return std::nullopt;
                          return found->second;
                      }};

    /// The exit code of `voicectl arguments…`.
    int run(const std::vector<std::string>& arguments) { return commands::run_main(arguments, env); }
    commands::Json json() const { return commands::Json::parse(results.str()); }
};

/// Runs what the line selects; nothing when it is refused.
void parse_and_run(const std::function<void(commands::Command)>& declare, std::vector<std::string> arguments, commands::Env& env);

/// What `add` declares, parsed from `arguments`; the options as the command's run would get them, and
/// nothing when the line was refused.
template<class Options, class Add>
std::optional<Options> parsed(Add add, std::vector<std::string> arguments) {
    CommandBench bench;
    std::optional<Options> seen;
    const auto declare = [&](commands::Command root) {
        add(root, bench.env, [&seen](const Options& options, commands::Env&) -> Result<void> {
            seen = options;
            return {};
        });
    };
    parse_and_run(declare, std::move(arguments), bench.env);
    return seen;
}

}  // namespace voicectl::test
