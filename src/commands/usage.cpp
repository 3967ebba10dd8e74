#include "commands/usage.h"

#include <algorithm>
#include <utility>

namespace voicectl::commands {
namespace {

bool wants_json(const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& one = arguments[i];
        if (one == "--json" || one == "-ojson" || one == "--output=json") return true;
        if ((one == "-o" || one == "--output") && i + 1 < arguments.size() && arguments[i + 1] == "json") return true;
    }
    return false;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j)
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
    }
    return row[b.size()];
}

template<class Names>
std::string nearest(const Names& names, const std::string& word) {
    std::string best;
    std::size_t least = 3;  // two slips at most
    for (const auto& name : names)
        if (const auto distance = edit_distance(name, word); distance < least) least = distance, best = name;
    return best.empty() ? best : fmt::format("; did you mean '{}'?", best);
}

const CLI::App* child(const CLI::App& app, const std::string& word) {
    for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; }))
        if (one->check_name(word)) return one;
    return nullptr;
}

/// The command that the line means, as far as its words name one.
const CLI::App& meant(const CLI::App& app, const std::vector<std::string>& arguments) {
    const auto* current = &app;
    for (const auto& word : arguments)
        if (const auto* next = child(*current, word)) current = next;
    return *current;
}

/// "unknown command 'rooms'; did you mean 'room'?", or nothing when every word named a command.
std::string unknown_command(const CLI::App& app, const std::vector<std::string>& arguments) {
    const auto* current = &app;
    for (const auto& word : arguments) {
        if (word.starts_with('-')) continue;
        std::vector<std::string> names;
        for (const auto* one : current->get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) names.push_back(one->get_name());
        if (names.empty()) return {};
        if (const auto* next = child(*current, word)) current = next;
        else return fmt::format("unknown command '{}'{}", word, nearest(names, word));
    }
    return {};
}

/// "--emtpy-timeout" of a line that CLI11 could not place, or nothing.
std::string unknown_flag(const CLI::App& app, const CLI::App& command, const std::vector<std::string>& arguments) {
    std::vector<std::string> known;
    for (const auto* level : {&command, &app})
        for (const auto* option : level->get_options({}))
            for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    for (const auto& word : arguments) {
        const auto name = word.substr(0, word.find('='));
        if (name.starts_with("--") && name.size() > 2 && std::find(known.begin(), known.end(), name) == known.end())
            return fmt::format("unknown flag {}{}", name, nearest(known, name));
    }
    return {};
}

std::string path_of(const CLI::App& command) {
    return command.get_parent() == nullptr ? command.get_name() : path_of(*command.get_parent()) + " " + command.get_name();
}

}  // namespace

int usage_error(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& arguments, Env& env) {
    if (wants_json(arguments)) env.out.format = Format::Json;
    const auto& command = meant(app, arguments);
    std::string message = error.what();
    if (message.starts_with("A subcommand is required")) {
        const auto unknown = unknown_command(app, arguments);
        message = unknown.empty() ? "which command?" : unknown;
    } else if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
        if (const auto flag = unknown_flag(app, command, arguments); !flag.empty()) message = flag;
    }
    const auto hint = command.get_parent() == nullptr ? std::string("voicectl --help lists the commands; add --help to one for its flags")
                                                      : fmt::format("{} --help shows its flags and examples", path_of(command));
    env.out.error({Errc::Usage, message, hint}, nullptr);
    return exit_code(Errc::Usage);
}

}  // namespace voicectl::commands
