#include "commands/flags.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <map>
#include <optional>

namespace voicectl::commands {

Flag Flag::type_name(const std::string& name) const { return Flag(option_->type_name(name)); }
Flag Flag::group(const std::string& name) const { return Flag(option_->group(name)); }
Flag Flag::required() const { return Flag(option_->required()); }
Flag Flag::one_value() const { return Flag(option_->allow_extra_args(false)); }
Flag Flag::delimiter(char separator) const { return Flag(option_->delimiter(separator)); }
Flag Flag::capture_default() const { return Flag(option_->capture_default_str()); }
Flag Flag::one_of(const std::vector<std::string>& words) const { return Flag(option_->check(CLI::IsMember(words))); }
Flag Flag::range(double least, double most) const { return Flag(option_->check(CLI::Range(least, most))); }
Flag Flag::range(int least, int most) const { return Flag(option_->check(CLI::Range(least, most))); }
Flag Flag::positive() const { return Flag(option_->check(CLI::PositiveNumber)); }
Flag Flag::excludes(Flag other) const { return Flag(option_->excludes(other.option_)); }
Flag Flag::needs(Flag other) const { return Flag(option_->needs(other.option_)); }
Flag Flag::keep_order() const { return Flag(option_->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)); }

Command Command::add_subcommand(const std::string& name, const std::string& summary) const { return *app_->add_subcommand(name, summary); }
Command Command::footer(const std::string& text) const { return *app_->footer(text); }
Command Command::alias(const std::string& name) const { return *app_->alias(name); }
Command Command::hidden() const { return *app_->group(""); }

template<class T>
Flag Command::add_option(const std::string& names, T& target, const std::string& text) const {
    return Flag(app_->add_option(names, target, text));
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

Flag Command::add_option(const std::string& names, const std::string& text) const { return Flag(app_->add_option(names, text)); }

Flag Command::add_yes_no(const std::string& name, std::function<void(bool)> set, const std::string& text) const {
    const auto count = [set = std::move(set)](std::int64_t times) { set(times > 0); };
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
