#include "core/e2e/ears.h"

#include <doctest/doctest.h>

#include <cstdlib>


#include "support/buzz.h"

using namespace voicectl;
using namespace voicectl::e2e;
using namespace std::chrono_literals;

namespace {

struct Listening {
    /// A voice-like buzz or silence, arriving as 10 ms frames on a clock of our own.
    void sound(std::chrono::milliseconds time, bool speech) {
        for (auto left = time; left > 0ms; left -= 10ms) {
            const auto frame = buzz.frame(speech);
            now += 10ms;
            ears.hear({frame, 16000, now});
        }
    }
    Result<std::optional<Heard>> listen(std::size_t from = 0) {
        return ears.listen(from, 0ms, 0ms, 500ms, [] { return std::nullopt; });
    }
    Rendezvous meeting;
    Ears ears{meeting};
    TimePoint began{std::chrono::hours{5}}, now = began;
    test::Buzz buzz;
};

std::chrono::milliseconds ms(Duration time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time); }

}  // namespace

TEST_CASE("speech is cut out with the moments of its first and last sound") {
    Listening listening;
    listening.sound(1000ms, false);
    listening.sound(800ms, true);
    listening.sound(800ms, false);
    const auto heard = listening.listen();
    REQUIRE(heard);
    REQUIRE(heard->has_value());
    CHECK(std::abs((ms((*heard)->first_sound - listening.began) - 1000ms).count()) <= 20);
    CHECK(std::abs((ms((*heard)->last_sound - listening.began) - 1800ms).count()) <= 30);
}

TEST_CASE("silence is no speech") {
    Listening listening;
    listening.sound(3000ms, false);
    const auto heard = listening.listen();
    REQUIRE(heard);
    CHECK_FALSE(heard->has_value());
}

TEST_CASE("what was said before the mark is not an answer") {
    Listening listening;
    listening.sound(800ms, true);
    listening.sound(800ms, false);
    const auto mark = listening.ears.mark();
    CHECK_FALSE(listening.listen(mark)->has_value());
    listening.sound(600ms, true);
    listening.sound(700ms, false);
    const auto heard = listening.listen(mark);
    REQUIRE(heard->has_value());
    CHECK(ms((*heard)->first_sound - listening.began) >= 1550ms);
}

TEST_CASE("audio that stopped arriving is silence: the recording keeps wall time") {
    Listening listening;
    listening.sound(500ms, false);
    listening.now += 2000ms;
    listening.sound(500ms, true);
    listening.sound(700ms, false);
    const auto heard = listening.listen();
    REQUIRE(heard->has_value());
    CHECK(std::abs((ms((*heard)->first_sound - listening.began) - 2500ms).count()) <= 230);
    CHECK(listening.ears.recording().duration() >= 3400ms);
}

TEST_CASE("a lost connection and Ctrl-C end the wait") {
    Listening listening;
    const auto lost = listening.ears.listen(0, 10min, 10min, 500ms, [] { return Error{Errc::Unreachable, "lost", ""}; });
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code == Errc::Unreachable);
    listening.meeting.interrupt(2);
    const auto stopped = listening.ears.listen(0, 10min, 10min, 500ms, [] { return std::nullopt; });
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == Errc::Cancelled);
}
