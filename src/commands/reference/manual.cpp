#include "commands/reference/manual.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
    return text;
}

/// CLI11 writes "TEXT:{a,b}" for a value with few choices.
void split_type(const std::string& type, FlagPage& page) {
    const auto open = type.find('{');
    const auto close = type.find('}', open);
    page.value = type.substr(0, type.find(':'));
    if (open == std::string::npos || close == std::string::npos) return;
    for (const auto& choice : split(std::string_view(type).substr(open + 1, close - open - 1), ',')) page.choices.push_back(std::string(trim(choice)));
    if (open == 0) page.value = "VALUE";
}

FlagPage flag_page(const CLI::Option& option) {
    FlagPage page;
    page.text = option.get_description();
    page.group = option.get_group();
    page.required = option.get_required();
    page.repeats = option.get_expected_max() > 1;
    if (option.get_positional()) {
        page.names = {upper(option.get_single_name())};
        FlagPage typed;
        split_type(option.get_type_name(), typed);
        page.choices = typed.choices;
        page.value = typed.value;
        return page;
    }
    // "--wait{30s}" is a flag with a value that may be left out, "--no-publish{false}" one that says no.
    for (auto& name : split(option.get_name(false, true), ',')) {
        const auto brace = name.find('{');
        if (brace != std::string::npos) {
            const auto value = name.substr(brace + 1, name.size() - brace - 2);
            if (value != "true" && value != "false") page.value = fmt::format("[={}]", value);
            name.erase(brace);
        }
        page.names.push_back(name);
    }
    if (option.get_type_size() != 0 && page.value.empty()) split_type(option.get_type_name(), page);
    if (page.value == "UINT" || page.value == "INT" || page.value == "FLOAT") page.value = "N";
    if (const auto& standard = option.get_default_str(); !standard.empty() && page.text.find('[') == std::string::npos) page.text += fmt::format(" [{}]", standard);
    return page;
}

void read_footer(std::string_view footer, CommandPage& page) {
    const auto at = footer.find("Example");
    page.about = std::string(trim(footer.substr(0, at)));
    if (at == std::string_view::npos) return;
    bool in_examples = true;
    for (const auto& line : split(footer.substr(footer.find('\n', at) + 1), '\n')) {
        if (in_examples && line.starts_with("  ")) page.examples.emplace_back(trim(line));
        else if (!trim(line).empty() || !in_examples) {
            in_examples = false;
            page.about += (page.about.empty() ? "" : page.about.ends_with('\n') ? "" : "\n") + line;
        } else {
            in_examples = false;
            page.about += "\n\n";
        }
    }
    page.about = std::string(trim(page.about));
}

std::vector<std::string> path_of(const CLI::App& command) {
    std::vector<std::string> path;
    for (const auto* at = &command; at != nullptr; at = at->get_parent()) path.insert(path.begin(), at->get_name());
    return path;
}

bool hidden(const CLI::App& command) { return command.get_group().empty(); }

std::string left_column(const FlagPage& flag) {
    auto out = fmt::format("{}", fmt::join(flag.names, ", "));
    if (!flag.value.empty() && !flag.names.front().starts_with('-')) return out;
    if (flag.value.starts_with('[')) return out + flag.value;
    if (!flag.value.empty()) out += " " + flag.value;
    return out;
}

constexpr std::size_t kColumn = 30, kWidth = 110;

/// `text` behind `left`, wrapped, in two columns.
std::string row(const std::string& left, std::string_view text) {
    auto out = "  " + left;
    if (utf8_length(out) + 2 > kColumn) out += "\n" + std::string(kColumn, ' ');
    else out.append(kColumn - utf8_length(out), ' ');
    std::size_t at = kColumn;
    bool first = true;
    for (const auto& word : split(text, ' ')) {
        const auto length = utf8_length(word);
        if (!first && at + 1 + length > kWidth) {
            out += "\n" + std::string(kColumn, ' ');
            at = kColumn;
            first = true;
        }
        if (!first) out += ' ', ++at;
        out += word;
        at += length;
        first = false;
    }
    return out + "\n";
}

