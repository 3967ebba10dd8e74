#include "commands/transcript/render.h"

#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"

namespace voicectl::commands {
namespace {

using std::chrono::milliseconds;

milliseconds between(store::SystemTime from, store::SystemTime to) {
    return std::chrono::floor<milliseconds>(to - from);
}

std::int64_t unix_ms(store::SystemTime time) { return between({}, time).count(); }

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

Json call_json(const store::Call& call) {
    Json json{{"id", call.id},
              {"room", call.room},
              {"attempt", call.attempt},
              {"agentName", call.agent_name},
              {"jobId", call.job_id},
              {"callerIdentity", call.caller_identity},
              {"dispatchMetadata", call.dispatch_metadata},
              {"status", call.status},
              {"reason", call.reason},
              {"startedAt", format_time(call.started_at)},
              {"startedAtMs", unix_ms(call.started_at)},
              {"endedAt", nullptr},
              {"endedAtMs", nullptr},
              {"durationMs", nullptr},
              {"turnCount", call.turns}};
    if (call.ended_at) {
        json["endedAt"] = format_time(*call.ended_at);
        json["endedAtMs"] = unix_ms(*call.ended_at);
        json["durationMs"] = between(call.started_at, *call.ended_at).count();
    }
    return json;
}

Json turn_json(const store::Turn& turn, const store::Call& call) {
    const bool began = transcript::is_known(turn.started_at), ended = transcript::is_known(turn.ended_at);
    const auto known = [](bool is, auto value) { return is ? Json(value) : Json(); };
    return {{"sequence", turn.sequence},
            {"speaker", turn.speaker == store::Speaker::Agent ? "agent" : "user"},
            {"identity", turn.identity},
            {"text", turn.text},
            {"startedAt", known(began, format_time(turn.started_at))},
            {"startedAtMs", known(began, unix_ms(turn.started_at))},
            {"endedAt", known(ended, format_time(turn.ended_at))},
            {"endedAtMs", known(ended, unix_ms(turn.ended_at))},
            {"offsetMs", known(began, between(call.started_at, turn.started_at).count())},
            {"durationMs", known(began && ended, between(turn.started_at, turn.ended_at).count())},
            {"interrupted", turn.interrupted},
            {"detail", detail_of(turn)}};
}

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
