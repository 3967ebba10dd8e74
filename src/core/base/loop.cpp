#include "voicectl/base/loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <utility>

namespace voicectl {
namespace asio = boost::asio;

void Loop::assert_current() const { assert(is_current() && "called off its loop"); }

struct AsioLoop::Impl {
    std::unordered_map<TimerId, std::unique_ptr<asio::steady_timer>> timers;
    TimerId next_id = 1;
    bool closing = false;
    // Concurrency hint 1: only one thread runs it; post() stays safe from any thread.
    std::unique_ptr<asio::io_context> owner = std::make_unique<asio::io_context>(1);
    asio::io_context& context = *owner;
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
};

AsioLoop::AsioLoop() : impl_(std::make_unique<Impl>()) {}

AsioLoop::~AsioLoop() {
    // Tasks still queued may own objects whose destructors post, cancel or set timers here: they die with
    // the context, while everything else is whole, and a timer set now would outlive it.
    impl_->closing = true;
    impl_->timers.clear();
    impl_->work.reset();
    impl_->owner.reset();
}

// Restarted after running, not before: a stop() that came before run() counts.
void AsioLoop::run() {
    impl_->context.run();
    impl_->context.restart();
}

bool AsioLoop::run_until(TimePoint deadline) {
    impl_->context.run_until(deadline);
    const bool stopped = impl_->context.stopped();
    if (stopped) impl_->context.restart();
    return stopped;
}

void AsioLoop::stop() { impl_->context.stop(); }
asio::io_context& AsioLoop::context() { return impl_->context; }
void AsioLoop::post(Task task) { asio::post(impl_->context, std::move(task)); }
bool AsioLoop::is_current() const { return impl_->context.get_executor().running_in_this_thread(); }

Loop::TimerId AsioLoop::call_at(TimePoint when, Task task) {
    const auto id = impl_->next_id++;
    if (impl_->closing) return id;
    auto timer = std::make_unique<asio::steady_timer>(impl_->context, when);
    timer->async_wait([this, id, task = std::move(task)](const boost::system::error_code& error) {
        // A timer cancelled after it was queued still arrives without error: the map decides.
        if (error || impl_->timers.erase(id) == 0) return;
        task();
    });
    impl_->timers.emplace(id, std::move(timer));
    return id;
}

void AsioLoop::cancel(TimerId id) { impl_->timers.erase(id); }

void Timer::after(Duration delay, Loop::Task task) { arm(loop_.now() + delay, Duration::zero(), std::move(task)); }

void Timer::every(Duration period, Loop::Task task) { arm(loop_.now() + period, period, std::move(task)); }

void Timer::arm(TimePoint when, Duration period, Loop::Task task) {
    cancel();
    id_ = loop_.call_at(when, [this, when, period, task = std::move(task)]() mutable {
        id_ = 0;
        if (period == Duration::zero()) {
            task();
            return;
        }
        // Re-arm first: the task may cancel the timer or destroy its owner.
        auto next = when + period;
        if (const auto late = loop_.now() - next; late > Duration::zero()) next += (late / period + 1) * period;
        auto copy = task;
        arm(next, period, std::move(task));
        copy();
    });
}

void Timer::cancel() {
    if (id_ != 0) loop_.cancel(std::exchange(id_, 0));
}

Deadline Deadline::in(Duration duration) {
    const auto now = Clock::now();
    return {duration > TimePoint::max() - now ? TimePoint::max() : now + duration};
}

Duration Deadline::left() const {
    if (at == TimePoint::max()) return Duration::max();
    return std::max(Duration::zero(), at - Clock::now());
}

}  // namespace voicectl
