// A real loop on a thread of its own, for tests that meet real parts.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "voicectl/base/loop.h"

namespace voicectl::test {

class LiveLoop {
 public:
    LiveLoop() : thread_([this] { loop_.run(); }) {}
    ~LiveLoop() {
        loop_.stop();
        thread_.join();
    }
    AsioLoop& get() { return loop_; }

    /// Runs `task` on the loop and waits for what it returns.
    template<class F>
    auto on_loop(F task) {
        // Shared: the loop may still be leaving it when the answer is here already.
        auto packaged = std::make_shared<std::packaged_task<decltype(task())()>>(std::move(task));
        auto future = packaged->get_future();
        loop_.post([packaged] { (*packaged)(); });
        return future.get();
    }

 private:
    AsioLoop loop_;
    std::thread thread_;
};

/// Waits, event by event, until `condition` holds; notify() after each change under the same lock.
class Waiter {
 public:
    template<class Change>
    void change(Change apply) {
        // Under the lock: whoever waits may destroy us as soon as it is released.
        std::lock_guard lock(mutex_);
        apply();
        changed_.notify_all();
    }
    template<class Condition>
    bool wait(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds{20}) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, limit, condition);
    }
    /// While changes may go on.
    template<class Read>
    auto look(Read read) {
        std::lock_guard lock(mutex_);
        return read();
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
};

}  // namespace voicectl::test
