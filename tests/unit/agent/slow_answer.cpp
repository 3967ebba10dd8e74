// What a call does when an answer is slow to come, or not heard at all.
#include "support/agent_call.h"

using namespace voicectl;
using namespace voicectl::agent;

namespace {

struct Waiting : Call {
    Waiting() {
        config.greeting.clear();
        config.filler = {.after = 1500ms, .say = {"One moment please.", "Just a second."}};
    }
    void asks(const std::string& question) {
        if (!session) {
            start();
            caller_comes();
        }
        caller_says(question);
    }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a filler bridges the wait for a slow model, once, and is no part of the answer") {
    Waiting call;
    call.asks("when are you open");
    call.loop.advance(1400ms);
    CHECK(call.voice->spoken.empty());
    call.loop.advance(200ms);
    CHECK(call.voice->spoken == Texts{"One moment please."});
    call.loop.advance(10s);
    CHECK(call.voice->spoken.size() == 1);
    call.model->answer("We open at nine.");
    call.loop.advance(3s);
    CHECK(call.voice->spoken == Texts{"One moment please.", "We open at nine."});
    call.asks("and on sunday");
    REQUIRE(call.model->asked.size() == 2);
    Texts known;
    for (const auto& message : call.model->asked[1]) known.push_back(message.text);
    CHECK(known == Texts{"when are you open", "We open at nine.", "and on sunday"});
    call.loop.advance(1600ms);
    CHECK(call.voice->spoken.back() == "Just a second.");
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 3);
    CHECK(turns[1].text == "We open at nine.");
    const auto detail = nlohmann::json::parse(turns[1].detail_json);
    CHECK(detail["filler"] == "One moment please.");
    CHECK(detail["llmMs"].get<int>() > 10000);
    CHECK(detail["outputMs"].get<int>() <= 20);
}

TEST_CASE("silences in the middle of an answer are told, with who was waited for") {
    Waiting call;
    std::vector<std::string> gaps;
    call.start([&](const nlohmann::json& report) {
        if (report["kind"] == "audio_gap") gaps.push_back(fmt::format("{} {}", report["waitedFor"].get<std::string>(), report["ms"].get<int>() / 100));
    });
    call.caller_comes();
    call.caller_says("when are you open");
    const auto model = call.model->sink;
    model.on_text("We open at nine. ");
    call.loop.advance(1400ms);  // 400 ms of sound, then a second of nothing
    model.on_text("We close at ten. ");
    call.loop.advance(430ms);
    call.voice->takes = 600ms;
    model.on_text("Come and see us. Bring your friends. ");
    call.loop.advance(3s);
    model.on_done({});
    call.loop.advance(1s);
    REQUIRE(gaps.size() == 3);
    CHECK(gaps[0] == "llm 10");
    CHECK(gaps[1].starts_with("tts "));
    CHECK(gaps[2].starts_with("tts "));
    call.room().output->on_late(120ms);
    REQUIRE(gaps.size() == 4);
    CHECK(gaps[3] == "machine 1");
}

TEST_CASE("an answer that comes while the filler is spoken follows it, and its own start is what is timed") {
    Waiting call;
    call.asks("when are you open");
    call.loop.advance(1600ms);
    REQUIRE(call.room().states.back() == "speaking");
    call.model->answer("We open at nine.");
    call.loop.advance(3s);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 2);
    CHECK(turns[1].text == "We open at nine.");
    const auto detail = nlohmann::json::parse(turns[1].detail_json);
    CHECK(detail["outputMs"].get<int>() > 100);  // behind 300 ms of filler
    CHECK(detail["outputMs"].get<int>() < 300);
}

TEST_CASE("no filler over an answer that has begun, nor over a caller who speaks again") {
    SUBCASE("in time") {
        Waiting call;
        call.asks("when are you open");
        call.model->sink.on_text("We open at nine. And");
        call.loop.advance(5s);
        CHECK(call.voice->spoken == Texts{"We open at nine."});
    }
    SUBCASE("the caller speaks") {
        Waiting call;
        call.asks("when are you open");
        call.sound(1s, true);
        call.sound(200ms, false);
        call.sound(1s, true);
        CHECK(call.voice->spoken.empty());
    }
    SUBCASE("none configured") {
        Waiting call;
        call.config.filler.say.clear();
        call.asks("when are you open");
        call.loop.advance(10s);
        CHECK(call.voice->spoken.empty());
    }
}

