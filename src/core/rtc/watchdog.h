// When the core has given a room up: try again, with back-off and jitter, until it works or the time is
// over. Decides when; the room does the joining. Loop only.
#pragma once

#include <functional>
#include <random>

#include "voicectl/base/loop.h"

namespace voicectl::rtc {

/// Delays that double from half a second to 30 s; each lies between half of that and the whole of it.
class Backoff {
 public:
    explicit Backoff(std::uint32_t seed = std::random_device{}()) : random_(seed) {}
    Duration next();
    void reset() { ceiling_ = kFirst; }

    static constexpr std::chrono::milliseconds kFirst{500};
    static constexpr std::chrono::milliseconds kLongest{30000};

 private:
    std::mt19937 random_;
    std::chrono::milliseconds ceiling_ = kFirst;
};

class Watchdog {
 public:
    struct Actions {
        std::function<void()> join;     // answered by succeeded() or failed()
        std::function<void()> give_up;  // the time is over
    };
    Watchdog(Loop& loop, std::chrono::milliseconds keep_trying, Actions actions, Backoff backoff = Backoff{});

    /// The server went quiet: the time runs from here (once, until succeeded()).
    void lost();
    /// The core gave up: our turn. The first try comes at once, or nearly so.
    void start();
    void failed();
    void succeeded();
    void stop();

 private:
    void schedule(TimePoint when);
    void attempt();

    Loop& loop_;
    const std::chrono::milliseconds keep_trying_;
    Actions actions_;
    Backoff backoff_;
    TimePoint lost_at_{}, tried_at_{};
    bool losing_ = false;
    Timer timer_;
};

}  // namespace voicectl::rtc
