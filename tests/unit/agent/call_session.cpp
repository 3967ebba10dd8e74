#include "core/agent/call_session.h"

#include <doctest/doctest.h>

#include "support/agent_call.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;
using store::Speaker;

TEST_CASE("the greeting waits until the caller can hear it") {
    Call call;
    call.start();
    call.loop.advance(5s);
    CHECK(call.voice->spoken.empty());
    call.room().events().on_joined(person("ann"));
    call.loop.advance(5s);
    CHECK(call.voice->spoken.empty());
    call.room().events().on_own_track_heard("agent-voice");
    call.loop.advance(1s);
    CHECK(call.voice->spoken == std::vector<std::string>{"Hello there my friend."});
    call.room().events().on_own_track_heard("agent-voice");
    call.loop.advance(2s);
    CHECK(call.voice->spoken.size() == 1);
}

TEST_CASE("a question is answered and both sides are stored") {
    Call call;
    call.start();
    call.caller_comes();
    call.loop.advance(2s);
    call.caller_says("when are you open");
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].back().text == "when are you open");
    call.model->answer("We open at nine.");
    call.loop.advance(2s);
    CHECK(call.voice->spoken.back() == "We open at nine.");
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 3);
    CHECK(turns[0].text == "Hello there my friend.");
    CHECK(turns[1].speaker == Speaker::User);
    CHECK(turns[1].text == "when are you open");
    CHECK(turns[2].text == "We open at nine.");
    CHECK(turns[2].detail_json.find("answerLatencyMs") != std::string::npos);
    CHECK(turns[2].started_at > turns[1].ended_at);
}

TEST_CASE("the store knows who called") {
    Call call;
    call.start();
    call.caller_comes();
    call.loop.advance(2s);
    call.room().events().on_joined(person("second"));
    call.loop.advance(1s);
    CHECK(call.transcript().size() == 1);
    const auto open = store::Store::open_existing(call.path);
    const auto stored = (*open)->find("room");
    REQUIRE(stored);
    CHECK(stored->attempt == 1);
    CHECK(stored->job_id == "AJ_1");
    CHECK(stored->caller_identity == "ann");
}

TEST_CASE("a call that is taken up goes on where the store has it") {
    Call call;
    call.config.back_again = "I am back.";
    call.start();
    call.caller_comes();
    call.loop.advance(2s);
    call.caller_says("when are you open");
    call.model->answer("We open at nine.");
    call.loop.advance(2s);
    call.taken_up();
    call.caller_comes();
    call.loop.advance(2s);
    CHECK(call.voice->spoken.back() == "I am back.");
    call.caller_says("and when do you close");
    REQUIRE(call.model->asked.size() == 2);
    std::vector<std::string> known;
    for (const auto& message : call.model->asked[1]) known.push_back(message.text);
    CHECK(known == std::vector<std::string>{"Hello there my friend.", "when are you open", "We open at nine.", "I am back.", "and when do you close"});
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 5);
    for (int i = 0; i < 5; ++i) CHECK(turns[static_cast<std::size_t>(i)].sequence == i);
}

TEST_CASE("a call that is taken up before anything was said begins with its greeting") {
    Call call;
    call.start();
    call.taken_up();
    call.caller_comes();
    call.loop.advance(2s);
    CHECK(call.voice->spoken == std::vector<std::string>{"Hello there my friend."});
}

TEST_CASE("the greeting cannot be interrupted, and what was said over it is answered afterwards") {
    Call call;
    call.config.greeting = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
                           "sixteen seventeen eighteen nineteen twenty twentyone twentytwo twentythree twentyfour";
    call.start();
    call.caller_comes();
    call.loop.advance(200ms);
    call.caller_says("hello are you there");
    CHECK(call.model->asked.empty());
    call.loop.advance(3s);
    REQUIRE(call.model->asked.size() == 1);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 2);
    CHECK(turns[1].text == call.config.greeting);
    CHECK_FALSE(turns[1].interrupted);
}

namespace {

/// An answer of 2.4 s is being spoken.
void let_it_answer(Call& call) {
    call.start();
    call.caller_comes();
    call.loop.advance(2s);
    call.caller_says("tell me something");
    call.model->answer("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
                       "sixteen seventeen eighteen nineteen twenty twentyone twentytwo twentythree twentyfour.");
    call.loop.advance(400ms);
}

}  // namespace

