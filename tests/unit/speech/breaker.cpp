#include "voicectl/speech/breaker.h"

#include <doctest/doctest.h>

#include <vector>

using namespace voicectl;
using namespace voicectl::speech;
using namespace std::chrono_literals;
using State = Breaker::State;

namespace {

const TimePoint kBegin = TimePoint(1h);

}  // namespace

TEST_CASE("a breaker opens when half of the last requests failed, not at the first") {
    Breaker breaker;
    breaker.failed(kBegin, false);
    breaker.failed(kBegin, false);
    CHECK(breaker.state(kBegin) == State::Closed);
    breaker.failed(kBegin, false);
    CHECK(breaker.state(kBegin) == State::Open);
    CHECK_FALSE(breaker.allows(kBegin + 29s));

    Breaker often_good;
    for (int i = 0; i < 30; ++i) {
        often_good.succeeded(kBegin, 100ms);
        often_good.succeeded(kBegin, 100ms);
        often_good.failed(kBegin, false);
    }
    CHECK(often_good.state(kBegin) == State::Closed);
}

TEST_CASE("answers that come too slowly open it, too") {
    Breaker breaker;
    for (int i = 0; i < 3; ++i) breaker.succeeded(kBegin, 4500ms);
    CHECK(breaker.state(kBegin) == State::Open);
}

TEST_CASE("after the cool-down one request tries, and how it goes decides") {
    Breaker breaker;
    for (int i = 0; i < 3; ++i) breaker.failed(kBegin, false);
    const auto later = kBegin + 31s;
    CHECK(breaker.state(later) == State::HalfOpen);
    CHECK(breaker.allows(later));
    CHECK_FALSE(breaker.allows(later));  // one at a time
    breaker.failed(later, false);
    CHECK(breaker.state(later) == State::Open);
    CHECK(breaker.state(later + 59s) == State::Open);  // twice as long
    const auto again = later + 61s;
    REQUIRE(breaker.allows(again));
    breaker.succeeded(again, 200ms);
    CHECK(breaker.state(again) == State::Closed);
    breaker.failed(again, false);
    CHECK(breaker.state(again) == State::Closed);  // what was before counts no more
}

TEST_CASE("a try of which nothing is known leaves room for the next") {
    Breaker breaker;
    for (int i = 0; i < 3; ++i) breaker.failed(kBegin, false);
    const auto later = kBegin + 31s;
    REQUIRE(breaker.allows(later));
    breaker.unknown();
    CHECK(breaker.allows(later));
}

TEST_CASE("a wrong key opens it at once and for long, a wish to wait for as long as it says") {
    Breaker key, wait;
    key.failed(kBegin, true);
    CHECK(key.state(kBegin + 299s) == State::Open);
    wait.failed(kBegin, false, 7s);
    CHECK(wait.state(kBegin + 6s) == State::Open);
    CHECK(wait.state(kBegin + 8s) == State::HalfOpen);
}

TEST_CASE("what an error says of the wait is heeded within bounds, and nothing shortens it") {
    Breaker told, endless, zero;
    told.failed(kBegin, Error{Errc::Unreachable, "too many requests", "", 20s});
    CHECK(told.state(kBegin + 19s) == State::Open);
    CHECK(told.open_for(kBegin) == 20s);
    CHECK(told.why() == "too many requests");
    told.failed(kBegin, Error{Errc::Unreachable, "again", "", 1s});
    CHECK(told.state(kBegin + 19s) == State::Open);
    CHECK(told.state(kBegin + 20s) == State::HalfOpen);
    endless.failed(kBegin, Error{Errc::Unreachable, "", "", 1h});
    CHECK(endless.state(kBegin + 301s) == State::HalfOpen);
    zero.failed(kBegin, Error{Errc::Unreachable, "", "", 0s});
    CHECK(zero.state(kBegin) == State::Closed);  // a failure like others
}

TEST_CASE("changes are told, each once") {
    Breaker breaker;
    std::vector<State> told;
    breaker.on_change = [&](State now) { told.push_back(now); };
    for (int i = 0; i < 5; ++i) breaker.failed(kBegin, false);
    CHECK(told == std::vector<State>{State::Open});
    breaker.failed(kBegin + 31s, false);
    CHECK(told == std::vector<State>{State::Open, State::Open});
    breaker.succeeded(kBegin + 31s + 61s, 10ms);
    breaker.succeeded(kBegin + 31s + 61s, 10ms);
    CHECK(told == std::vector<State>{State::Open, State::Open, State::Closed});
}

TEST_CASE("where somebody else tries, an open breaker is open no longer each time") {
    Breaker breaker;
    breaker.stay_open_at_most(30s);
    auto now = kBegin;
    for (int i = 0; i < 3; ++i) breaker.failed(now, false);
    for (int i = 0; i < 5; ++i) {
        CHECK(breaker.open_for(now) == 30s);
        now += 30s;
        REQUIRE(breaker.allows(now));
        breaker.failed(now, false);
    }
}
