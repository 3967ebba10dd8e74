#include "commands/transcript/render.h"

#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"

namespace voicectl::commands {
namespace {

Json detail_of(const store::Turn& turn) {
    auto detail = Json::parse(turn.detail_json, nullptr, false);
    return detail.is_object() ? detail : Json::object();
}

// {"answerLatencyMs":740,"sttMs":120} as "answered after 740 ms (stt 120)".
std::string latency_text(const Json& detail) {
    constexpr std::string_view kWhole = "answerLatencyMs";
    std::string parts;
    for (const auto& [key, value] : detail.items()) {
        if (key == kWhole || !key.ends_with("Ms") || !value.is_number()) continue;
        parts += fmt::format("{}{} {:.0f}", parts.empty() ? "" : ", ", terminal_safe(key.substr(0, key.size() - 2)), value.get<double>());
    }
    const auto whole = detail.find(kWhole);
    if (whole == detail.end() || !whole->is_number()) return parts;
    const auto answered = fmt::format("answered after {:.0f} ms", whole->get<double>());
    return parts.empty() ? answered : fmt::format("{} ({})", answered, parts);
}

}  // namespace

TurnText turn_text(const store::Turn& turn, const store::Call& call) {
    TurnText out;
    out.time = transcript::clock_text(turn, call);
    out.speaker = turn.speaker == store::Speaker::Agent ? "agent" : "user";
    out.text = terminal_safe(turn.text);
    out.remarks = latency_text(detail_of(turn));
    if (turn.interrupted) out.remarks = out.remarks.empty() ? "interrupted" : "interrupted, " + out.remarks;
    return out;
}

}  // namespace voicectl::commands
