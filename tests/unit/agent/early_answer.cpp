// Answers begun while it is not yet sure that the caller has finished.
#include "core/agent/early_answer.h"

#include "support/agent_call.h"

using namespace voicectl;
using namespace voicectl::agent;
using Preemptive = TurnSettings::Preemptive;

namespace {

/// A call in which the caller has spoken, and pauses with `words` understood; not long enough to have finished.
struct Pausing : Call {
    explicit Pausing(const std::string& words, Preemptive preemptive = Preemptive::Llm) {
        config.greeting.clear();
        config.turn.preemptive = preemptive;
        ear->told_at_pause = words;
        start();
        caller_comes();
        sound(800ms, true);
        sound(300ms, false);
    }
    /// The turn is over, and this was it.
    void finishes(const std::string& text) {
        sound(400ms, false);
        ear->sink.on_final(text);
        loop.settle();
    }
};

}  // namespace

TEST_CASE("the model works while the caller pauses, and nothing is heard before the turn is decided") {
    Pausing call("when are you open");
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].back().text == "when are you open");
    call.model->answer("We open at nine. Please come by.");
    call.sound(100ms, false);
    CHECK(call.voice->spoken.empty());
    CHECK(call.room().states.back() == "listening");
    call.finishes("When are you open?");
    CHECK(call.model->asked.size() == 1);
    call.loop.advance(3s);
    CHECK(call.voice->spoken == std::vector<std::string>{"We open at nine.", "Please come by."});
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 2);
    CHECK(turns[0].text == "When are you open?");
    CHECK(turns[1].text == "We open at nine. Please come by.");
    const auto detail = nlohmann::json::parse(turns[1].detail_json);
    CHECK(detail["preemptive"] == true);
    CHECK(detail["llmMs"] == 0);
    int sum = 0;
    for (const auto* part : {"endOfTurnMs", "sttMs", "llmMs", "ttsMs", "outputMs"}) sum += detail[part].get<int>();
    CHECK(sum == detail["answerLatencyMs"]);
}

TEST_CASE("an answer that is still being written when the turn is decided goes on") {
    Pausing call("when are you open");
    call.model->sink.on_text("We open ");
    call.finishes("when are you open");
    call.model->answer("at nine.");
    call.loop.advance(2s);
    CHECK(call.model->asked.size() == 1);
    CHECK(call.voice->spoken == std::vector<std::string>{"We open at nine."});
}

TEST_CASE("an answer to other words is thrown away unheard") {
    Pausing call("when are you");
    call.model->answer("I am always here.");
    call.finishes("when are you open");
    REQUIRE(call.model->asked.size() == 2);
    CHECK(call.model->asked[1].back().text == "when are you open");
    call.model->answer("We open at nine.");
    call.loop.advance(2s);
    CHECK(call.voice->spoken == std::vector<std::string>{"We open at nine."});
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 2);
    CHECK(turns[1].detail_json.find("preemptive") == std::string::npos);
}

TEST_CASE("who goes on is not answered before he has finished") {
    Pausing call("when are you open");
    call.model->answer("We open at nine.");
    call.ear->told_at_pause = "when are you open on sunday";
    call.sound(600ms, true);
    call.sound(300ms, false);
    REQUIRE(call.model->asked.size() == 2);
    call.model->answer("Sundays from ten.");
    call.finishes("when are you open on sunday");
    call.loop.advance(2s);
    CHECK(call.voice->spoken == std::vector<std::string>{"Sundays from ten."});
    CHECK(call.transcript().size() == 2);
}

TEST_CASE("with tts the first sentence is made ahead, and no other") {
    Pausing call("when are you open", Preemptive::Tts);
    call.model->answer("We open at nine. Please come by.");
    call.sound(100ms, false);
    CHECK(call.voice->spoken == std::vector<std::string>{"We open at nine."});
    CHECK(call.room().states.back() == "listening");
    call.finishes("when are you open");
    call.loop.advance(20ms);
    CHECK(call.room().states.back() == "speaking");
    call.loop.advance(3s);
    CHECK(call.voice->spoken == std::vector<std::string>{"We open at nine.", "Please come by."});
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 2);
    CHECK(turns[1].text == "We open at nine. Please come by.");
    CHECK_FALSE(turns[1].interrupted);
    CHECK(nlohmann::json::parse(turns[1].detail_json)["ttsMs"] == 0);
}

