#include "core/rtc/watchdog.h"

#include <algorithm>
#include <utility>

namespace voicectl::rtc {

Duration Backoff::next() {
    std::uniform_int_distribution<std::int64_t> spread(ceiling_.count() / 2, ceiling_.count());
    const std::chrono::milliseconds delay(spread(random_));
    ceiling_ = std::min(ceiling_ * 2, kLongest);
    return delay;
}

Watchdog::Watchdog(Loop& loop, std::chrono::milliseconds keep_trying, Actions actions, Backoff backoff)
    : loop_(loop), keep_trying_(keep_trying), actions_(std::move(actions)), backoff_(backoff), timer_(loop) {}

void Watchdog::lost() {
    if (!std::exchange(losing_, true)) lost_at_ = loop_.now();
}

void Watchdog::start() {
    lost();
    backoff_.reset();
    // Everybody in the room lost it at the same moment; not everybody has to knock at the same moment.
    schedule(loop_.now() + backoff_.next() / 2);
}

void Watchdog::failed() {
    // Counted from the start of the try, so that a slow failure does not put tries further apart.
    schedule(std::max(loop_.now() + Backoff::kFirst / 2, tried_at_ + backoff_.next()));
}

void Watchdog::succeeded() { stop(); }

void Watchdog::stop() {
    losing_ = false;
    timer_.cancel();
}

void Watchdog::schedule(TimePoint when) {
    const auto end = lost_at_ + keep_trying_;
    if (when < end) {
        timer_.after(when - loop_.now(), [this] { attempt(); });
    } else {
        // To the end of the time that was asked for: the caller may hope until then.
        timer_.after(std::max(Duration::zero(), end - loop_.now()), [this] {
            losing_ = false;
            const auto give_up = actions_.give_up;  // it may be the end of us
            give_up();
        });
    }
}

void Watchdog::attempt() {
    tried_at_ = loop_.now();
    const auto join = actions_.join;
    join();
}

}  // namespace voicectl::rtc
