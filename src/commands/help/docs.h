// voicectl docs: writes what is made from the command tree (man pages, completions, the README's table). Hidden:
// for scripts/docs and packagers.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct DocsOptions {
    std::string folder;
};

void add_docs(Command root, Env& env, Run<DocsOptions> run);
Result<void> run_docs(const DocsOptions& options, Env& env);

}  // namespace voicectl::commands
