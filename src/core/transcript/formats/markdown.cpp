// Markdown (CommonMark 0.31, and what GitHub adds): a heading for each call, a paragraph for each turn.
#include <cctype>

#include "core/transcript/escape.h"
#include "core/transcript/parts.h"
#include "core/transcript/times.h"

namespace voicectl::transcript {
namespace {

constexpr auto kCare = care_for("\\`*_[]<>&~|$^!");

void append_escaped_markdown(std::string& out, std::string_view line) {
    walk(out, line, kCare, [&](char32_t c, std::string_view bytes) {
        if (c == '\t') out += bytes;
        else if (is_control(c) || turns_text(c) || ends_line(c)) out += '\\', append_visible(out, c);
        else if (c < 0x80) out += '\\', out += bytes;
        else out += bytes;
    });
}

// At the beginning of a line more has a meaning: headings, lists, rules, underlines of headings.
void guard_line(std::string& out, std::size_t begin) {
    const std::string_view line = std::string_view(out).substr(begin);
    auto digits = line.find_first_not_of("0123456789");
    if (digits == std::string_view::npos) return;
    if (digits == 0 && std::string_view("#+-=:").find(line[0]) == std::string_view::npos) return;
    if (digits > 0 && line[digits] != '.' && line[digits] != ')') return;
    out.insert(begin + digits, 1, '\\');
}

void append_line(std::string& out, std::string_view line) {
    const auto begin = out.size();
    append_escaped_markdown(out, line);
    guard_line(out, begin);
}

/// Lines of ours and of the text end as hard breaks, so that it stays one paragraph.
void append_paragraph(std::string& out, std::string_view text) {
    bool later = false;
    for (const auto line : lines_of(text)) {
        if (later) out += "\\\n";
        append_line(out, line);
        later = true;
    }
}

std::string one_line(std::string_view text) {
    std::string out;
    append_escaped_markdown(out, fmt::format("{}", fmt::join(lines_of(text), " ")));
    return out;
}

class MarkdownWriter final : public Writer {
 public:
    explicit MarkdownWriter(Style style) : style_(std::move(style)) {}

    void begin_call(const store::Call& call, std::string& out) override {
        if (std::exchange(later_call_, true)) out += '\n';
        out += fmt::format("# Call {}: room {}, attempt {}\n\n", call.id, one_line(call.room), call.attempt);
        fact(out, "agent", call.agent_name);
        fact(out, "caller", call.caller_identity);
        fact(out, "job", call.job_id);
        fact(out, "metadata", call.dispatch_metadata);
        fact(out, "began", format_time(call.started_at));
        if (call.ended_at) fact(out, "ended", format_time(*call.ended_at));
        fact(out, "status", call.reason.empty() ? call.status : call.status + ": " + call.reason);
    }

    void turn(const store::Turn& turn, const store::Call& call, std::string& out) override {
        out += fmt::format("\n**{}** ({}): ", one_line(name_of(turn, style_)), clock_text(turn, call));
        append_paragraph(out, turn.text);
        if (turn.interrupted) out += " *(interrupted)*";
        out += '\n';
        if (!style_.tools) return;
        for (const auto& line : tool_lines(turn)) out += fmt::format("\n> tool {}\n", one_line(line));
    }

 private:
    static void fact(std::string& out, std::string_view name, std::string_view value) {
        const auto shown = one_line(value);
        if (!shown.empty()) out += fmt::format("- {}: {}\n", name, shown);
    }
    Style style_;
    bool later_call_ = false;
};

}  // namespace

std::unique_ptr<Writer> create_markdown(const Style& style) { return std::make_unique<MarkdownWriter>(style); }

}  // namespace voicectl::transcript
