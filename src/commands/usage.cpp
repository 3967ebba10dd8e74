#include "commands/usage.h"

#include <algorithm>
#include <array>
#include <utility>

#include "commands/command.h"
#include "commands/nearest.h"
#include "commands/words.h"
#include "voicectl/base/text.h"

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

/// LiveKit's own words for what has no command here: one that only looks alike would mislead.
bool is_livekits(const std::string& word) {
    constexpr std::array<std::string_view, 6> kWords{"ingress", "sip", "number", "app", "cloud", "project"};
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

std::string path_of(const CLI::App& command) {
    return command.get_parent() == nullptr ? command.get_name() : path_of(*command.get_parent()) + " " + command.get_name();
}

std::string help_hint(const CLI::App& command) {
    if (command.get_parent() == nullptr) return "voicectl --help lists the commands; add --help to one for its flags";
    return fmt::format("{} --help shows its flags and examples", path_of(command));
}

std::optional<Error> unknown_command(const CLI::App& command, const std::vector<Word>& words) {
    const auto found = std::find_if(words.begin(), words.end(), [](const Word& one) { return one.kind == Word::Kind::UnknownCommand; });
    if (found == words.end()) return std::nullopt;
    if (command.get_parent() == nullptr && is_livekits(found->text))
        return Error{Errc::Usage, fmt::format("there is no command '{}'", found->text), "voicectl api SERVICE/METHOD makes any call of LiveKit's server API"};
    std::vector<std::string> names;
    for (const auto* one : command.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) names.push_back(one->get_name());
    return Error{Errc::Usage, fmt::format("unknown command '{}'{}", found->text, nearest(names, found->text)), help_hint(command)};
}

std::optional<Error> unknown_flag(const CLI::App& app, const CLI::App& command, const std::vector<Word>& words) {
    const auto found = std::find_if(words.begin(), words.end(), [](const Word& one) { return one.kind == Word::Kind::UnknownFlag; });
    if (found == words.end()) return std::nullopt;
    const auto name = found->text.substr(0, found->text.find('='));
    if (!name.starts_with("--"))
        return Error{Errc::Usage, fmt::format("unknown flag {}", name), fmt::format("a name that begins with '-' stands behind --: {} -- {}", path_of(command), found->text)};
    std::vector<std::string> known;
    for (const auto* level : {&command, &app})
        for (const auto* option : level->get_options({}))
            for (const auto& one : option->get_lnames()) known.push_back("--" + one);
    return Error{Errc::Usage, fmt::format("unknown flag {}{}", name, nearest(known, name)), help_hint(command)};
}

Error write_equals(const std::string& flag, const std::string& value) {
    return {Errc::Usage, fmt::format("'{}' is not taken as the value of {}", value, flag), fmt::format("write {}={}, or put another flag between them", flag, value)};
}

bool looks_like_a_time(const std::string& text) {
    return !text.empty() && text.back() >= 'a' && text.back() <= 'z' && parse_duration(text).has_value();
}

/// An argument that stands behind a flag whose value follows `=` only, and may be meant for it.
std::optional<Error> meant_for_flag(const std::vector<Word>& words, const std::function<bool(const std::string&)>& may_be) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto& flag = words[i - 1];
        if (words[i].kind != Word::Kind::Argument || flag.kind != Word::Kind::Flag || flag.text.find('=') != std::string::npos) continue;
        if (takes_value_behind_equals(*flag.option) && may_be(words[i].text)) return write_equals(flag.text, words[i].text);
    }
    return std::nullopt;
}

/// An argument is called as help calls it.
std::string shown_name(const CLI::App& command, const std::string& name) {
    const auto* option = name.starts_with('-') ? nullptr : command.get_option_no_throw(name);
    if (option == nullptr) return name;
    std::string out = name;
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
    return out;
}

struct Parts {
    std::string name, rest;
};
/// "--limit: must be …"
Parts parts_of(const std::string& text, std::string_view between) {
    const auto at = text.find(between);
    return at == std::string::npos ? Parts{{}, text} : Parts{text.substr(0, at), text.substr(at + between.size())};
}

std::string invalid(const CLI::App& command, const std::string& text) {
    const auto [name, rest] = parts_of(text, ": ");
    if (name.empty() || (!rest.starts_with("is ") && !rest.starts_with("must be "))) return text;  // of refuse()
    return fmt::format("{} {}", shown_name(command, name), rest);
}

std::string mismatch(const std::string& text) {
    const auto name = parts_of(text, ": ").name;
    if (text.ends_with(" missing")) return fmt::format("{} wants a value", name);
    if (text.find("At Most") != std::string::npos) return fmt::format("{} is given twice", name);
    if (text.ends_with("disallowed flag override")) return fmt::format("{} takes no value", text.substr(0, text.find(' ')));
    return text;
}