TEST_CASE("a filler can be interrupted, and leaves nothing in the transcript") {
    Waiting call;
    call.config.filler.say = {"one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."};
    call.asks("when are you open");
    call.loop.advance(1700ms);
    REQUIRE(call.room().states.back() == "speaking");
    call.sound(500ms, true);
    CHECK(call.room().states.back() == "listening");
    call.sound(700ms, false);
    call.ear->sink.on_final("never mind");
    call.loop.settle();
    CHECK(call.model->asked.size() == 2);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 2);
    CHECK(turns[0].speaker == store::Speaker::User);
    CHECK(turns[1].speaker == store::Speaker::User);
}

TEST_CASE("a voice that never ends does not leave the agent speaking for ever") {
    Waiting call;
    call.config.filler.say.clear();
    call.voice->mute = true;
    for (int i = 0; i < 2; ++i) {
        call.asks("when are you open");
        call.model->answer("We open at nine.");
        call.loop.advance(4s);
        CHECK(call.room().states.back() == "thinking");
        call.loop.advance(2s);
        CHECK(call.room().states.back() == "listening");
    }
    call.voice->mute = false;
    call.asks("when are you open");
    call.model->answer("We open at nine.");
    call.loop.advance(2s);
    CHECK_FALSE(call.outcome);
    const auto turns = call.transcript();
    CHECK(turns.back().text == "We open at nine.");
}

TEST_CASE("an agent that is not heard three times in a row gives up the call") {
    Waiting call;
    call.voice->mute = true;
    for (int i = 0; i < 3; ++i) {
        REQUIRE_FALSE(call.outcome);
        call.asks("when are you open");
        call.model->answer("We open at nine.");
        call.loop.advance(6s);
    }
    REQUIRE(call.outcome);
    CHECK_FALSE(call.outcome->good);
    CHECK(call.outcome->reason == "the agent could not be heard");
}

TEST_CASE("a model that stalls in mid-answer: what was heard is kept, and the caller can go on") {
    Waiting call;
    call.asks("when are you open");
    call.model->sink.on_text("We open at nine. And then we");
    call.loop.advance(3s);
    CHECK(call.room().states.back() == "speaking");
    call.loop.advance(4s);
    CHECK(call.room().states.back() == "listening");
    call.asks("and on sunday");
    CHECK(call.model->asked.size() == 2);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 3);
    CHECK(turns[1].text == "We open at nine.");
    CHECK(turns[1].interrupted);
}

TEST_CASE("long answers, pauses after interruptions and slow models are no silence") {
    Waiting call;
    call.config.filler.say.clear();
    call.config.turn.false_interruption = 8s;
    call.asks("tell me everything");
    call.loop.advance(20s);
    CHECK(call.room().states.back() == "thinking");
    std::string text;
    for (int i = 0; i < 90; ++i) text += "word ";
    call.model->answer(text + "end.");
    call.loop.advance(1s);
    call.sound(400ms, true);
    call.loop.advance(7s);
    CHECK(call.room().states.back() == "listening");
    call.sound(700ms, false);
    call.ear->sink.on_final("mhm");
    call.loop.advance(12s);
    const auto turns = call.transcript();
    CHECK(turns.back().text.ends_with("end."));
    CHECK_FALSE(turns.back().interrupted);
}

TEST_CASE("the silence that a voice begins with is not waited for, that between sentences stays") {
    Waiting call;
    call.config.filler.say.clear();
    call.voice->silent_head = 3200;  // 200 ms
    call.asks("when are you open");
    call.model->answer("We open at nine. Please come by.");  // 400 ms, 300 ms
    call.loop.advance(5s);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 2);
    CHECK(turns[1].text == "We open at nine. Please come by.");
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(turns[1].ended_at - turns[1].started_at);
    CHECK(took >= 890ms);
    CHECK(took <= 940ms);  // 400, 200 of silence, 300, and a frame before
}

TEST_CASE("a greeting whose voice comes in the very moment in which its lead-in ends is timed and kept") {
    Call call;
    call.voice->takes = 155ms;
    call.start();
    call.room().drains_late = true;
    call.caller_comes();
    call.loop.advance(3s);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 1);
    CHECK(turns[0].text == "Hello there my friend.");
    CHECK(turns[0].ended_at - turns[0].started_at >= 380ms);  // four words
    CHECK(turns[0].ended_at - turns[0].started_at <= 420ms);
}
