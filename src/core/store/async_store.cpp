#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "voicectl/store/store.h"

namespace voicectl::store {

struct AsyncStore::Impl {
    Impl(std::unique_ptr<Store> given, Loop& on) : store(std::move(given)), loop(on) {}

    void run() {
        std::unique_lock lock(mutex);
        while (true) {
            const bool asked = wait(lock);
            if (tasks.empty() && asked) return;  // stopping, and all is written
            auto task = asked ? std::move(tasks.front()) : [](Store& of) { of.catch_up(); };
            if (asked) tasks.pop_front();
            lock.unlock();
            task(*store);
            task = nullptr;  // what it owns dies outside the lock
            lock.lock();
        }
    }

    /// False: nobody asks, and the store has something to do.
    bool wait(std::unique_lock<std::mutex>& lock) {
        const auto asked = [this] { return stopping || !tasks.empty(); };
        if (const auto due = store->due()) return wake.wait_until(lock, *due, asked);
        wake.wait(lock, asked);
        return true;
    }

    std::unique_ptr<Store> store;  // the thread's own once it runs
    Loop& loop;
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void(Store&)>> tasks;
    bool stopping = false;
    std::thread thread;
};

AsyncStore::AsyncStore(std::unique_ptr<Store> store, Loop& loop)
    : impl_(std::make_unique<Impl>(std::move(store), loop)) {
    impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
    pthread_setname_np(impl_->thread.native_handle(), "store");
}

AsyncStore::~AsyncStore() {
    {
        std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->wake.notify_one();
    impl_->thread.join();
}

void AsyncStore::post(std::function<void(Store&)> task) {
    {
        std::lock_guard lock(impl_->mutex);
        impl_->tasks.push_back(std::move(task));
    }
    impl_->wake.notify_one();
}

void AsyncStore::reply(std::function<void()> task) { impl_->loop.post(std::move(task)); }

}  // namespace voicectl::store
