#include "voicectl/agent/call_report.h"

#include <doctest/doctest.h>

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

store::Call a_call() {
    store::Call call;
    call.id = 7;
    call.room = "demo";
    call.job_id = "AJ_1";
    call.agent_name = "receptionist";
    call.status = "active";
    call.started_at = store::SystemTime(1'760'000'000s);
    return call;
}

store::Turn a_turn(int sequence, const std::string& detail) {
    store::Turn turn;
    turn.sequence = sequence;
    turn.speaker = sequence % 2 == 0 ? store::Speaker::Agent : store::Speaker::User;
    turn.text = "h\xC3\xA9llo";
    turn.started_at = a_call().started_at + std::chrono::seconds(sequence + 1);
    turn.ended_at = turn.started_at + 500ms;
    turn.detail_json = detail;
    return turn;
}

constexpr const char* kHead = R"({"voicectl":"0.1.0","interruptions":2,"budgetUsd":"5","events":[{"atMs":5,"kind":"x"}],
    "costLines":[{"stage":"llm","provider":"mind","model":"m","inputTokens":10,"costUsd":"0.5","priceDate":"2026-01-01","estimated":true},
                 {"stage":"tts","provider":"voice","model":"","characters":12,"costUsd":null}]})";

}  // namespace

TEST_CASE("a report has every turn on one clock, and sums that fit") {
    auto call = a_call();
    call.status = "completed";
    call.reason = "caller left";
    call.ended_at = call.started_at + 10s;
    const auto report = call_report(call, kHead,
                                    {a_turn(0, ""), a_turn(1, "{}"),
                                     a_turn(2, R"({"answerLatencyMs":700,"sttMs":5,"stages":[{"stage":"llm","atMs":1,"tookMs":2}],"usage":[{"costUsd":"0.25"},{"costUsd":null}]})"),
                                     a_turn(4, R"({"answerLatencyMs":900,"usage":[{"costUsd":"-0.05"}]})")});
    CHECK(report["schemaVersion"] == 1);
    CHECK(report["complete"] == true);
    CHECK(report["durationMs"] == 10'000);
    CHECK(report["turns"].size() == 4);
    CHECK(report["turns"][2]["startMs"] == 3000);
    CHECK(report["turns"][2]["endMs"] == 3500);
    CHECK(report["turns"][2]["characters"] == 5);
    CHECK(report["turns"][2]["latencies"] == nlohmann::json{{"answerLatencyMs", 700}, {"sttMs", 5}});
    CHECK(report["turns"][2]["costUsd"] == "0.25");
    CHECK(report["latency"]["answers"] == 2);
    CHECK(report["latency"]["maxMs"] == 900);
    CHECK(report["costs"]["totalUsd"] == "0.5");
    CHECK(report["costs"]["outsideTurnsUsd"] == "0.3");
    CHECK(report["costs"]["unknownPrices"] == nlohmann::json::array({"tts voice"}));
    CHECK(report["usage"]["inputTokens"] == 10);
    CHECK(report["usage"]["estimated"] == true);
    CHECK(report["interruptions"] == 2);
    CHECK(report["events"].size() == 1);
    CHECK(report.dump().find("llo") == std::string::npos);  // what was said stands in the transcript
}

TEST_CASE("a call that was killed has a report as far as it came") {
    const auto report = call_report(a_call(), "", {a_turn(0, "")});
    CHECK(report["complete"] == false);
    CHECK(report["endedAt"].is_null());
    CHECK(report["turns"].size() == 1);
    CHECK(report["costs"]["totalUsd"] == "0");
    CHECK(report["errors"].empty());
}

TEST_CASE("odd bytes in the store break no report, and endless calls none either") {
    for (const char* odd : {"7", "[]", "{", R"({"costLines":7})", R"({"costLines":[7,{"stage":7,"costUsd":7,"inputTokens":"x"}],"events":{}})"}) {
        const auto report = call_report(a_call(), odd, {a_turn(0, odd), a_turn(2, R"({"answerLatencyMs":"soon","stages":7,"usage":[7]})")});
        CHECK(report["turns"].size() == 2);
    }
    const auto report = call_report(a_call(), "", std::vector<store::Turn>(kMostReportTurns + 5, a_turn(0, "")));
    CHECK(report["turns"].size() == kMostReportTurns);
    CHECK(report["droppedTurns"] == 5);
}
