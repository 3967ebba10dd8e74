#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "commands/reference/manual.h"
#include "commands/reference/topics.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

/// One character of UTF-8, which is valid here: the texts are our own.
char32_t next_character(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t out = length == 1 ? first : first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length && i < text.size(); ++i) out = out << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
    text.remove_prefix(std::min(length, text.size()));
    return out;
}

/// roff's own characters made plain (a dot or quote at a line's start would be a request), others than ASCII by
/// their names, which every groff reads.
std::string roff(std::string_view text) {
    std::string out;
    bool line_start = true;
    while (!text.empty()) {
        const auto c = next_character(text);
        if (line_start && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\') out += "\\e";
        else if (c == '-') out += "\\-";
        else if (c < 0x80) out += static_cast<char>(c);
        else out += fmt::format("\\[u{:04X}]", static_cast<std::uint32_t>(c));
        line_start = c == '\n';
    }
    return out;
}

std::string verbatim(std::string_view text) { return fmt::format(".nf\n{}\n.fi\n", roff(text)); }

std::string dashed(const std::vector<std::string>& path) { return fmt::format("{}", fmt::join(path, "-")); }

std::string flag_rows(const std::vector<FlagPage>& flags) {
    std::string out;
    for (const auto& flag : flags) {
        std::vector<std::string> names;
        for (const auto& name : flag.names) names.push_back(fmt::format("\\fB{}\\fR", roff(name)));
        const bool argument = !flag.names.front().starts_with('-');
        const auto value = argument || flag.value.empty() ? std::string() : (flag.value.starts_with('[') ? "" : " ") + fmt::format("\\fI{}\\fR", roff(flag.value));
        auto text = flag.text;
        if (!flag.choices.empty() && text.find(flag.choices.front()) == std::string::npos) text += fmt::format(": {}", fmt::join(flag.choices, ", "));
        out += fmt::format(".TP\n{}{}\n{}\n", fmt::join(names, ", "), value, roff(text));
    }
    return out;
}

std::string section(std::string_view title, const std::string& body) { return body.empty() ? body : fmt::format(".SH {}\n{}", title, body); }

std::string paragraphs(std::string_view text) {
    // Lists and tables in a help text are laid out by hand: keep the lines.
    return text.empty() ? std::string() : verbatim(text);
}

}  // namespace

std::string man_page(const CommandPage& page, const std::vector<FlagPage>& globals, const std::string& version) {
    auto out = fmt::format(".TH \"{}\" 1 \"\" \"voicectl {}\" \"voicectl manual\"\n", roff(dashed(page.path)), version);
    out += section("NAME", fmt::format("{} \\- {}\n", roff(dashed(page.path)), roff(page.summary)));
    out += section("SYNOPSIS", fmt::format("\\fB{}\\fR\n", roff(page.usage())));
    out += section("DESCRIPTION", paragraphs(page.about));
    std::string children;
    for (const auto& child : page.children) children += fmt::format(".TP\n\\fB{}\\fR(1)\n{}\n", roff(dashed(child.path)), roff(child.summary));
    out += section("COMMANDS", children);
    out += section("ARGUMENTS", flag_rows(page.arguments));
    out += section("OPTIONS", flag_rows(page.flags));
    if (page.path.size() > 1) out += section("OPTIONS OF EVERY COMMAND", flag_rows(globals));
    out += section("EXAMPLES", page.examples.empty() ? std::string() : verbatim(fmt::format("{}", fmt::join(page.examples, "\n"))));
    out += section("EXIT STATUS", verbatim(topic("exit-codes")->text));
    if (page.path.size() == 1) {
        out += section("ENVIRONMENT", verbatim(topic("environment")->text));
        out += section("PROFILES", verbatim(topic("profiles")->text));
        out += section("OUTPUT", verbatim(topic("output")->text));
    } else {
        const std::vector<std::string> parent(page.path.begin(), page.path.end() - 1);
        out += section("SEE ALSO", fmt::format("\\fB{}\\fR(1)\n", roff(dashed(parent))));
    }
    return out;
}

}  // namespace voicectl::commands