TEST_CASE("agreement and noise stop the agent for a moment only") {
    for (const std::string text : {"mhm", "Yeah, okay.", ""}) {
        CAPTURE(text);
        Call call;
        let_it_answer(call);
        call.sound(400ms, true);
        CHECK(call.room().states.back() == "listening");
        call.sound(700ms, false);
        call.ear->sink.on_final(text);
        call.loop.advance(10s);
        CHECK(call.model->asked.size() == 1);
        const auto turns = call.transcript();
        const auto& answer = turns.back();
        CHECK_FALSE(answer.interrupted);
        CHECK(answer.text.ends_with("twentyfour."));
    }
}

TEST_CASE("agreement at the end of what was said is an answer to it") {
    Call call;
    let_it_answer(call);
    call.loop.advance(1400ms);
    call.sound(400ms, true);
    call.sound(700ms, false);
    call.ear->sink.on_final("yes");
    call.loop.advance(3s);
    REQUIRE(call.model->asked.size() == 2);
    CHECK(call.model->asked[1].back().text == "yes");
    CHECK(call.model->asked[1][call.model->asked[1].size() - 2].text.ends_with("twentyfour."));
}

TEST_CASE("nothing comes from the recogniser: the agent goes on by itself") {
    Call call;
    call.config.turn.false_interruption = 1s;
    let_it_answer(call);
    call.sound(400ms, true);
    call.sound(700ms, false);
    call.loop.advance(10s);
    CHECK(call.room().states.back() == "listening");  // it has finished
    const auto turns = call.transcript();
    CHECK_FALSE(turns.back().interrupted);
    CHECK(turns.back().text.ends_with("twentyfour."));
}

TEST_CASE("fewer words than asked for do not take the turn") {
    Call call;
    call.config.turn.interrupt_words = 3;
    let_it_answer(call);
    call.sound(400ms, true);
    call.sound(700ms, false);
    call.ear->sink.on_final("wait please");
    call.loop.advance(300ms);
    CHECK(call.model->asked.size() == 1);
    call.sound(400ms, true);
    call.sound(700ms, false);
    call.ear->sink.on_final("no wait please stop");
    call.loop.advance(300ms);
    CHECK(call.model->asked.size() == 2);
}

TEST_CASE("a silent caller is asked, and at last hung up on") {
    Call call;
    call.config.away = {.after = 5s, .times = 2, .say = "Still there?", .goodbye = "Goodbye then."};
    call.start();
    call.caller_comes();
    call.loop.advance(2s);
    call.loop.advance(30s);
    CHECK(call.voice->spoken == std::vector<std::string>{"Hello there my friend.", "Still there?", "Still there?", "Goodbye then."});
    REQUIRE(call.outcome);
    CHECK(call.outcome->reason == "the caller was silent");
}

TEST_CASE("a caller who speaks again is asked from the beginning") {
    Call call;
    call.config.away = {.after = 5s, .times = 1, .say = "Still there?", .goodbye = ""};
    call.start();
    call.caller_comes();
    call.loop.advance(8s);
    CHECK(call.voice->spoken.back() == "Still there?");
    call.caller_says("yes I am");
    call.model->answer("Good.");
    call.loop.advance(8s);
    CHECK(call.voice->spoken.back() == "Still there?");
    CHECK_FALSE(call.outcome);
    call.loop.advance(8s);
    REQUIRE(call.outcome);
    CHECK(call.outcome->reason == "the caller was silent");
}

TEST_CASE("the caller interrupts an answer: silence at once, and the transcript keeps what was heard") {
    Call call;
    call.config.greeting.clear();
    call.start();
    call.caller_comes();
    call.caller_says("tell me everything");
    call.model->answer("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
                       "seventeen eighteen nineteen twenty.");
    call.loop.advance(600ms);
    call.sound(500ms, true);
    CHECK(call.room().states.back() == "listening");
    call.sound(700ms, false);
    call.ear->sink.on_final("stop please");
    call.loop.settle();
    CHECK(call.model->asked.size() == 2);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 3);
    CHECK(turns[1].interrupted);
    CHECK(turns[1].text.starts_with("one two three four"));
    CHECK(turns[1].text.find("fifteen") == std::string::npos);
    CHECK(turns[2].text == "stop please");
}

