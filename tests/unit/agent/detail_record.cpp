#include "voicectl/agent/detail_record.h"

#include <doctest/doctest.h>

#include "voicectl/agent/call_recordings.h"
#include "voicectl/agent/call_report.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

store::Call ended_call() {
    store::Call call;
    call.id = 7;
    call.room = "demo";
    call.agent_name = "receptionist";
    call.caller_identity = "ann";
    call.status = "completed";
    call.reason = "caller left";
    call.started_at = store::SystemTime(1'760'000'000s);
    call.ended_at = call.started_at + 10s;
    call.turns = 2;
    return call;
}

/// From and to: after the call's start.
store::Recording recorded(const std::string& name, std::chrono::seconds from, std::optional<std::chrono::seconds> to) {
    store::Recording out;
    out.egress_id = "EG_" + name;
    out.room = "demo";
    out.status = to ? "EGRESS_COMPLETE" : "EGRESS_ACTIVE";
    out.location = "s3://b/" + name;
    out.started_at = ended_call().started_at + from;
    if (to) out.ended_at = ended_call().started_at + *to;
    if (to) out.duration = *to - from;
    out.size = 4096;
    return out;
}

constexpr const char* kUsed = R"({"interruptions":2,"errors":[{"stage":"llm"}],
    "costLines":[{"stage":"stt","provider":"ear","audioMs":1500,"costUsd":"0.01"},
                 {"stage":"llm","provider":"mind","inputTokens":10,"cachedTokens":4,"outputTokens":6,"costUsd":"0.5","estimated":true},
                 {"stage":"llm","provider":"other","inputTokens":1,"outputTokens":2,"costUsd":null},
                 {"stage":"tts","provider":"voice","characters":12,"costUsd":"0.2"}]})";

}  // namespace

TEST_CASE("a call detail record has who, when, how long, what was used by stage, the cost, and why it ended") {
    const auto call = ended_call();
    store::Turn answer;
    answer.speaker = store::Speaker::Agent;
    answer.started_at = answer.ended_at = call.started_at;
    answer.detail_json = R"({"answerLatencyMs":700})";
    const store::Session session{.id = "s-1", .user_id = "user-1"};
    const auto record = detail_record(call, call_report(call, kUsed, {answer}), session, {recorded("a.ogg", 0s, 9s), recorded("b.ogg", 1s, 3s)});
    const nlohmann::ordered_json expected{
        {"callId", 7}, {"room", "demo"}, {"attempt", 1}, {"jobId", ""}, {"agentName", "receptionist"}, {"callerIdentity", "ann"},
        {"userId", "user-1"}, {"sessionId", "s-1"}, {"startedAt", "2025-10-09T08:53:20.000Z"}, {"endedAt", "2025-10-09T08:53:30.000Z"},
        {"durationMs", 10'000}, {"status", "completed"}, {"reason", "caller left"}, {"turns", 2}, {"interruptions", 2},
        {"sttSeconds", 1.5}, {"llmInputTokens", 11}, {"llmCachedTokens", 4}, {"llmOutputTokens", 8}, {"ttsCharacters", 12},
        {"usageEstimated", true}, {"costUsd", "0.71"}, {"costComplete", false}, {"answers", 1}, {"answerP50Ms", 700.0},
        {"answerP95Ms", 700.0}, {"answerMaxMs", 700.0}, {"errors", 1}, {"recordings", 2}, {"recordingStatus", "EGRESS_COMPLETE"}, {"recordingLocation", "s3://b/a.ogg"},
        {"recordingMs", 9000}, {"recordingBytes", 4096}};
    CHECK(record == expected);
}

TEST_CASE("what is not known in a record is null, and broken reports do no harm") {
    auto call = ended_call();
    call.ended_at.reset();
    for (const char* head : {"", "[]", "{", R"({"costLines":7,"errors":"x","interruptions":{}})", R"({"costLines":[7,{"stage":7},{"stage":"llm","inputTokens":"x"}]})"}) {
        CAPTURE(head);
        const auto record = detail_record(call, call_report(call, head, {}), std::nullopt, {});
        CHECK(record.size() == 33);
        CHECK(record["recordings"] == 0);
        for (const char* key : {"recordingStatus", "recordingLocation", "recordingMs", "recordingBytes", "userId", "sessionId", "endedAt", "durationMs", "answerP50Ms"}) CHECK(record[key].is_null());
        CHECK(record["llmInputTokens"] == 0);
    }
}

TEST_CASE("a recording is of the calls it covers, also when the room's name is used again") {
    const auto call = ended_call();  // 10 s
    const auto now = call.started_at + 1h;
    CHECK(is_of(recorded("all", -2s, 12s), call, now));
    CHECK(is_of(recorded("part", 4s, 6s), call, now));
    CHECK(is_of(recorded("goes on", 1s, std::nullopt), call, now));
    CHECK(is_of(recorded("two attempts", -20s, 10s), call, now));
    CHECK_FALSE(is_of(recorded("the one before, that ran on", -60s, 2s), call, now));
    CHECK_FALSE(is_of(recorded("the one after", 11s, 60s), call, now));
    CHECK_FALSE(is_of(recorded("begins in its last seconds", 8s, 60s), call, now));
    auto other = recorded("other room", 0s, 10s);
    other.room = "else";
    CHECK_FALSE(is_of(other, call, now));
    auto failed = recorded("failed", 0s, 1s);
    failed.started_at.reset();
    CHECK(is_of(failed, call, now));
    failed.ended_at = call.started_at + 20s;
    CHECK_FALSE(is_of(failed, call, now));
    failed.ended_at.reset();
    CHECK_FALSE(is_of(failed, call, now));
    auto live = call;
    live.ended_at.reset();
    CHECK(is_of(recorded("goes on", 1s, std::nullopt), live, now));
}
