#include <doctest/doctest.h>

#include <algorithm>

#include "support/agent_call.h"
#include "voicectl/agent/call_report.h"
#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

/// The call's report, as the store has it.
nlohmann::json report_of(Call& call) {
    call.store.reset();
    const auto open = store::Store::open_existing(call.path);
    const auto stored = (*open)->find("room");
    REQUIRE(stored);
    const auto out = read_call_report(**open, *stored);
    REQUIRE(out);
    return *out;
}

}  // namespace

TEST_CASE("at 80 % of the budget a warning, at all of it a goodbye after the sentence, and the end") {
    Call call;
    call.config.greeting.clear();
    call.config.llm = {{"provider", "mind"}};
    call.config.prices.set("mind", {.million_output_tokens = *parse_money("100000"), .date = "2026-01-01", .source = "test"});
    call.config.limits.budget = *parse_money("10");
    call.config.limits.budget_warning = "This is getting dear.";
    call.config.limits.budget_goodbye = "No more money. Goodbye.";
    std::vector<std::string> told;
    call.start([&](const nlohmann::json& report) { told.push_back(report.value("kind", "")); });
    call.caller_comes();
    call.caller_says("hello");
    call.model->usage = speech::Usage{.output_tokens = 80};
    call.model->answer("Hello.");
    call.loop.advance(3s);
    CHECK(call.voice->spoken == std::vector<std::string>{"Hello.", "This is getting dear."});
    CHECK(std::count(told.begin(), told.end(), "budget_warning") == 1);
    call.caller_says("tell me more");
    call.model->usage = speech::Usage{.output_tokens = 20};
    call.model->answer("This is said to its end. And this is not. Nor this.");
    call.loop.advance(100ms);
    CHECK_FALSE(call.outcome);
    call.caller_says("no wait");  // changes nothing any more
    call.loop.advance(3s);
    CHECK(call.voice->spoken[call.voice->spoken.size() - 2] == "No more money.");
    CHECK(call.model->asked.size() == 2);
    REQUIRE(call.outcome);
    CHECK(call.outcome->good);
    CHECK(call.outcome->reason == "budget spent: 10 of 10 USD");
    const auto turns = call.transcript();
    CHECK(turns.back().text == "This is said to its end. No more money. Goodbye.");
    CHECK_FALSE(turns.back().interrupted);
}

TEST_CASE("a budget that is spent while nobody speaks ends the call with its goodbye") {
    Call call;
    call.config.greeting.clear();
    call.config.stt = {{"provider", "ear"}};
    call.config.prices.set("ear", {.minute = *parse_money("60"), .date = "2026-01-01", .source = "test"});
    call.config.limits.budget = *parse_money("2");
    call.start();
    call.caller_comes();
    call.sound(4s, true);
    call.loop.advance(5s);
    CHECK(call.voice->spoken == std::vector<std::string>{"I am sorry, I have to end our call here.", "Goodbye."});
    REQUIRE(call.outcome);
    CHECK(call.outcome->reason.starts_with("budget spent"));
}

TEST_CASE("ten minutes without a word from the caller end the call; words begin them anew") {
    Call call;
    call.config.limits.idle = 10min;
    call.config.limits.idle_goodbye = "Nobody there. Goodbye.";
    call.start();
    call.caller_comes();
    call.loop.advance(9min);
    call.caller_says("hello");
    call.model->answer("Hello.");
    call.loop.advance(9min);
    CHECK_FALSE(call.outcome);
    call.loop.advance(2min);
    CHECK(call.voice->spoken[call.voice->spoken.size() - 2] == "Nobody there.");
    REQUIRE(call.outcome);
    CHECK(call.outcome->reason == "the caller was silent for too long");
}

TEST_CASE("the longest duration ends with a goodbye, also when a voice never comes to its end") {
    for (const bool stuck : {false, true}) {
        Call call;
        call.config.limits = {.idle = 0ms, .max_duration = 5min, .duration_goodbye = "Time is up."};
        call.start();
        call.caller_comes();
        call.loop.advance(4min);
        CHECK_FALSE(call.outcome);
        if (stuck) call.voice->mute = true;
        call.loop.advance(2min);
        CHECK(call.voice->spoken.back() == "Time is up.");
        REQUIRE(call.outcome);
        CHECK(call.outcome->reason == "longest duration reached");
    }
}

