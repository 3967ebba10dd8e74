// What a caller hears when those fail who recognise, think and speak.
#include "support/agent_call.h"

using namespace voicectl;
using namespace voicectl::agent;

namespace {

const Error kGone{Errc::Unreachable, "gone", ""};

struct Failing : Call {
    Failing() {
        config.greeting.clear();
        config.trouble = {.say = "Sorry, once more please.", .goodbye = "I have to end our call.", .tts = {}};
        auto first = stages.llm.release();
        stages.llm.add(std::move(first), {.provider = "first"});
    }
    void add_second() { stages.llm.add(std::unique_ptr<speech::LanguageModel>(second = new test::FakeModel), {.provider = "second"}); }
    void asks(const std::string& question) {
        if (!session) {
            start([this](const nlohmann::json& report) {
                if (report["kind"] == "provider_error") errors.push_back(report.value("provider", report["stage"].get<std::string>()));
                if (report["kind"] == "provider_request" && report["stage"] == "llm") outcomes.push_back(report["provider"].get<std::string>() + " " + report["outcome"].get<std::string>());
            });
            caller_comes();
        }
        caller_says(question);
    }
    static void breaks(test::FakeModel& who, const Error& error = kGone) {
        const auto sink = who.sink;
        sink.on_error(error);
    }
    void settle() { loop.advance(3s); }
    test::FakeModel* second = nullptr;
    std::vector<std::string> errors, outcomes;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("who fails before the first word is followed by the next, and the caller hears one answer") {
    Failing call;
    call.add_second();
    call.asks("when are you open");
    Failing::breaks(*call.model);
    call.loop.settle();
    REQUIRE(call.second->asked.size() == 1);
    CHECK(call.second->asked[0].back().text == "when are you open");
    call.second->answer("We open at nine.");
    call.settle();
    CHECK(call.voice->spoken == Texts{"We open at nine."});
    CHECK(call.errors == Texts{"first"});
    CHECK(call.outcomes == Texts{"first failed", "second ok"});
    CHECK_FALSE(call.outcome);
}

TEST_CASE("who breaks off in mid-answer is followed by the next, which is asked for the rest") {
    Failing call;
    call.add_second();
    call.asks("when are you open");
    call.model->sink.on_text("We open at nine. And we ");
    Failing::breaks(*call.model);
    call.loop.settle();
    REQUIRE(call.second->asked.size() == 1);
    const auto& asked = call.second->asked[0];
    REQUIRE(asked.size() >= 2);
    CHECK(asked[asked.size() - 2].text == "We open at nine. And we ");
    CHECK(asked[asked.size() - 2].role == speech::ChatMessage::Role::Assistant);
    call.second->answer("close at ten.");
    call.settle();
    CHECK(call.voice->spoken == Texts{"We open at nine.", "And we close at ten."});
}

TEST_CASE("when all are down the caller is told goodbye, and the call has failed for that") {
    Failing call;
    call.add_second();
    call.asks("when are you open");
    Failing::breaks(*call.model);
    call.loop.settle();
    Failing::breaks(*call.second);
    call.settle();
    CHECK(call.errors == Texts{"first", "second"});  // each once
    CHECK(call.voice->spoken == Texts{"I have to end our call."});
    REQUIRE(call.outcome);
    CHECK_FALSE(call.outcome->good);
    CHECK(call.outcome->reason.find("gone") != std::string::npos);
}

TEST_CASE("one who fails alone is given two more turns, and the caller is asked for them") {
    Failing call;
    for (int turn = 0; turn < 3; ++turn) {
        call.asks("when are you open");
        Failing::breaks(*call.model);
        call.settle();
    }
    CHECK(call.voice->spoken == Texts{"Sorry, once more please.", "Sorry, once more please.", "I have to end our call."});
    CHECK(call.errors == Texts{"first", "first", "first"});
    REQUIRE(call.outcome);
    CHECK_FALSE(call.outcome->good);
}

TEST_CASE("an answer in between makes good what was before") {
    Failing call;
    for (int turn = 0; turn < 4; ++turn) {
        call.asks("when are you open");
        if (turn % 2 == 0) Failing::breaks(*call.model);
        else call.model->answer("At nine.");
        call.settle();
    }
    CHECK_FALSE(call.outcome);
}

TEST_CASE("that all failed in an answer which nobody waited for does not make a later failure the last") {
    Failing call;
    call.add_second();
    call.ear->told_at_pause = "when are you";
    call.config.turn.preemptive = TurnSettings::Preemptive::Llm;
    call.start();
    call.caller_comes();
    call.sound(800ms, true);
    call.sound(300ms, false);
    Failing::breaks(*call.model);  // of the answer ahead
    call.loop.settle();
    Failing::breaks(*call.second);
    call.loop.settle();
    call.sound(400ms, false);
    call.ear->sink.on_final("when are you open");
    call.loop.settle();
    call.voice->broken = true;  // there is one voice alone
    call.model->answer("At nine.");
    call.settle();
    CHECK_FALSE(call.outcome);
}

TEST_CASE("a wrong key is no matter of trying again") {
    Failing call;
    call.asks("when are you open");
    Failing::breaks(*call.model, {Errc::Auth, "the key is wrong", ""});
    call.settle();
    CHECK(call.voice->spoken == Texts{"I have to end our call."});
    CHECK(call.outcome);
}

TEST_CASE("when the voice itself fails another one apologises") {
    Failing call;
    auto* apologist = new test::FakeVoice;
    call.stages.apology = std::unique_ptr<speech::TextToSpeech>(apologist);
    call.voice->broken = true;
    call.asks("when are you open");
    call.model->answer("At nine.");
    call.settle();
    CHECK(apologist->spoken == Texts{"Sorry, once more please."});
    call.voice->broken = false;
    call.asks("when are you open");
    call.model->answer("At nine.");
    call.settle();
    CHECK(call.voice->spoken.back() == "At nine.");
    CHECK(apologist->spoken.size() == 1);
}

TEST_CASE("a tool-only or empty answer is no failure") {
    Failing call;
    for (int turn = 0; turn < 4; ++turn) {
        call.asks("when are you open");
        const auto sink = call.model->sink;
        sink.on_done({});
        call.settle();
    }
    CHECK_FALSE(call.outcome);
    CHECK(call.errors.empty());
}

TEST_CASE("when model and voice are both down another voice takes leave") {
    Failing call;
    auto* apologist = new test::FakeVoice;
    call.stages.apology = std::unique_ptr<speech::TextToSpeech>(apologist);
    call.voice->broken = true;
    call.asks("when are you open");
    Failing::breaks(*call.model, {Errc::Auth, "the key is wrong", ""});
    call.settle();
    CHECK(apologist->spoken == Texts{"I have to end our call."});
    REQUIRE(call.outcome);
    CHECK(call.outcome->reason.find("the key is wrong") != std::string::npos);
}
