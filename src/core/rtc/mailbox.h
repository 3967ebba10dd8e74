// The way from the core's threads (and the media thread) to the loop on which an object lives. The object
// shuts it, on that loop, when it goes: from then on nothing posted runs, and the loop is not touched any
// more, so that it may go too.
#pragma once

#include <memory>
#include <mutex>

#include "voicectl/base/loop.h"

namespace voicectl::rtc {

class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
    explicit Mailbox(Loop& loop) : loop_(&loop) {}

    /// Any thread. A task that comes too late is destroyed where it is, after the lock is released: what it
    /// owns (a room just joined, say) may have calls of its own to make.
    void post(Loop::Task task) {
        std::lock_guard lock(mutex_);
        if (loop_ == nullptr) return;
        // The lock is held over post() so that shut() can promise that the loop is not in use after it.
        // post() never runs tasks itself.
        loop_->post([self = shared_from_this(), task = std::move(task)] {
            if (self->loop_ != nullptr) task();  // written on this thread only
        });
    }

    /// On the loop.
    void shut() {
        std::lock_guard lock(mutex_);
        loop_ = nullptr;
    }
    /// On the loop: false once the object is gone. For code that calls others between two steps.
    bool open() const { return loop_ != nullptr; }

 private:
    std::mutex mutex_;
    Loop* loop_;
};

}  // namespace voicectl::rtc
