#include "commands/transcript/render.h"

#include <cstdlib>

#include "voicectl/base/text.h"

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

// Minutes, seconds and tenths since the call began; turns of an imported transcript may lie before.
std::string clock_text(milliseconds since) {
    const auto tenths = std::abs(since.count()) / 100;
    return fmt::format("{}{}:{:02}.{}", since.count() <= -100 ? "-" : "", tenths / 600, tenths / 10 % 60, tenths % 10);
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
    return {{"sequence", turn.sequence},
            {"speaker", turn.speaker == store::Speaker::Agent ? "agent" : "user"},
            {"identity", turn.identity},
            {"text", turn.text},
            {"startedAt", format_time(turn.started_at)},
            {"startedAtMs", unix_ms(turn.started_at)},
            {"endedAt", format_time(turn.ended_at)},
            {"endedAtMs", unix_ms(turn.ended_at)},
            {"offsetMs", between(call.started_at, turn.started_at).count()},
            {"durationMs", between(turn.started_at, turn.ended_at).count()},
            {"interrupted", turn.interrupted},
            {"detail", detail_of(turn)}};
}

std::string call_length(const store::Call& call) {
    return call.ended_at ? format_duration(between(call.started_at, *call.ended_at)) : "";
}

std::string call_heading(const store::Call& call) {
    const auto part = [](std::string_view name, std::string_view value) {
        return value.empty() ? "" : fmt::format("{:<8} {}\n", name, terminal_safe(value));
    };
    std::string out = fmt::format("call {}: room {}, attempt {}\n", call.id, terminal_safe(call.room), call.attempt);
    out += part("agent", call.agent_name) + part("caller", call.caller_identity) + part("job", call.job_id);
    out += part("metadata", call.dispatch_metadata) + part("began", format_time(call.started_at));
    out += part("lasted", call_length(call));
    return out + part("status", call.reason.empty() ? call.status : fmt::format("{}: {}", call.status, call.reason));
}

TurnText turn_text(const store::Turn& turn, const store::Call& call) {
    TurnText out;
    out.time = clock_text(between(call.started_at, turn.started_at));
    out.speaker = turn.speaker == store::Speaker::Agent ? "agent" : "user";
    out.text = terminal_safe(turn.text);
    out.remarks = latency_text(detail_of(turn));
    if (turn.interrupted) out.remarks = out.remarks.empty() ? "interrupted" : "interrupted, " + out.remarks;
    return out;
}

}  // namespace voicectl::commands
