#include "core/agent/tools/tool.h"

#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

constexpr std::string_view kCutMark = "… (cut)";

struct SoonRun final : ToolRun {
    Lifeline lifeline;
};

}  // namespace

const char* to_string(ToolOutcome outcome) {
    switch (outcome) {
        case ToolOutcome::Ok: return "ok";
        case ToolOutcome::Failed: return "failed";
        case ToolOutcome::Timeout: return "timeout";
        case ToolOutcome::Invalid: return "invalid";
        case ToolOutcome::Unknown: return "unknown";
        case ToolOutcome::Cancelled: return "cancelled";
    }
    return "failed";
}

std::unique_ptr<ToolRun> tell_soon(Loop& loop, ToolResult result, ToolDone done) {
    auto run = std::make_unique<SoonRun>();
    loop.post(run->lifeline.guard([result = std::move(result), done = std::move(done)] {
        const auto tell = done;  // which may drop the run
        tell(result);
    }));
    return run;
}

std::string cut_result(std::string text, std::size_t limit) {
    const bool too_long = text.size() > limit;
    if (too_long) {
        auto end = limit;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a character
        text.resize(end);
    }
    text = valid_utf8(text);
    return too_long ? text + std::string(kCutMark) : text;
}

}  // namespace voicectl::agent
