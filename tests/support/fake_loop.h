// A loop on virtual time: nothing sleeps, everything is repeatable. Single thread, but for post().
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "voicectl/base/loop.h"

namespace voicectl::test {

class FakeLoop final : public Loop {
 public:
    FakeLoop() = default;
    /// What never ran may reach back to this loop as it dies.
    ~FakeLoop() override {
        const auto timers = std::exchange(timers_, {});
        while (next_task()) {
        }
    }
    void post(Task task) override {
        {
            std::lock_guard lock(mutex_);
            tasks_.push_back(std::move(task));
        }
        posted_.notify_one();
    }
    /// Real time: until another thread has posted something, for a test with a real store. False: nothing came.
    bool await_post(std::chrono::seconds limit = std::chrono::seconds{10}) {
        std::unique_lock lock(mutex_);
        return posted_.wait_for(lock, limit, [this] { return !tasks_.empty(); });
    }
    TimerId call_at(TimePoint when, Task task) override {
        timers_.emplace(std::pair{std::max(when, now_), next_}, std::move(task));
        return next_++;
    }
    void cancel(TimerId id) override {
        std::erase_if(timers_, [id](const auto& entry) { return entry.first.second == id; });
    }
    TimePoint now() const override { return now_; }
    bool is_current() const override { return true; }

    /// Time goes on while a task holds the loop up.
    void stall(Duration by) { now_ += by; }
    /// Runs what is posted, without moving time.
    void settle() {
        while (auto task = next_task()) (*task)();
    }
    /// Moves time on, running everything that falls due in order.
    void advance(Duration by) {
        const auto end = now_ + by;
        settle();
        while (!timers_.empty() && timers_.begin()->first.first <= end) {
            now_ = std::max(now_, timers_.begin()->first.first);
            auto task = std::move(timers_.begin()->second);
            timers_.erase(timers_.begin());
            task();
            settle();
        }
        now_ = std::max(now_, end);
    }

 private:
    std::optional<Task> next_task() {
        std::lock_guard lock(mutex_);
        if (tasks_.empty()) return std::nullopt;
        auto task = std::move(tasks_.front());
        tasks_.pop_front();
        return task;
    }

    TimePoint now_{std::chrono::hours(1)};
    TimerId next_ = 1;
    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<Task> tasks_;  // under mutex_
    std::map<std::pair<TimePoint, TimerId>, Task> timers_;
};

}  // namespace voicectl::test
