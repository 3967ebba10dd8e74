// The command tree as people read about it: the one source of --help, the man pages, the completions and the
// README's table. Made from the CLI11 tree that parses; values, main thread.
#pragma once

#include <string>
#include <vector>

#include "commands/flags.h"

namespace voicectl::commands {

struct FlagPage {
    std::vector<std::string> names;     // "-o", "--output"; of an argument "NAME"
    std::string value;                  // "FORMAT", "[=30s]"; empty: takes none
    std::string text;                   // what it does
    std::string group;
    std::vector<std::string> choices;   // the values there are, if they are few
    bool repeats = false, required = false;
};

struct CommandPage {
    std::vector<std::string> path;      // {"voicectl", "room", "create"}
    std::string summary, about;         // one line; paragraphs
    std::vector<std::string> examples;  // command lines, a comment after them perhaps
    std::vector<FlagPage> arguments, flags;
    std::vector<CommandPage> children;  // with path and summary only, of those that are not hidden
    std::vector<std::string> aliases;

    std::string name() const;           // "voicectl room create"
    std::string usage() const;          // "voicectl room create [flags] NAME"
};

CommandPage page_of(const CLI::App& command);
/// All of them, parents first, hidden ones left out.
std::vector<const CLI::App*> all_commands(const CLI::App& root);

std::string help_text(const CommandPage& page);
/// roff, section 1. `globals`: the flags of the root.
std::string man_page(const CommandPage& page, const std::vector<FlagPage>& globals, const std::string& version);
/// "| `room create` | Create a room |", one row a command.
std::string readme_table(const CLI::App& root);

/// Help in the layout of help_text() for the whole tree.
void use_help_layout(CLI::App& root);

}  // namespace voicectl::commands
