#include "voicectl/agent/detail_record.h"

#include "voicectl/agent/call_recordings.h"
#include "voicectl/agent/call_report.h"
#include "voicectl/base/json.h"

namespace voicectl::agent {
namespace {

using Record = nlohmann::ordered_json;
using Report = nlohmann::json;

std::int64_t sum_of(const Report& lines, const char* stage, const char* what) {
    std::int64_t out = 0;
    for (const auto& line : lines) {
        if (!line.is_object() || text_at(line, "stage") != stage) continue;
        if (const auto found = line.find(what); found != line.end() && found->is_number()) out += found->get<std::int64_t>();
    }
    return out;
}

std::size_t items_in(const Report& list) { return list.is_array() ? list.size() : 0; }

}  // namespace

Record detail_record(const store::Call& call, const Report& report, const std::optional<store::Session>& session,
                     const std::vector<store::Recording>& recordings) {
    const auto& lines = report["costs"]["lines"];
    const auto& latency = report["latency"];
    Record out;
    out["callId"] = call.id;
    out["room"] = call.room;
    out["attempt"] = call.attempt;
    out["jobId"] = call.job_id;
    out["agentName"] = call.agent_name;
    out["callerIdentity"] = call.caller_identity;
    out["userId"] = session ? Record(session->user_id) : Record();
    out["sessionId"] = session ? Record(session->id) : Record();
    for (const char* key : {"startedAt", "endedAt", "durationMs"}) out[key] = report[key];
    out["status"] = call.status;
    out["reason"] = call.reason;
    out["turns"] = call.turns;
    out["interruptions"] = report["interruptions"];
    out["sttSeconds"] = static_cast<double>(sum_of(lines, "stt", "audioMs")) / 1000;
    out["llmInputTokens"] = sum_of(lines, "llm", "inputTokens");
    out["llmCachedTokens"] = sum_of(lines, "llm", "cachedTokens");
    out["llmOutputTokens"] = sum_of(lines, "llm", "outputTokens");
    out["ttsCharacters"] = sum_of(lines, "tts", "characters");
    out["usageEstimated"] = report["usage"]["estimated"];
    out["costUsd"] = report["costs"]["totalUsd"];
    out["costComplete"] = items_in(report["costs"]["unknownPrices"]) == 0;
    out["answers"] = latency["answers"];
    out["answerP50Ms"] = latency["p50Ms"];
    out["answerP95Ms"] = latency["p95Ms"];
    out["answerMaxMs"] = latency["maxMs"];
    out["errors"] = items_in(report["errors"]);
    out["recordings"] = recordings.size();
    for (const char* key : {"recordingStatus", "recordingLocation", "recordingMs", "recordingBytes"}) out[key] = nullptr;
    if (recordings.empty()) return out;
    const auto& recording = recordings.front();
    out["recordingStatus"] = recording.status;
    out["recordingLocation"] = recording.location;
    out["recordingMs"] = recording.duration.count();
    out["recordingBytes"] = recording.size;
    return out;
}

Result<Record> read_detail_record(store::Store& store, const store::Call& call) {
    VC_TRY_ASSIGN(const auto report, read_call_report(store, call));
    store::SessionFilter filter;
    filter.call_id = call.id;
    filter.limit = 0;
    VC_TRY_ASSIGN(const auto sessions, store.list_sessions(filter));
    VC_TRY_ASSIGN(const auto recordings, call_recordings(store, call));
    return detail_record(call, report, sessions.empty() ? std::nullopt : std::optional(sessions.back()), recordings);
}

}  // namespace voicectl::agent
