#include "voicectl/base/workers.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace voicectl {

struct Workers::Impl {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void()>> tasks;
    bool stopping = false;
    std::vector<std::thread> threads;

    void run() {
        std::unique_lock lock(mutex);
        while (true) {
            wake.wait(lock, [this] { return stopping || !tasks.empty(); });
            if (stopping) return;
            auto task = std::move(tasks.front());
            tasks.pop_front();
            lock.unlock();
            task();
            task = nullptr;  // what it owns dies outside the lock
            lock.lock();
        }
    }

    void post(std::function<void()> task) {
        {
            std::lock_guard lock(mutex);
            if (stopping) return;
            tasks.push_back(std::move(task));
        }
        wake.notify_one();
    }
};

Workers::Workers(int threads, std::string name) : impl_(std::make_shared<Impl>()) {
    for (int i = 0; i < threads; ++i) {
        impl_->threads.emplace_back([impl = impl_.get()] { impl->run(); });
        pthread_setname_np(impl_->threads.back().native_handle(), name.substr(0, 15).c_str());
    }
}

Workers::~Workers() {
    std::deque<std::function<void()>> dropped;
    {
        std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
        dropped.swap(impl_->tasks);
    }
    impl_->wake.notify_all();
    for (auto& thread : impl_->threads) thread.join();
    impl_->threads.clear();
}

void Workers::post(std::function<void()> task) { impl_->post(std::move(task)); }

struct SerialQueue::State : std::enable_shared_from_this<SerialQueue::State> {
    std::shared_ptr<Workers::Impl> pool;
    std::mutex mutex;
    std::deque<std::function<void()>> tasks;
    bool active = false;  // a pool task is queued or running for us
    bool closed = false;

    void step() {
        std::function<void()> task;
        {
            std::lock_guard lock(mutex);
            if (closed || tasks.empty()) {
                active = false;
                return;
            }
            task = std::move(tasks.front());
            tasks.pop_front();
        }
        task();
        task = nullptr;
        // Back of the pool's queue, so that one busy owner does not starve the others.
        pool->post([self = shared_from_this()] { self->step(); });
    }
};

SerialQueue::SerialQueue(Workers& workers) : state_(std::make_shared<State>()) { state_->pool = workers.impl_; }

SerialQueue::~SerialQueue() {
    std::deque<std::function<void()>> dropped;
    std::lock_guard lock(state_->mutex);
    state_->closed = true;
    dropped.swap(state_->tasks);
}

void SerialQueue::post(std::function<void()> task) {
    {
        std::lock_guard lock(state_->mutex);
        if (state_->closed) return;
        state_->tasks.push_back(std::move(task));
        if (state_->active) return;
        state_->active = true;
    }
    state_->pool->post([state = state_] { state->step(); });
}

}  // namespace voicectl
