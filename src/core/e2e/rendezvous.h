// Where the thread that judges a call waits for what happens on the loop: one lock, one condition, a
// deadline, and a way out for Ctrl-C.
#pragma once

#include <condition_variable>
#include <mutex>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::e2e {

class Rendezvous {
 public:
    /// Any thread: changes shared state and wakes whoever waits.
    template<class Change>
    void change(Change apply) {
        {
            std::lock_guard lock(mutex_);
            apply();
        }
        changed_.notify_all();
    }
    /// Reads shared state.
    template<class Read>
    auto read(Read look) {
        std::lock_guard lock(mutex_);
        return look();
    }
    /// True when `condition` came true in time. Cancelled after interrupt().
    template<class Condition>
    Result<bool> wait(Deadline deadline, Condition condition) {
        std::unique_lock lock(mutex_);
        const auto over = [&] { return signal_ != 0 || condition(); };
        if (deadline.at == TimePoint::max()) changed_.wait(lock, over);
        else changed_.wait_until(lock, deadline.at, over);
        if (signal_ != 0) return fail(signal_ == 15 ? Errc::Terminated : Errc::Cancelled, "stopped by a signal");
        return condition();
    }
    /// Any thread. Every wait from now on is over.
    void interrupt(int signal) {
        change([&] { signal_ = signal; });
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int signal_ = 0;
};

}  // namespace voicectl::e2e
