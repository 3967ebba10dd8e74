#include "commands/flags.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>
#include <type_traits>

#include <fmt/ranges.h>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

// What a check says reads on from the flag's name; usage_error() puts the two together.
using Check = std::function<std::string(const std::string&)>;

constexpr const char* kNotEmpty = "not empty";

template<class T>
struct ValueOf {
    using type = T;
};
template<class T>
struct ValueOf<std::optional<T>> {
    using type = T;
};
template<class T>
struct ValueOf<std::vector<T>> {
    using type = T;
};

template<class Number>
std::string number_fault(const std::string& given) {
    std::string_view text = given;
    if (text.starts_with('+')) text.remove_prefix(1);
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return {};
    if (error == std::errc::result_out_of_range) return fmt::format("must be a smaller number than {}", given);
    const auto* kind = std::is_floating_point_v<Number> ? "a number" : std::is_unsigned_v<Number> ? "a whole number from 0 up" : "a whole number";
    return fmt::format("must be {}, not '{}'", kind, given);
}

CLI::Option* refuse_empty(CLI::Option* option) {
    const Check check = [](const std::string& text) { return text.empty() ? std::string("is empty") : std::string(); };
    return option->check(check, "", kNotEmpty);
}

template<class T>
CLI::Option* checked(CLI::Option* option) {
    using Value = typename ValueOf<T>::type;
    // The last one counts, so that an alias with a flag can be overruled.
    if constexpr (!std::is_same_v<T, std::vector<Value>>)
        if (!option->get_positional()) option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if constexpr (std::is_same_v<Value, std::string>) return refuse_empty(option);
    else return option->check(Check(number_fault<Value>));
}

Check within(double least, double most) {
    return [=](const std::string& text) {
        const auto value = std::strtod(text.c_str(), nullptr);
        return value >= least && value <= most ? std::string() : fmt::format("must be from {} to {}, not {}", least, most, text);
    };
}

std::string either(const std::vector<std::string>& words) {
    if (words.size() < 2) return fmt::format("{}", fmt::join(words, ""));
    return fmt::format("{} or {}", fmt::join(words.begin(), words.end() - 1, ", "), words.back());
}

}  // namespace

Flag Flag::type_name(const std::string& name) const {
    option_->type_name(name);
    return name == "TEXT|@FILE|-" ? may_be_empty() : *this;
}
Flag Flag::group(const std::string& name) const { return Flag(option_->group(name)); }
Flag Flag::required() const { return Flag(option_->required()); }
Flag Flag::one_value() const { return Flag(option_->allow_extra_args(false)); }
Flag Flag::delimiter(char separator) const {
    const auto trimmed = [](const std::string& text) { return std::string(trim(text)); };  // "name, sid" is what people write
    return Flag(option_->delimiter(separator)->transform(std::function<std::string(std::string)>(trimmed)));
}
Flag Flag::capture_default() const { return Flag(option_->capture_default_str()); }
Flag Flag::one_of(const std::vector<std::string>& words) const {
    const Check check = [words](const std::string& text) {
        const bool known = std::find(words.begin(), words.end(), text) != words.end();
        return known ? std::string() : fmt::format("must be {}, not '{}'", either(words), text);
    };
    return Flag(option_->check(check, fmt::format("{{{}}}", fmt::join(words, ","))));
}
Flag Flag::range(double least, double most) const { return Flag(option_->check(within(least, most))); }
Flag Flag::range(int least, int most) const { return Flag(option_->check(within(least, most))); }
Flag Flag::positive() const {
    return Flag(option_->check(Check([](const std::string& text) { return std::strtod(text.c_str(), nullptr) > 0 ? std::string() : fmt::format("must be more than 0, not {}", text); })));
}
Flag Flag::excludes(Flag other) const { return Flag(option_->excludes(other.option_)); }
Flag Flag::needs(Flag other) const { return Flag(option_->needs(other.option_)); }
Flag Flag::may_be_empty() const {
    option_->get_validator(kNotEmpty)->active(false);
    return *this;
}
Flag Flag::keep_order() const { return Flag(option_->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)); }

Command Command::add_subcommand(const std::string& name, const std::string& summary) const { return *app_->add_subcommand(name, summary); }
Command Command::footer(const std::string& text) const { return *app_->footer(text); }
Command Command::alias(const std::string& name) const { return *app_->alias(name); }
Command Command::hidden() const { return *app_->group(""); }

namespace {
/// Nothing in a tree without global flags, which tests make.
CLI::Option* dry_run_flag(const CLI::App* app) {
    while (app->get_parent() != nullptr) app = app->get_parent();
    return const_cast<CLI::App*>(app)->get_option_no_throw("--dry-run");
}
}  // namespace

Command Command::no_dry_run() const {
    if (auto* flag = dry_run_flag(app_)) app_->excludes(flag);
    return *this;
}
Command Command::no_dry_run_with(Flag flag) const {
    if (auto* dry_run = dry_run_flag(app_)) flag.option_->excludes(dry_run);
    return *this;
}

template<class T>
Flag Command::add_option(const std::string& names, T& target, const std::string& text) const {
    return Flag(checked<T>(app_->add_option(names, target, text)));
}

template<class T>
Flag Command::add_flag(const std::string& names, T& target, const std::string& text) const {
    return Flag(app_->add_flag(names, target, text));
}

#define VC_OPTION(...) template Flag Command::add_option(const std::string&, __VA_ARGS__&, const std::string&) const
VC_OPTION(std::string);
VC_OPTION(std::vector<std::string>);
VC_OPTION(std::optional<std::string>);
VC_OPTION(int);
VC_OPTION(std::optional<int>);
VC_OPTION(unsigned);
VC_OPTION(std::optional<unsigned>);
VC_OPTION(std::size_t);
VC_OPTION(double);
VC_OPTION(std::optional<double>);
#undef VC_OPTION

#define VC_FLAG(...) template Flag Command::add_flag(const std::string&, __VA_ARGS__&, const std::string&) const
VC_FLAG(bool);
VC_FLAG(std::string);
#undef VC_FLAG

Flag Command::add_option(const std::string& names, const std::string& text) const { return Flag(refuse_empty(app_->add_option(names, text))); }

Flag Command::add_yes_no(const std::string& name, std::function<void(bool)> set, const std::string& text) const {
    const auto count = [set = std::move(set), name](std::int64_t times) { times == 0 ? refuse("--" + name, "contradicts --no-" + name) : set(times > 0); };
    return Flag(app_->add_flag_function("--" + name + ",!--no-" + name, count, text));
}

Flag Command::flag(const std::string& name) const { return Flag(app_->get_option(name)); }

void Command::callback(std::function<void()> run) const { app_->callback(std::move(run)); }

std::vector<std::pair<Flag, std::string>> Command::in_order() const {
    // CLI11 gathers each option's values, and has the order in which they stood besides.
    std::map<CLI::Option*, std::size_t> taken;
    std::vector<std::pair<Flag, std::string>> out;
    for (auto* option : app_->parse_order()) out.emplace_back(Flag(option), option->results().at(taken[option]++));
    return out;
}

bool Command::root_was_given(const std::string& name) const {
    const auto* root = app_;
    while (root->get_parent() != nullptr) root = root->get_parent();
    const auto* option = root->get_option_no_throw(name);
    return option != nullptr && option->count() > 0;
}

void refuse(const std::string& flag, const std::string& why) { throw CLI::ValidationError(flag, why); }

}  // namespace voicectl::commands
