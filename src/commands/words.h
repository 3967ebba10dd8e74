// What each word of a line is, by the command tree and without parsing it: which name commands and flags, which are
// values. For errors, which must name the word that is wrong. Values that point into the tree; main thread.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace voicectl::commands {

struct Word {
    enum class Kind {
        Command,
        UnknownCommand,  // where a command must stand
        Flag,            // with its value when that is behind `=` or stuck to it
        UnknownFlag,
        Value,           // of the flag before it
        Argument,
    };
    Kind kind;
    std::string text;
    const CLI::Option* option = nullptr;  // of a Flag or a Value
};

std::vector<Word> words_of(const CLI::App& root, const std::vector<std::string>& line);

/// The command that the line names, as far as its words name one.
const CLI::App& named_command(const CLI::App& root, const std::vector<std::string>& line);

/// The flag of that name which `command` or one above it has; null: none.
const CLI::Option* find_flag(const CLI::App& command, const std::string& name);

/// "--wait{30s}" and its like: a value may follow, behind `=` only.
bool takes_value_behind_equals(const CLI::Option& flag);

/// CLI11 takes the word behind "--flag=" for its value: "--flag=" becomes "--flag" and "".
std::vector<std::string> with_empty_values(const CLI::App& root, const std::vector<std::string>& line);

}  // namespace voicectl::commands
