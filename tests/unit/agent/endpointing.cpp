#include "core/agent/endpointing.h"

#include <doctest/doctest.h>

#include "support/buzz.h"
#include "voicectl/agent/turn_taking.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;
using enum Completeness;
using Event = TurnTaking::Event;

namespace {

TurnSettings adaptive() {
    TurnSettings settings;
    settings.endpointing = TurnSettings::Endpointing::Adaptive;
    return settings;
}

/// A caller whose turns a test speaks.
struct Caller {
    explicit Caller(const TurnSettings& settings) : turns(settings) {}

    int sound(std::chrono::milliseconds time, bool speech) {
        int ended = 0;
        for (auto left = time; left > 0ms; left -= 10ms) {
            const auto event = turns.push(buzz.frame(speech), false);
            if (event == Event::TurnEnded) {
                ++ended;
                waited = turns.now() - turns.turn_ended();
            }
            if (event == Event::Paused) ++pauses;
        }
        return ended;
    }

    TurnTaking turns;
    test::Buzz buzz;
    std::chrono::milliseconds waited{0};  // for the latest end
    int pauses = 0;
};

}  // namespace

TEST_CASE("a fixed delay is the configured one, however the caller pauses") {
    Endpointing fixed{TurnSettings{}};
    CHECK(fixed.delay(Open, false) == 500ms);
    for (int i = 0; i < 10; ++i) fixed.on_pause(1500ms);
    CHECK(fixed.delay(Open, false) == 500ms);
    for (int i = 0; i < 10; ++i) fixed.on_fluent_turn();
    CHECK(fixed.delay(Open, false) == 500ms);
}

TEST_CASE("an adaptive delay begins as the fixed one and stays within its bounds") {
    Endpointing slow(adaptive()), quick(adaptive());
    CHECK(slow.delay(Open, false) == 500ms);
    for (int i = 0; i < 100; ++i) slow.on_pause(60s);
    CHECK(slow.delay(Open, false) == 2500ms);
    for (int i = 0; i < 100; ++i) quick.on_fluent_turn();
    CHECK(quick.delay(Open, false) == 300ms);
}

TEST_CASE("who pauses long is waited for from the second time on") {
    Endpointing endpointing(adaptive());
    endpointing.on_pause(800ms);
    CHECK(endpointing.delay(Open, false) > 800ms);
    for (int i = 0; i < 20; ++i) endpointing.on_pause(800ms);
    CHECK(endpointing.delay(Open, false) > 800ms);
    CHECK(endpointing.delay(Open, false) < 1200ms);
}

TEST_CASE("words move the delay to its bounds, and never the wrong way") {
    Endpointing fixed{TurnSettings{}};
    CHECK(fixed.delay(Unfinished, false) == 2500ms);
    CHECK(fixed.delay(Finished, false) == 300ms);
    CHECK(fixed.delay(Open, true) == 300ms);
    CHECK(fixed.delay(Unfinished, true) == 2500ms);
    TurnSettings hasty;
    hasty.end_of_turn = 200ms;
    CHECK(Endpointing(hasty).delay(Finished, false) == 200ms);
    TurnSettings patient;
    patient.end_of_turn = 4s;
    CHECK(Endpointing(patient).delay(Unfinished, false) == 4s);
}

TEST_CASE("the caller's own pauses teach the delay: cut off once, waited for then") {
    Caller caller(adaptive());
    caller.sound(500ms, false);
    caller.sound(900ms, true);
    CHECK(caller.sound(800ms, false) == 1);  // cut off
    caller.sound(900ms, true);
    CHECK(caller.sound(3s, false) == 1);
    caller.sound(900ms, true);
    CHECK(caller.sound(800ms, false) == 0);
    caller.sound(900ms, true);
    CHECK(caller.sound(3s, false) == 1);
    CHECK(caller.waited > 800ms);
}

TEST_CASE("a fixed end of turn cuts the same caller off each time") {
    Caller caller{TurnSettings{}};
    caller.sound(500ms, false);
    for (int i = 0; i < 4; ++i) {
        caller.sound(900ms, true);
        CHECK(caller.sound(800ms, false) == 1);
    }
}

TEST_CASE("who speaks without pauses is answered sooner from turn to turn") {
    Caller caller(adaptive());
    caller.sound(500ms, false);
    std::chrono::milliseconds first{0};
    for (int i = 0; i < 12; ++i) {
        caller.sound(2s, true);
        CHECK(caller.sound(5s, false) == 1);
        if (i == 0) first = caller.waited;
    }
    CHECK(first >= 500ms);
    CHECK(caller.waited < 350ms);
}

TEST_CASE("a new question after an answer is no pause") {
    Caller caller(adaptive());
    caller.sound(500ms, false);
    for (int i = 0; i < 6; ++i) {
        caller.sound(700ms, true);
        CHECK(caller.sound(2s, false) == 1);
    }
    CHECK(caller.waited < 560ms);
}

TEST_CASE("what the words tell counts until the caller goes on") {
    Caller caller{TurnSettings{}};
    caller.sound(500ms, false);
    caller.sound(900ms, true);
    caller.turns.judged(Unfinished);
    CHECK(caller.sound(1500ms, false) == 0);
    CHECK(caller.pauses == 1);
    CHECK(caller.turns.pausing());
    caller.sound(500ms, true);
    CHECK_FALSE(caller.turns.pausing());
    CHECK(caller.sound(700ms, false) == 1);
    caller.sound(900ms, true);
    caller.turns.recogniser_done();
    CHECK(caller.sound(400ms, false) == 1);
}