TEST_CASE("the longest duration and the report's clock count from the call's start, whichever process carries it") {
    Call call;
    call.config.limits = {.idle = 0ms, .max_duration = 30min, .duration_goodbye = ""};
    store::Call earlier;
    earlier.room = "room";
    earlier.job_id = "AJ_1";
    earlier.started_at = std::chrono::system_clock::now() - 25min;
    REQUIRE((*store::Store::open(call.path))->begin_call(earlier));
    call.taken_up();
    call.caller_comes();
    call.loop.advance(4min);
    CHECK_FALSE(call.outcome);
    call.loop.advance(2min);
    REQUIRE(call.outcome);
    CHECK(call.outcome->reason == "longest duration reached");
    const auto events = report_of(call)["events"];
    REQUIRE_FALSE(events.empty());
    CHECK(events[0]["kind"] == "taken_up");
    CHECK(events[0]["atMs"].get<std::chrono::milliseconds::rep>() >= std::chrono::milliseconds(25min).count());
}

TEST_CASE("a call that is taken up goes on with its cost, its clock and its report") {
    Call call;
    call.config.back_again.clear();
    call.config.llm = {{"provider", "mind"}};
    call.config.prices.set("mind", {.million_output_tokens = *parse_money("100000"), .date = "2026-01-01", .source = "test"});
    call.config.limits.budget = *parse_money("10");
    call.start();
    call.caller_comes();
    call.loop.advance(2s);
    call.caller_says("hello");
    call.model->usage = speech::Usage{.output_tokens = 60};
    call.model->answer("Hello.");
    call.loop.advance(2s);
    call.taken_up();
    call.caller_comes();
    call.loop.advance(1s);
    call.caller_says("and now");
    call.model->answer("Six more.");
    call.loop.advance(5s);
    REQUIRE(call.outcome);
    CHECK(call.outcome->reason == "budget spent: 12 of 10 USD");
    const auto report = report_of(call);
    CHECK(report["processes"] == 2);
    CHECK(report["costs"]["totalUsd"] == "12");
    CHECK(report["costs"]["outsideTurnsUsd"] == "0");
}

TEST_CASE("the report of a call: stages on its clock, usage by turn, errors, and why it ended") {
    Call call;
    call.config.llm = {{"provider", "mind"}, {"model", "m"}};
    call.config.prices.set("mind/m", {.million_input_tokens = *parse_money("10"), .date = "2026-01-01", .source = "test"});
    call.config.report_dir = call.folder.file("reports");
    call.start();
    call.caller_comes();
    call.loop.advance(2s);
    call.caller_says("when are you open");
    call.model->usage = speech::Usage{.input_tokens = 100, .output_tokens = 5};
    call.model->answer("We open at nine.");
    call.loop.advance(2s);
    call.voice->broken = true;
    call.caller_says("what");
    call.model->answer("You will not hear this.");
    call.loop.advance(2s);
    call.session->end(true, "caller left");
    call.loop.settle();
    const auto report = report_of(call);
    CHECK(report["complete"] == true);
    CHECK(report["reason"] == "caller left");
    CHECK(report["configuration"]["name"] == "test");
    REQUIRE(report["turns"].size() == 4);
    CHECK(report["turns"][1]["usage"][0]["stage"] == "stt");
    CHECK(report["turns"][1]["usage"][0]["audioMs"].get<int>() >= 800);
    CHECK(report["turns"][1]["stages"][0]["stage"] == "speech");
    const auto& answer = report["turns"][2];
    const auto line = std::find_if(answer["usage"].begin(), answer["usage"].end(), [](const auto& one) { return one["stage"] == "llm"; });
    REQUIRE(line != answer["usage"].end());
    CHECK((*line)["inputTokens"] == 100);
    CHECK((*line)["priceDate"] == "2026-01-01");
    CHECK(answer["costUsd"] == "0.001");
    CHECK(answer["stages"][0]["stage"] == "llm");
    CHECK(answer["latencies"].contains("answerLatencyMs"));
    CHECK(report["costs"]["totalUsd"] == "0.002");
    REQUIRE(report["errors"].size() == 1);
    CHECK(report["errors"][0]["stage"] == "tts");
    CHECK(report["latency"]["answers"] == 1);
    const auto file = read_file(call.folder.file("reports/AJ_1.json"));
    REQUIRE(file);
    CHECK(nlohmann::json::parse(*file) == report);
}

TEST_CASE("what a provider tells after the call is over is not lost") {
    Call call;
    call.config.llm = {{"provider", "mind"}};
    call.config.prices.set("mind", {.million_output_tokens = *parse_money("100000"), .date = "2026-01-01", .source = "test"});
    call.config.greeting.clear();
    call.start();
    call.caller_comes();
    call.caller_says("hello");
    const auto tell = call.model->sink.on_usage;
    call.model->answer("Hi.");
    call.loop.advance(1s);
    call.session->end(true, "caller left");
    call.loop.settle();
    call.session.reset();
    for (int i = 0; i < 2; ++i) tell({.output_tokens = 30});
    CHECK(report_of(call)["costs"]["totalUsd"] == "3");
}
