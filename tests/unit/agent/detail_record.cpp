#include "voicectl/agent/detail_record.h"

#include <doctest/doctest.h>

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
    const auto record = detail_record(call, call_report(call, kUsed, {answer}), session);
    const nlohmann::ordered_json expected{
        {"callId", 7}, {"room", "demo"}, {"attempt", 1}, {"jobId", ""}, {"agentName", "receptionist"}, {"callerIdentity", "ann"},
        {"userId", "user-1"}, {"sessionId", "s-1"}, {"startedAt", "2025-10-09T08:53:20.000Z"}, {"endedAt", "2025-10-09T08:53:30.000Z"},
        {"durationMs", 10'000}, {"status", "completed"}, {"reason", "caller left"}, {"turns", 2}, {"interruptions", 2},
        {"sttSeconds", 1.5}, {"llmInputTokens", 11}, {"llmCachedTokens", 4}, {"llmOutputTokens", 8}, {"ttsCharacters", 12},
        {"usageEstimated", true}, {"costUsd", "0.71"}, {"costComplete", false}, {"answers", 1}, {"answerP50Ms", 700.0},
        {"answerP95Ms", 700.0}, {"answerMaxMs", 700.0}, {"errors", 1}};
    CHECK(record == expected);
}

TEST_CASE("what is not known in a record is null, and broken reports do no harm") {
    auto call = ended_call();
    call.ended_at.reset();
    for (const char* head : {"", "[]", "{", R"({"costLines":7,"errors":"x","interruptions":{}})", R"({"costLines":[7,{"stage":7},{"stage":"llm","inputTokens":"x"}]})"}) {
        CAPTURE(head);
        const auto record = detail_record(call, call_report(call, head, {}), std::nullopt);
        CHECK(record.size() == 28);
        for (const char* key : {"userId", "sessionId", "endedAt", "durationMs", "answerP50Ms"}) CHECK(record[key].is_null());
        CHECK(record["llmInputTokens"] == 0);
    }
}