TEST_CASE("a short word over an answer does not stop it") {
    Call call;
    call.config.greeting.clear();
    call.start();
    call.caller_comes();
    call.caller_says("tell me everything");
    call.model->answer("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
                       "seventeen eighteen nineteen twenty.");
    call.loop.advance(300ms);
    call.caller_says("mhm", 150ms);
    call.loop.advance(3s);
    CHECK(call.model->asked.size() == 1);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 3);
    CHECK_FALSE(turns[2].interrupted);
    CHECK(turns[2].text.ends_with("twenty."));
}

TEST_CASE("speech without words gets the configured phrase, and no turn of the caller") {
    Call call;
    call.config.greeting.clear();
    call.config.not_understood = "Say that again please.";
    call.start();
    call.caller_comes();
    call.caller_says("");
    call.loop.advance(2s);
    CHECK(call.voice->spoken == std::vector<std::string>{"Say that again please."});
    CHECK(call.model->asked.empty());
}

TEST_CASE("a caller who never comes, or does not return, ends the call cleanly") {
    SUBCASE("never comes") {
        Call call;
        call.start();
        call.loop.advance(call.config.caller_timeout + 1s);
        REQUIRE(call.outcome);
        CHECK(call.outcome->good);
        CHECK(call.outcome->reason == "no caller came");
        CHECK(call.room().left);
    }
    SUBCASE("does not return") {
        Call call;
        call.start();
        call.caller_comes();
        call.room().events().on_left(person("ann"));
        call.loop.advance(call.config.caller_return - 100ms);
        CHECK_FALSE(call.outcome);
        call.loop.advance(200ms);
        REQUIRE(call.outcome);
        CHECK(call.outcome->reason == "caller left");
    }
    SUBCASE("returns in time") {
        Call call;
        call.start();
        call.caller_comes();
        call.room().events().on_left(person("ann"));
        call.loop.advance(1s);
        call.room().events().on_joined(person("ann"));
        call.loop.advance(10s);
        CHECK_FALSE(call.outcome);
    }
}

TEST_CASE("a goodbye of the model hangs up once it was spoken") {
    Call call;
    call.config.greeting.clear();
    call.start();
    call.caller_comes();
    call.caller_says("bye");
    call.model->answer("Goodbye and take care.", /*end_call=*/true);
    call.loop.advance(300ms);
    CHECK_FALSE(call.outcome);
    call.loop.advance(1s);
    REQUIRE(call.outcome);
    CHECK(call.outcome->reason == "agent said goodbye");
    const auto turns = call.transcript();
    CHECK(turns.back().text == "Goodbye and take care.");
}

TEST_CASE("a failed join ends the call as failed") {
    Call call;
    call.start();
    Call failing;
    failing.store = std::make_unique<store::AsyncStore>(std::move(*store::Store::open(failing.path)), failing.loop);
    failing.session = std::make_unique<CallSession>(
        HostParts{failing.loop, failing.config, failing.stages, failing.core, *failing.store},
        CallTicket{"AJ_2", "room", "ws://x", "token", ""}, [&](const CallOutcome& ended) { failing.outcome = ended; });
    failing.session->start();
    failing.room().join_done(fail(Errc::Unreachable, "connection refused"));
    failing.loop.settle();
    REQUIRE(failing.outcome);
    CHECK_FALSE(failing.outcome->good);
    CHECK(failing.outcome->reason == "connection refused");
}

TEST_CASE("other agents and recorders are not the caller") {
    Call call;
    call.start();
    auto agent = person("agent-x");
    agent.kind = rtc::ParticipantKind::Agent;
    call.room().events().on_joined(agent);
    call.room().events().on_own_track_heard("agent-voice");
    call.loop.advance(1s);
    CHECK(call.voice->spoken.empty());
    call.room().events().on_joined(person("agent-smith"));  // a person, whatever the name
    call.loop.advance(1s);
    CHECK(call.voice->spoken.size() == 1);
}

TEST_CASE("a voice that keeps failing ends the call as failed") {
    Call call;
    call.config.greeting.clear();
    call.voice->broken = true;
    call.start();
    call.caller_comes();
    for (int i = 0; i < 3; ++i) {
        REQUIRE_FALSE(call.outcome);
        call.caller_says("hello");
        call.model->answer("You will not hear this.");
        call.loop.advance(1s);
    }
    REQUIRE(call.outcome);
    CHECK_FALSE(call.outcome->good);
}
