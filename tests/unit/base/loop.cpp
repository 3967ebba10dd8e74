#include "voicectl/base/loop.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "support/fake_loop.h"
#include "support/live_loop.h"

namespace voicectl {
namespace {

using std::chrono::milliseconds;

// The same contract for both loops: `run` works off everything that falls due within a while.
struct Fake {
    test::FakeLoop loop;
    void run() { loop.advance(milliseconds(50)); }
};
struct Real {
    AsioLoop loop;
    void run() { loop.run_until(Clock::now() + milliseconds(50)); }
};

TEST_CASE_TEMPLATE("tasks run in order, never inside post", On, Fake, Real) {
    On on;
    std::string order;
    on.loop.post([&] {
        order += 'a';
        on.loop.post([&] { order += 'c'; });
        order += 'b';
    });
    on.loop.post([&] { order += '2'; });
    CHECK(order.empty());
    on.run();
    CHECK(order == "ab2c");
}

TEST_CASE_TEMPLATE("timers run when due, in order of time, once", On, Fake, Real) {
    On on;
    std::string order;
    const auto now = on.loop.now();
    CHECK(on.loop.call_at(now + milliseconds(9), [&] { order += '3'; }) != 0);
    on.loop.call_at(now + milliseconds(3), [&] { order += '2'; });
    on.loop.call_at(now - milliseconds(3), [&] { order += '1'; });
    on.loop.call_at(now + std::chrono::hours(1), [&] { order += 'x'; });
    on.run();
    CHECK(order == "123");
    on.run();
    CHECK(order == "123");
}

TEST_CASE_TEMPLATE("a cancelled timer does not run, even when it was due already", On, Fake, Real) {
    On on;
    std::string order;
    const auto now = on.loop.now();
    Loop::TimerId second = 0;
    on.loop.call_at(now - milliseconds(2), [&] {
        order += 'a';
        on.loop.cancel(second);
    });
    second = on.loop.call_at(now - milliseconds(1), [&] { order += 'b'; });
    on.loop.cancel(12345);
    on.run();
    CHECK(order == "a");
}

TEST_CASE_TEMPLATE("a timer that is started again replaces what was scheduled", On, Fake, Real) {
    On on;
    std::string order;
    Timer timer(on.loop);
    timer.after(milliseconds(1), [&] { order += 'a'; });
    timer.after(milliseconds(2), [&] { order += 'b'; });
    CHECK(timer.pending());
    on.run();
    CHECK(order == "b");
    CHECK_FALSE(timer.pending());
    timer.after(milliseconds(1), [&] {
        order += 'c';
        timer.after(milliseconds(1), [&] { order += 'd'; });
    });
    on.run();
    CHECK(order == "bcd");
}

TEST_CASE_TEMPLATE("a timer may be cancelled or destroyed by its own task", On, Fake, Real) {
    On on;
    int ticks = 0;
    Timer cancelled(on.loop);
    cancelled.every(milliseconds(1), [&] {
        if (++ticks == 3) cancelled.cancel();
    });
    on.run();
    CHECK(ticks == 3);

    struct Owner {
        explicit Owner(Loop& loop) : timer(loop) {}
        Timer timer;
        std::string name = "a name that is too long to be kept inside the string itself";
    };
    int length = 0;
    auto owner = std::make_unique<Owner>(on.loop);
    auto* raw = owner.get();
    raw->timer.every(milliseconds(1), [&owner, &length, kept = std::string(100, 'x')] {
        owner.reset();
        length += static_cast<int>(kept.size());  // the task itself is still whole
    });
    on.run();
    CHECK(owner == nullptr);
    CHECK(length == 100);

    auto once = std::make_unique<Owner>(on.loop);
    once->timer.after(milliseconds(1), [&once] { once.reset(); });
    on.run();
    CHECK(once == nullptr);
}

TEST_CASE_TEMPLATE("a repeating task may start its own timer anew", On, Fake, Real) {
    On on;
    std::string order;
    Timer timer(on.loop);
    timer.every(milliseconds(1), [&] {
        order += 'a';
        timer.after(milliseconds(1), [&] { order += 'b'; });
    });
    on.run();
    CHECK(order == "ab");
}

TEST_CASE_TEMPLATE("a destroyed timer never fires", On, Fake, Real) {
    On on;
    bool fired = false;
    { Timer(on.loop).after(milliseconds(1), [&] { fired = true; }); }
    on.run();
    CHECK_FALSE(fired);
}

TEST_CASE_TEMPLATE("a callback of an object that is gone does nothing", On, Fake, Real) {
    On on;
    int calls = 0;
    auto lifeline = std::make_unique<Lifeline>();
    on.loop.post(lifeline->guard([&] { ++calls; }));
    on.run();
    auto sum = lifeline->guard([&](int a, std::string b) { calls += a + static_cast<int>(b.size()); });
    sum(10, "abc");
    CHECK(calls == 14);
    on.loop.post(lifeline->guard([&] { ++calls; }));
    lifeline.reset();
    on.run();
    CHECK(calls == 14);
    Lifeline cut;
    auto guarded = cut.guard([&] { ++calls; });
    cut.cut();
    guarded();
    CHECK(calls == 14);
}

TEST_CASE_TEMPLATE("a loop dies with tasks whose objects reach back to it", On, Fake, Real) {
    struct ReachesBack {
        explicit ReachesBack(Loop& on) : loop(on), timer(on) { timer.after(milliseconds(5), [] {}); }
        ~ReachesBack() {
            timer.after(milliseconds(5), [] {});
            loop.post([] {});
        }
        Loop& loop;
        Timer timer;
    };
    auto on = std::make_unique<On>();
    auto watched = std::make_shared<ReachesBack>(on->loop);
    const std::weak_ptr<ReachesBack> alive = watched;
    on->loop.post([watched] {});
    on->loop.call_at(on->loop.now(), [watched] {});
    watched.reset();
    on.reset();
    CHECK(alive.expired());
}

TEST_CASE("a repeating timer keeps its grid, and leaves out what a held-up loop missed") {
    test::FakeLoop loop;
    Timer timer(loop);
    std::vector<long> at;
    const auto start = loop.now();
    const auto since = [&] { return std::chrono::duration_cast<milliseconds>(loop.now() - start).count(); };
    timer.every(milliseconds(20), [&] {
        at.push_back(since());
        if (at.size() == 2) loop.stall(milliseconds(50));
    });
    loop.advance(milliseconds(125));
    // 60 comes late at 90, 80 not at all.
    CHECK(at == std::vector<long>{20, 40, 90, 100, 120});
}

TEST_CASE("stop ends the run, also when it comes first") {
    AsioLoop loop;
    loop.stop();
    loop.run();  // returns
    int ran = 0;
    loop.post([&] {
        ++ran;
        loop.stop();
    });
    loop.post([&] { ++ran; });
    CHECK(loop.run_until(Clock::now() + std::chrono::seconds(20)));
    CHECK(ran == 1);
    CHECK_FALSE(loop.run_until(Clock::now() + milliseconds(1)));
    CHECK(ran == 2);
}

TEST_CASE("a loop that is stopped from another thread ends, however early that is") {
    for (int i = 0; i < 200; ++i) test::LiveLoop live;
}

TEST_CASE("other threads reach the loop with post") {
    test::LiveLoop live;
    CHECK_FALSE(live.get().is_current());
    CHECK(live.on_loop([&] { return live.get().is_current(); }));
    int counted = 0;  // the loop's
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i) live.get().post([&] { ++counted; });
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(live.on_loop([&] { return counted; }) == 2000);
}

TEST_CASE("a deadline counts down to zero, and never ends when there is none") {
    CHECK(Deadline::never().left() == Duration::max());
    CHECK_FALSE(Deadline::never().passed());
    CHECK(Deadline::in(milliseconds(-5)).passed());
    CHECK(Deadline::in(milliseconds(-5)).left() == Duration::zero());
    const auto hour = Deadline::in(std::chrono::hours(1)).left();
    CHECK(hour > std::chrono::minutes(59));
    CHECK(hour <= std::chrono::hours(1));
    CHECK_FALSE(Deadline::in(Duration::max()).passed());
    CHECK(Deadline::in(Duration::max()).left() == Duration::max());
}

}  // namespace
}  // namespace voicectl