TEST_CASE("off means off") {
    Pausing call("when are you open", Preemptive::Off);
    CHECK(call.model->asked.empty());
    call.finishes("when are you open");
    CHECK(call.model->asked.size() == 1);
}

TEST_CASE("a turn has three tries, the next three of its own") {
    Pausing call("one");
    for (const auto* words : {"one two", "one two three", "one two three four", "one two three four five"}) {
        call.ear->told_at_pause = words;
        call.sound(300ms, true);
        call.sound(300ms, false);
    }
    CHECK(call.model->asked.size() == 3);
    call.finishes("one two three four five");
    REQUIRE(call.model->asked.size() == 4);
    call.model->answer("That is right.");
    call.loop.advance(3s);
    call.ear->told_at_pause = "thank you";
    call.sound(800ms, true);
    call.sound(300ms, false);
    CHECK(call.model->asked.size() == 5);
}

TEST_CASE("long speeches are not answered early") {
    Call call;
    call.config.greeting.clear();
    call.ear->told_at_pause = "so as I was saying";
    call.start();
    call.caller_comes();
    call.sound(11s, true);
    call.sound(300ms, false);
    CHECK(call.model->asked.empty());
}

TEST_CASE("noise without words is not answered") {
    Pausing call("");
    CHECK(call.model->asked.empty());
}

TEST_CASE("an early answer that fails is tried again when it is sure") {
    Pausing call("when are you open");
    call.model->sink.on_error({Errc::Unreachable, "no model", ""});
    call.finishes("when are you open");
    REQUIRE(call.model->asked.size() == 2);
    call.model->answer("We open at nine.");
    call.loop.advance(2s);
    CHECK(call.voice->spoken == std::vector<std::string>{"We open at nine."});
}

TEST_CASE("what is said over an answer starts no other before it is sure") {
    Call call;
    call.config.greeting.clear();
    call.start();
    call.caller_comes();
    call.caller_says("tell me everything");
    call.model->answer("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen.");
    call.loop.advance(600ms);
    call.ear->told_at_pause = "stop please";
    call.sound(500ms, true);
    call.sound(300ms, false);
    CHECK(call.model->asked.size() == 1);
}

TEST_CASE("a recogniser that tells every change itself is taken at its last word") {
    Call call;
    call.config.greeting.clear();
    call.start();
    call.caller_comes();
    call.sound(700ms, true);
    call.ear->sink.on_partial("when are you open");
    CHECK(call.model->asked.empty());
    call.sound(300ms, false);
    CHECK(call.model->asked.size() == 1);
    call.ear->sink.on_partial("when are you open");
    CHECK(call.model->asked.size() == 1);
    call.ear->sink.on_partial("when are you open today");
    CHECK(call.model->asked.size() == 2);
}

TEST_CASE("a call may end while an answer is prepared") {
    Pausing call("when are you open", Preemptive::Tts);
    call.model->sink.on_text("We open at nine. And");
    call.session->end(true, "test");
    call.loop.advance(1s);
    CHECK(call.outcome);
    CHECK(call.transcript().empty());
}

TEST_CASE("text rules keep an unfinished sentence open, and end a finished one early") {
    Call call;
    call.config.greeting.clear();
    call.stages.judge = make_text_rules({"en"});
    call.start();
    call.caller_comes();
    call.ear->told_at_pause = "my number is";
    call.sound(800ms, true);
    call.sound(2s, false);
    CHECK(call.ear->utterances == 0);
    call.ear->told_at_pause = "my number is five thank you";
    call.sound(600ms, true);
    call.sound(350ms, false);
    CHECK(call.ear->utterances == 1);
}

TEST_CASE("a recogniser's own end of speech ends the turn, unless the words are unfinished") {
    Call call;
    call.config.greeting.clear();
    call.start();
    call.caller_comes();
    call.sound(800ms, true);
    call.ear->sink.on_end_of_speech();
    call.sound(350ms, false);
    CHECK(call.ear->utterances == 1);
}
