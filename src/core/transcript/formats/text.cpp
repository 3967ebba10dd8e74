// Text for people: a line a turn, safe to print on a terminal.
#include <utility>

#include "core/transcript/parts.h"
#include "voicectl/base/text.h"

namespace voicectl::transcript {
namespace {

class TextWriter final : public Writer {
 public:
    explicit TextWriter(Style style) : style_(std::move(style)) {}

    void begin_call(const store::Call& call, std::string& out) override {
        if (std::exchange(later_call_, true)) out += "\n";
        out += call_heading(call) + "\n";
    }
    void turn(const store::Turn& turn, const store::Call& call, std::string& out) override {
        out += fmt::format("[{}] {}: {}{}\n", clock_text(turn, call), terminal_safe(name_of(turn, style_)), terminal_safe(turn.text),
                           turn.interrupted ? " [interrupted]" : "");
        if (!style_.tools) return;
        for (const auto& line : tool_lines(turn)) out += fmt::format("    tool {}\n", terminal_safe(line));
    }

 private:
    Style style_;
    bool later_call_ = false;
};

}  // namespace

std::unique_ptr<Writer> create_text(const Style& style) { return std::make_unique<TextWriter>(style); }

}  // namespace voicectl::transcript
