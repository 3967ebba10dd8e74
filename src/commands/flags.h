// How a command declares its flags. A thin handle over CLI11, which only flags.cpp and the few files that walk the
// tree include: all of CLI11 is inline, and was two thirds of the compile time of every command.
//
// Handles are copied freely; what they stand for is owned by the root and lives as long as it. Main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace voicectl::commands {

class Flag {
 public:
    explicit Flag(CLI::Option* option) : option_(option) {}

    /// What stands for the value in help.
    Flag type_name(const std::string& name) const;
    /// The heading it stands under in help.
    Flag group(const std::string& name) const;
    Flag required() const;
    /// One value at each time that it is given: "--tag a b" is a flag and an argument.
    Flag one_value() const;
    /// "a,b" is two values.
    Flag delimiter(char separator) const;
    /// What the variable holds now is shown as the default.
    Flag capture_default() const;
    Flag one_of(const std::vector<std::string>& words) const;
    Flag range(double least, double most) const;
    Flag range(int least, int most) const;
    Flag positive() const;
    Flag excludes(Flag other) const;
    Flag needs(Flag other) const;
    /// Repeatable, its place among other such flags is in Command::in_order().
    Flag keep_order() const;
    /// '' is a value too, as it is for payloads (type_name TEXT|@FILE|-). Elsewhere an empty text is refused: it is
    /// mostly an unset variable of a script.
    Flag may_be_empty() const;

    bool operator==(const Flag&) const = default;

 private:
    friend class Command;
    CLI::Option* option_;
};

class Command {
 public:
    Command(CLI::App& app) : app_(&app) {}  // NOLINT: a handle is as good as what it stands for

    Command add_subcommand(const std::string& name, const std::string& summary) const;
    /// What stands under the flags: "…\n\nExamples:\n  …".
    Command footer(const std::string& text) const;
    Command alias(const std::string& name) const;
    /// Left out of help, man pages and completions.
    Command hidden() const;
    /// It changes something and cannot show that without doing it: --dry-run is refused, not ignored.
    Command no_dry_run() const;
    /// The same when this flag is on the line.
    Command no_dry_run_with(Flag flag) const;

    /// Without dashes: an argument. `target` lives until the command has run. Types: the list in flags.cpp.
    template<class T>
    Flag add_option(const std::string& names, T& target, const std::string& text) const;
    Flag add_option(const std::string& names, const std::string& text) const;
    /// "--name{value}" takes a value or stands for that one (then T is a string).
    template<class T>
    Flag add_flag(const std::string& names, T& target, const std::string& text) const;
    /// `--name` and `--no-name`.
    Flag add_yes_no(const std::string& name, std::function<void(bool)> set, const std::string& text) const;
    /// One that was added before.
    Flag flag(const std::string& name) const;

    /// Runs when the line named this command. A Refusal that it throws is told as wrong input.
    void callback(std::function<void()> run) const;
    /// In callback(): the keep_order() flags of the line with their values, as they stood.
    std::vector<std::pair<Flag, std::string>> in_order() const;
    /// In callback() or later: did the line have this flag of the root?
    bool root_was_given(const std::string& name) const;

 private:
    CLI::App* app_;
};

/// Wrong use of a flag, found in callback().
[[noreturn]] void refuse(const std::string& flag, const std::string& why);

}  // namespace voicectl::commands