std::string with_choices(const FlagPage& flag) {
    auto text = flag.text;
    const bool told = std::all_of(flag.choices.begin(), flag.choices.end(), [&](const auto& one) { return text.find(one) != std::string::npos; });
    if (!flag.choices.empty() && !told) text += fmt::format(": {}", fmt::join(flag.choices, ", "));
    return text;
}

std::string rows(const std::string& title, const std::vector<FlagPage>& flags) {
    std::string out;
    for (const auto& flag : flags) out += row(left_column(flag), with_choices(flag));
    return out.empty() ? out : fmt::format("\n{}:\n{}", title, out);
}

std::string grouped_rows(const std::vector<FlagPage>& flags) {
    std::vector<std::string> groups;
    for (const auto& flag : flags)
        if (std::find(groups.begin(), groups.end(), flag.group) == groups.end()) groups.push_back(flag.group);
    std::string out;
    for (const auto& group : groups) {
        std::vector<FlagPage> its;
        std::copy_if(flags.begin(), flags.end(), std::back_inserter(its), [&](const FlagPage& flag) { return flag.group == group; });
        out += rows(group == "Options" ? "Flags" : group, its);
    }
    return out;
}

class Layout final : public CLI::Formatter {
 public:
    std::string make_help(const CLI::App* command, std::string /*name*/, CLI::AppFormatMode /*mode*/) const override { return help_text(page_of(*command)); }
};

}  // namespace

std::string CommandPage::name() const { return fmt::format("{}", fmt::join(path, " ")); }

std::string CommandPage::usage() const {
    auto out = name();
    if (!flags.empty()) out += " [flags]";
    for (const auto& one : arguments) {
        const auto text = one.names.front() + (one.repeats ? "…" : "");
        out += one.required ? " " + text : fmt::format(" [{}]", text);
    }
    return children.empty() ? out : out + " COMMAND";
}

CommandPage page_of(const CLI::App& command) {
    CommandPage page;
    page.path = path_of(command);
    page.summary = command.get_description();
    page.aliases = command.get_aliases();
    read_footer(command.get_footer(), page);
    for (const auto* option : command.get_options({})) {
        if (option->get_group().empty()) continue;
        if (option == command.get_help_ptr() && command.get_parent() != nullptr) continue;
        (option->get_positional() ? page.arguments : page.flags).push_back(flag_page(*option));
    }
    for (const auto* child : command.get_subcommands({})) {
        if (hidden(*child)) continue;
        auto& short_page = page.children.emplace_back();
        short_page.path = path_of(*child);
        short_page.summary = child->get_description();
    }
    return page;
}

std::vector<const CLI::App*> all_commands(const CLI::App& root) {
    std::vector<const CLI::App*> out{&root};
    for (const auto* child : root.get_subcommands({})) {
        if (hidden(*child)) continue;
        const auto below = all_commands(*child);
        out.insert(out.end(), below.begin(), below.end());
    }
    return out;
}

std::string help_text(const CommandPage& page) {
    auto out = fmt::format("{}\n\nUsage: {}\n", page.summary, page.usage());
    if (!page.examples.empty()) out += fmt::format("\nExamples:\n  {}\n", fmt::join(page.examples, "\n  "));
    if (!page.about.empty()) out += fmt::format("\n{}\n", page.about);
    if (!page.children.empty()) {
        out += "\nCommands:\n";
        for (const auto& child : page.children) out += row(child.path.back(), child.summary);
    }
    out += rows("Arguments", page.arguments) + grouped_rows(page.flags);
    if (page.path.size() > 1) out += "\nFlags of every command (server, output, …): voicectl --help. Exit codes: voicectl help exit-codes\n";
    return out;
}

std::string readme_table(const CLI::App& root) {
    std::string out = "| Command | |\n|---|---|\n";
    for (const auto* command : all_commands(root)) {
        const auto page = page_of(*command);
        if (page.children.empty() && page.path.size() > 1)
            out += fmt::format("| `{}` | {} |\n", page.name().substr(page.path.front().size() + 1), page.summary);
    }
    return out;
}

void use_help_layout(CLI::App& root) {
    const auto layout = std::make_shared<Layout>();
    root.formatter(layout);
    for (auto* child : root.get_subcommands({})) use_help_layout(*child);
}

}  // namespace voicectl::commands
