// How an engine on another thread reports to the sink of a stream: send() anywhere, the sink is called on
// the stream's loop, and never after close(). Shared between the stream and its work.
#pragma once

#include <memory>
#include <mutex>

#include "voicectl/base/loop.h"

namespace voicectl::speech {

template<class Sink>
class Outlet : public std::enable_shared_from_this<Outlet<Sink>> {
 public:
    Outlet(Loop& loop, Sink sink) : loop_(&loop), sink_(std::make_shared<Sink>(std::move(sink))) {}

    /// Any thread. `call(sink)` runs on the loop. False when the stream is gone: stop working for it.
    template<class Call>
    bool send(Call call) {
        // Under the lock: the loop may die as soon as close() has returned.
        std::lock_guard lock(mutex_);
        if (!loop_) return false;
        loop_->post([self = this->shared_from_this(), call = std::move(call)]() mutable {
            // Held here, for the call may drop the stream and with it the outlet's sink.
            if (const auto sink = self->sink_) call(*sink);
        });
        return true;
    }
    bool closed() const {
        std::lock_guard lock(mutex_);
        return !loop_;
    }
    /// Loop thread. The sink dies here and not on an engine's thread.
    void close() {
        {
            std::lock_guard lock(mutex_);
            loop_ = nullptr;
        }
        sink_.reset();
    }

 private:
    mutable std::mutex mutex_;
    Loop* loop_;
    std::shared_ptr<Sink> sink_;  // loop thread only
};

}  // namespace voicectl::speech
