#include "core/rtc/watchdog.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "support/fake_loop.h"

namespace voicectl::rtc {
namespace {

using namespace std::chrono_literals;

struct Tried {
    explicit Tried(std::chrono::milliseconds keep_trying, Duration each_try_takes = 0ms)
        : takes(each_try_takes),
          dog(loop, keep_trying,
              {[this] {
                   tries.push_back(loop.now());
                   loop.call_at(loop.now() + takes, [this] { fails ? dog.failed() : dog.succeeded(); });
               },
               [this] { gave_up = loop.now(); }},
              Backoff(7)) {}
    test::FakeLoop loop;
    Duration takes;
    bool fails = true;
    std::vector<TimePoint> tries;
    std::optional<TimePoint> gave_up;
    Watchdog dog;
};

}  // namespace

TEST_CASE("delays double up to 30 s, each with jitter") {
    Backoff backoff(1);
    auto ceiling = std::chrono::milliseconds(500);
    for (int i = 0; i < 12; ++i) {
        const auto delay = backoff.next();
        CHECK(delay <= ceiling);
        CHECK(delay >= ceiling / 2);
        ceiling = std::min<std::chrono::milliseconds>(ceiling * 2, 30s);
    }
    Backoff one(1), other(2);
    CHECK(one.next() != other.next());
}

TEST_CASE("the first try comes within half a second, and tries are never more than 30 s apart") {
    Tried tried(10min, 12s);  // a try that runs into its timeout
    const auto lost = tried.loop.now();
    tried.dog.start();
    tried.loop.advance(9min);
    REQUIRE(tried.tries.size() > 10);
    CHECK(tried.tries[0] - lost <= 500ms);
    for (std::size_t i = 1; i < tried.tries.size(); ++i) CHECK(tried.tries[i] - tried.tries[i - 1] <= 30s);
    CHECK_FALSE(tried.gave_up);
}

TEST_CASE("it gives up when the time since the loss is over, not since its own start") {
    Tried tried(2min);
    const auto lost = tried.loop.now();
    tried.dog.lost();
    tried.loop.advance(25s);  // the core tries by itself
    tried.dog.start();
    tried.loop.advance(5min);
    REQUIRE(tried.gave_up);
    CHECK(*tried.gave_up - lost == 2min);
    CHECK(tried.tries.back() - lost < 2min);
}

TEST_CASE("success ends it, and the next loss starts from the beginning") {
    Tried tried(1min);
    tried.fails = false;
    tried.dog.start();
    tried.loop.advance(10min);
    CHECK(tried.tries.size() == 1);
    CHECK_FALSE(tried.gave_up);
    const auto lost = tried.loop.now();
    tried.dog.start();
    tried.loop.advance(1s);
    REQUIRE(tried.tries.size() == 2);
    CHECK(tried.tries[1] - lost <= 500ms);
}

TEST_CASE("stopped, it tries no more") {
    Tried tried(10min);
    tried.dog.start();
    tried.loop.advance(5s);
    const auto count = tried.tries.size();
    tried.dog.stop();
    tried.loop.advance(20min);
    CHECK(tried.tries.size() == count);
    CHECK_FALSE(tried.gave_up);
}

}  // namespace voicectl::rtc
