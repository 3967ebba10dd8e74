#include "voicectl/transcript/format.h"

#include <algorithm>
#include <cstdlib>

#include "core/transcript/parts.h"
#include "core/transcript/times.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::transcript {
namespace {

using std::chrono::milliseconds;

constexpr std::array kForms{
    Form{"json", "JSON", true, true, create_json},
    Form{"jsonl", "JSON, a turn a line", true, true, create_json_lines},
    Form{"csv", "CSV", true, true, create_csv},
    Form{"md", "Markdown", true, true, create_markdown},
    Form{"txt", "text for people", true, true, create_text},
    Form{"srt", "SubRip subtitles", false, false, create_srt},
    Form{"vtt", "WebVTT subtitles", false, false, create_vtt},
};

std::string tool_line(const nlohmann::json& tool) {
    auto out = text_at(tool, "tool") + ": " + text_at(tool, "outcome");
    if (const auto took = tool.find("tookMs"); took != tool.end() && took->is_number()) out += fmt::format(", {:.0f} ms", took->get<double>());
    for (const char* key : {"arguments", "result"})
        if (const auto found = tool.find(key); found != tool.end() && !found->is_null()) out += fmt::format(", {} {}", key, bare_text(*found));
    return out;
}

}  // namespace

std::span<const Form> forms() { return kForms; }

const Form* find_form(std::string_view name) {
    const auto* found = std::find_if(kForms.begin(), kForms.end(), [&](const Form& one) { return one.name == name; });
    return found == kForms.end() ? nullptr : found;
}

std::string_view name_of(const store::Turn& turn, const Style& style) {
    if (style.speaker_names.empty()) return role_of(turn);
    auto found = style.speaker_names.find(turn.identity);
    if (found == style.speaker_names.end()) found = style.speaker_names.find(std::string(role_of(turn)));
    return found == style.speaker_names.end() ? role_of(turn) : std::string_view(found->second);
}

std::vector<std::string> tool_lines(const store::Turn& turn) {
    std::vector<std::string> out;
    if (turn.detail_json.find("\"tools\"") == std::string::npos) return out;
    const auto detail = nlohmann::json::parse(turn.detail_json, nullptr, false);
    if (!detail.is_object()) return out;
    const auto tools = detail.find("tools");
    if (tools == detail.end() || !tools->is_array()) return out;
    for (const auto& tool : *tools)
        if (tool.is_object()) out.push_back(tool_line(tool));
    return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    constexpr std::string_view kBlank = " \t\v\f";
    // U+0085, U+2028 and U+2029 end lines for some who read the file.
    constexpr std::array<std::string_view, 5> kEnds{"\n", "\r", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
    std::vector<std::string_view> out;
    while (!text.empty()) {
        std::size_t end = text.size(), length = 0;
        for (const auto one : kEnds)
            if (const auto at = text.substr(0, end).find(one); at != std::string_view::npos) end = at, length = one.size();
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(text.size(), end + length));
        const auto first = line.find_first_not_of(kBlank);
        if (first == std::string_view::npos) continue;
        out.push_back(line.substr(first, line.find_last_not_of(kBlank) - first + 1));
    }
    return out;
}

std::string call_heading(const store::Call& call) {
    const auto part = [](std::string_view name, std::string_view value) {
        return value.empty() ? "" : fmt::format("{:<8} {}\n", name, terminal_safe(value));
    };
    std::string out = fmt::format("call {}: room {}, attempt {}\n", call.id, terminal_safe(call.room), call.attempt);
    out += part("agent", call.agent_name) + part("caller", call.caller_identity) + part("job", call.job_id);
    out += part("metadata", call.dispatch_metadata) + part("began", format_time(call.started_at));
    if (call.ended_at) out += part("lasted", format_duration(std::chrono::floor<milliseconds>(*call.ended_at - call.started_at)));
    return out + part("status", call.reason.empty() ? call.status : fmt::format("{}: {}", call.status, call.reason));
}

std::string clock_text(const store::Turn& turn, const store::Call& call) {
    if (!is_known(turn.started_at)) return "-:--";
    const auto since = ms_between(call.started_at, turn.started_at);
    const auto tenths = std::abs(since) / 100;
    return fmt::format("{}{}:{:02}.{}", since <= -100 ? "-" : "", tenths / 600, tenths / 10 % 60, tenths % 10);
}

}  // namespace voicectl::transcript
