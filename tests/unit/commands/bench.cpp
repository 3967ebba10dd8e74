#include "bench.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace voicectl::test {

void parse_and_run(const std::function<void(commands::Command)>& declare, std::vector<std::string> arguments, commands::Env& env) {
    CLI::App app("test");
    app.fallthrough();
    declare(app);
    std::reverse(arguments.begin(), arguments.end());
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError&) {
        return;
    }
    if (env.selected) (void)env.selected();
}

}  // namespace voicectl::test
