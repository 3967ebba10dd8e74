#include "commands/words.h"

#include <CLI/CLI.hpp>

namespace voicectl::commands {
namespace {

const CLI::App* child(const CLI::App& app, const std::string& word) {
    for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; }))
        if (one->check_name(word)) return one;
    return nullptr;
}

struct Reader {
    const CLI::App* command;
    std::vector<Word> words;
    const CLI::Option* waiting = nullptr;  // for its value
    bool flags_over = false;

    void take(const std::string& word) {
        if (waiting != nullptr) words.push_back({Word::Kind::Value, word, std::exchange(waiting, nullptr)});
        else if (word == "--" && !flags_over) flags_over = true;
        else if (word.size() > 1 && word.starts_with('-') && !flags_over) take_flag(word);
        else take_plain(word);
    }
    void take_flag(const std::string& word) {
        const bool is_long = word.starts_with("--");
        const auto* option = is_long ? find_flag(*command, word.substr(0, word.find('='))) : short_flag(word);
        words.push_back({option == nullptr ? Word::Kind::UnknownFlag : Word::Kind::Flag, word, option});
        if (option == nullptr || option->get_items_expected_max() == 0) return;
        const bool has_value = is_long ? word.find('=') != std::string::npos : word.back() != option->get_snames().front().front();
        if (!has_value) waiting = option;
    }
    /// Of "-vqo" the last; nothing when one of them is unknown.
    const CLI::Option* short_flag(const std::string& word) const {
        const CLI::Option* option = nullptr;
        for (const char letter : word.substr(1)) {
            option = find_flag(*command, {'-', letter});
            if (option == nullptr || option->get_items_expected_max() != 0) return option;  // the rest is its value
        }
        return option;
    }
    void take_plain(const std::string& word) {
        const bool group = !command->get_subcommands([](const CLI::App*) { return true; }).empty();
        const auto* next = child(*command, word);
        words.push_back({next != nullptr ? Word::Kind::Command : group ? Word::Kind::UnknownCommand : Word::Kind::Argument, word});
        if (next != nullptr) command = next;
    }
};

Reader read(const CLI::App& root, const std::vector<std::string>& line) {
    Reader reader{&root, {}};
    for (const auto& word : line) reader.take(word);
    return reader;
}

}  // namespace

const CLI::Option* find_flag(const CLI::App& command, const std::string& name) {
    for (const auto* at = &command; at != nullptr; at = at->get_parent())
        for (const auto* option : at->get_options({}))
            if (!option->get_positional() && option->check_name(name)) return option;
    return nullptr;
}

std::vector<Word> words_of(const CLI::App& root, const std::vector<std::string>& line) { return read(root, line).words; }

const CLI::App& named_command(const CLI::App& root, const std::vector<std::string>& line) { return *read(root, line).command; }

bool takes_value_behind_equals(const CLI::Option& flag) {
    if (flag.get_items_expected_max() != 0) return false;
    const auto name = flag.get_name(false, true);
    const auto brace = name.find('{');
    return brace != std::string::npos && !name.substr(brace).starts_with("{true}") && !name.substr(brace).starts_with("{false}");
}

std::vector<std::string> with_empty_values(const CLI::App& root, const std::vector<std::string>& line) {
    std::vector<std::string> out;
    Reader reader{&root, {}};
    for (const auto& word : line) {
        const auto before = reader.words.size();
        reader.take(word);
        out.push_back(word);
        const bool is_flag = reader.words.size() > before && reader.words.back().kind == Word::Kind::Flag;
        if (!is_flag || !word.starts_with("--") || word.find('=') != word.size() - 1) continue;
        if (reader.words.back().option->get_items_expected_max() == 0) continue;
        out.back().pop_back();
        out.emplace_back();
    }
    return out;
}

}  // namespace voicectl::commands
