// Loop: the one thread on which sockets, timers and call sessions live.
//
// Everything mutable that is not documented otherwise belongs to the loop it was given. Other threads
// reach it with post(). Loop is an interface so that tests run the same code on virtual time
// (tests/support/fake_loop.h); AsioLoop is the real one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "voicectl/base/thread_annotations.h"

namespace boost::asio {
class io_context;
}

namespace voicectl {

using Clock = std::chrono::steady_clock;
using Duration = Clock::duration;
using TimePoint = Clock::time_point;

class VC_CAPABILITY("loop") Loop {
 public:
    using Task = std::function<void()>;
    using TimerId = std::uint64_t;

    virtual ~Loop() = default;
    /// Any thread. Tasks run in order, on the loop's thread, never inside post().
    virtual void post(Task task) = 0;
    /// Loop thread only. `task` runs once at `when` unless cancelled; the id is never 0.
    virtual TimerId call_at(TimePoint when, Task task) = 0;
    /// Loop thread only. Ids that have run or are unknown are ignored.
    virtual void cancel(TimerId id) = 0;
    /// Any thread. Monotonic; virtual in tests.
    virtual TimePoint now() const = 0;
    virtual bool is_current() const = 0;
    void assert_current() const VC_ASSERT_CAPABILITY(this);
};

/// A loop on Boost.Asio. run() is called by exactly one thread.
class AsioLoop final : public Loop {
 public:
    AsioLoop();
    ~AsioLoop() override;
    AsioLoop(const AsioLoop&) = delete;
    AsioLoop& operator=(const AsioLoop&) = delete;

    /// Runs tasks until stop(), even when there is nothing to do.
    void run();
    /// Runs until stop() or the deadline; true when stop() ended it. May be called again.
    bool run_until(TimePoint deadline);
    /// Any thread. Makes run() return soon, or at once when it has not begun; tasks still queued wait for the
    /// next run().
    void stop();
    boost::asio::io_context& context();

    void post(Task task) override;
    TimerId call_at(TimePoint when, Task task) override;
    void cancel(TimerId id) override;
    TimePoint now() const override { return Clock::now(); }
    bool is_current() const override;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// One timer that its owner restarts at will; destroying it cancels it. Loop thread only.
class Timer {
 public:
    explicit Timer(Loop& loop) : loop_(loop) {}
    ~Timer() { cancel(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// Replaces what was scheduled.
    void after(Duration delay, Loop::Task task);
    /// Runs `task` every `period` (more than zero) until cancelled, on a steady grid (no drift); what was missed
    /// while the loop was held up is left out.
    void every(Duration period, Loop::Task task);
    void cancel();
    bool pending() const { return id_ != 0; }

 private:
    void arm(TimePoint when, Duration period, Loop::Task task);
    Loop& loop_;
    Loop::TimerId id_ = 0;
};

/// Turns callbacks into no-ops once their object is gone. Last member of its class, so that it dies
/// first. guard() may be called on any thread while the object lives; the guarded task runs on the loop
/// that destroys the object, which is what makes the check race-free.
class Lifeline {
 public:
    template<class F>
    auto guard(F task) const {
        return [alive = std::weak_ptr<const void>(token_), task = std::move(task)](auto&&... args) mutable {
            if (!alive.expired()) task(std::forward<decltype(args)>(args)...);
        };
    }
    /// Cuts all callbacks off before the object dies.
    void cut() { token_.reset(); }

 private:
    std::shared_ptr<const void> token_ = std::make_shared<char>();
};

/// Where work on behalf of a loop waits for its turn, for at most a time.
struct Deadline {
    TimePoint at = TimePoint::max();

    /// A duration past the end of the clock gives never().
    static Deadline in(Duration duration);
    static Deadline never() { return {}; }
    bool passed() const { return at != TimePoint::max() && Clock::now() >= at; }
    /// Never negative; Duration::max() when there is none.
    Duration left() const;
};

}  // namespace voicectl
