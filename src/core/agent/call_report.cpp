#include "voicectl/agent/call_report.h"

#include <algorithm>

#include "voicectl/agent/money.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;

std::int64_t ms_between(store::SystemTime from, store::SystemTime to) { return std::chrono::floor<std::chrono::milliseconds>(to - from).count(); }

json object_in(const std::string& text) {
    auto value = json::parse(text, nullptr, false);
    return value.is_object() ? value : json::object();
}

json list_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_array() ? *found : json::array();
}

json value_at(const json& object, const char* key, json fallback) {
    const auto found = object.find(key);
    return found != object.end() ? *found : std::move(fallback);
}

Money cost_in(const json& line) {
    if (!line.is_object()) return {};
    const auto text = text_at(line, "costUsd");
    const bool negative = text.starts_with('-');  // a guess that was put right
    const auto money = parse_money(std::string_view(text).substr(negative ? 1 : 0)).value_or(Money{});
    return negative ? Money{} - money : money;
}

Money sum(const json& lines) {
    Money out;
    for (const auto& line : lines) out += cost_in(line);
    return out;
}

json turn_json(const store::Turn& turn, const store::Call& call) {
    const auto detail = object_in(turn.detail_json);
    json latencies = json::object();
    for (const auto& [key, value] : detail.items())
        if (key.ends_with("Ms") && value.is_number()) latencies[key] = value;
    const auto usage = list_at(detail, "usage");
    return {{"sequence", turn.sequence},
            {"speaker", turn.speaker == store::Speaker::Agent ? "agent" : "user"},
            {"startMs", ms_between(call.started_at, turn.started_at)},
            {"endMs", ms_between(call.started_at, turn.ended_at)},
            {"characters", utf8_length(turn.text)},
            {"interrupted", turn.interrupted},
            {"latencies", std::move(latencies)},
            {"stages", list_at(detail, "stages")},
            {"usage", usage},
            {"costUsd", to_text(sum(usage))}};
}

/// The middle, the slow and the slowest of what the caller waited.
json answer_times(const json& turns) {
    std::vector<double> all;
    for (const auto& turn : turns)
        if (const auto found = turn["latencies"].find("answerLatencyMs"); found != turn["latencies"].end()) all.push_back(found->get<double>());
    if (all.empty()) return {{"answers", 0}, {"p50Ms", nullptr}, {"p95Ms", nullptr}, {"maxMs", nullptr}};
    std::sort(all.begin(), all.end());
    const auto at = [&](std::size_t percent) { return all[std::min(all.size() - 1, all.size() * percent / 100)]; };
    return {{"answers", all.size()}, {"p50Ms", at(50)}, {"p95Ms", at(95)}, {"maxMs", all.back()}};
}

json usage_sum(const json& lines) {
    json out{{"audioMs", 0}, {"inputTokens", 0}, {"cachedTokens", 0}, {"storedTokens", 0}, {"outputTokens", 0}, {"characters", 0}};
    bool estimated = false;
    for (const auto& line : lines) {
        if (!line.is_object()) continue;
        for (auto& [key, value] : out.items())
            if (const auto found = line.find(key); found != line.end() && found->is_number_integer()) value = value.get<std::int64_t>() + found->get<std::int64_t>();
        if (const auto found = line.find("estimated"); found != line.end()) estimated = estimated || *found == true;
    }
    out["estimated"] = estimated;
    return out;
}

json costs(const json& head, const json& turns) {
    const auto lines = list_at(head, "costLines");
    auto rest = sum(lines);
    for (const auto& turn : turns) rest -= cost_in(turn);
    json unknown = json::array();
    for (const auto& line : lines)
        if (line.is_object() && value_at(line, "costUsd", nullptr).is_null())
            unknown.push_back(fmt::format("{} {}{}{}", text_at(line, "stage"), text_at(line, "provider"), text_at(line, "model").empty() ? "" : "/", text_at(line, "model")));
    return {{"currency", "USD"},
            {"totalUsd", to_text(sum(lines))},
            {"budgetUsd", value_at(head, "budgetUsd", nullptr)},
            {"outsideTurnsUsd", to_text(rest)},
            {"unknownPrices", std::move(unknown)},
            {"lines", lines}};
}

}  // namespace

json call_report(const store::Call& call, const std::string& stored, const std::vector<store::Turn>& turns) {
    const auto head = object_in(stored);
    json listed = json::array();
    for (const auto& turn : turns)
        if (listed.size() < kMostReportTurns) listed.push_back(turn_json(turn, call));
    json out{{"schemaVersion", 1},
             {"voicectl", value_at(head, "voicectl", "")},
             {"configuration", value_at(head, "configuration", {{"name", call.agent_name}, {"file", ""}})},
             {"callId", call.id},
             {"room", call.room},
             {"attempt", call.attempt},
             {"agentName", call.agent_name},
             {"jobId", call.job_id},
             {"callerIdentity", call.caller_identity},
             {"complete", call.ended_at.has_value()},
             {"status", call.status},
             {"reason", call.reason},
             {"startedAt", format_time(call.started_at)},
             {"endedAt", nullptr},
             {"durationMs", nullptr}};
    if (call.ended_at) {
        out["endedAt"] = format_time(*call.ended_at);
        out["durationMs"] = ms_between(call.started_at, *call.ended_at);
    }
    out["latency"] = answer_times(listed);
    for (const char* key : {"interruptions", "falseInterruptions", "processes", "droppedEvents", "droppedErrors"}) out[key] = value_at(head, key, 0);
    out["droppedTurns"] = turns.size() - listed.size();
    out["usage"] = usage_sum(list_at(head, "costLines"));
    out["costs"] = costs(head, listed);
    out["events"] = list_at(head, "events");
    out["errors"] = list_at(head, "errors");
    out["turns"] = std::move(listed);
    return out;
}

Result<json> read_call_report(store::Store& store, const store::Call& call) {
    VC_TRY_ASSIGN(const auto head, store.report(call.id));
    std::vector<store::Turn> turns;
    VC_TRY(store.turns(call.id, [&](store::Turn turn) {
        if (turns.size() >= kMostReportTurns) turn.text.clear(), turn.detail_json.clear();  // counted only
        turns.push_back(std::move(turn));
        return true;
    }));
    return call_report(call, head, turns);
}

}  // namespace voicectl::agent