std::string unfit(const std::string& text) {
    const auto [name, value] = parts_of(parts_of(text, "Could not convert: ").rest, " = ");
    return name.empty() ? text : fmt::format("{} takes no value, and '{}' is one", name, value);
}

std::string excluding(const CLI::App& command, const std::string& text) {
    const auto [one, other] = parts_of(text, " excludes ");
    if (one != "--dry-run" && other != "--dry-run") return fmt::format("{} and {} exclude each other", one, other);
    const auto with = one == "--dry-run" ? other : one;
    return fmt::format("{}{} has no --dry-run", path_of(command), with.starts_with("--") ? " " + with : "");
}

std::string in_own_words(const CLI::App& command, const CLI::ParseError& error) {
    const std::string text = error.what();
    if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) return invalid(command, text);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) return mismatch(text);
    if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) return unfit(text);
    if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) return excluding(command, text);
    if (const auto [name, needed] = parts_of(text, " requires "); !name.empty()) return fmt::format("{} needs {}", name, needed);
    if (const auto [name, rest] = parts_of(text, " is required"); !name.empty()) return fmt::format("{} is required", shown_name(command, name));
    if (const auto words = parts_of(text, "expected: "); !words.name.empty()) return fmt::format("nothing takes '{}'", words.rest);
    return text;
}

std::string hint_for(const CLI::App& command, const std::string& message) {
    if (message.ends_with(" is empty")) return "an unset variable in a script?";
    if (message.ends_with(" has no --dry-run")) return "it would be ignored, and this changes things; leave it away if that is meant";
    return help_hint(command);
}

Error explained(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& arguments) {
    const auto words = words_of(app, arguments);
    const auto& command = named_command(app, arguments);
    const bool missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
    if (missing || dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
        if (const auto wrong = unknown_command(command, words)) return *wrong;
        if (const auto wrong = unknown_flag(app, command, words)) return *wrong;
        if (const auto wrong = meant_for_flag(words, [](const std::string&) { return true; }); wrong && !missing) return *wrong;
    }
    if (std::string(error.what()).starts_with("A subcommand is required")) return {Errc::Usage, "which command?", help_hint(command)};
    const auto message = in_own_words(command, error);
    return {Errc::Usage, message, hint_for(command, message)};
}

}  // namespace

std::optional<Error> not_utf8(const std::vector<std::string>& arguments) {
    const auto found = std::find_if_not(arguments.begin(), arguments.end(), [](const std::string& one) { return is_utf8(one); });
    if (found == arguments.end()) return std::nullopt;
    const auto equals = found->find('=');
    const bool flag = found->starts_with("--") && equals != std::string::npos && is_utf8(found->substr(0, equals));
    const bool behind_flag = found != arguments.begin() && std::prev(found)->starts_with("-");
    const auto which = flag ? found->substr(0, equals) : behind_flag ? fmt::format("what stands behind {}", *std::prev(found)) : std::string("an argument");
    return Error{Errc::Usage, fmt::format("{} is not UTF-8: '{}'", which, flag ? found->substr(equals + 1) : *found), "LiveKit's names and texts are UTF-8"};
}

std::optional<Error> value_without_equals(const CLI::App& app, const std::vector<std::string>& arguments) {
    return meant_for_flag(words_of(app, arguments), looks_like_a_time);
}

std::optional<Error> empty_behind_equals(const CLI::App& app, const std::vector<std::string>& arguments) {
    for (const auto& word : words_of(app, arguments))
        if (word.kind == Word::Kind::Flag && word.text.ends_with('=') && word.text.find('=') == word.text.size() - 1)
            if (word.option->get_items_expected_max() == 0)
                return Error{Errc::Usage, fmt::format("{} is empty", word.text.substr(0, word.text.size() - 1)), "an unset variable in a script?"};
    return std::nullopt;
}

Error with_flag(Error error, const CLI::App& app, const std::vector<std::string>& arguments) {
    if (error.code != Errc::Usage || !error.message.starts_with('\'')) return error;
    const auto words = words_of(app, arguments);
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto equals = words[i].text.find('=');
        const bool behind_equals = words[i].kind == Word::Kind::Flag && equals != std::string::npos;
        if (!behind_equals && words[i].kind != Word::Kind::Value) continue;
        const auto value = behind_equals ? words[i].text.substr(equals + 1) : words[i].text;
        if (!error.message.starts_with(fmt::format("'{}' is not ", terminal_safe(value)))) continue;
        error.message = fmt::format("{}: {}", behind_equals ? words[i].text.substr(0, equals) : words[i - 1].text, error.message);
        break;
    }
    return error;
}

int usage_error(const Error& error, const std::vector<std::string>& arguments, Env& env) {
    if (wants_json(arguments)) env.out.format = Format::Json;
    env.out.error(error, nullptr);
    return exit_code(error.code);
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& arguments, Env& env) {
    return usage_error(explained(app, error, arguments), arguments, env);
}

}  // namespace voicectl::commands
