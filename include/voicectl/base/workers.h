// Threads for work that blocks or computes: speech engines, files. Owned by main (or a test).
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace voicectl {

/// A fixed pool. Destroying it drops queued tasks and joins after the running ones.
class Workers {
 public:
    /// `name` shows in `top -H` (at most 15 characters).
    Workers(int threads, std::string name);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    /// Any thread.
    void post(std::function<void()> task);

 private:
    friend class SerialQueue;
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

/// Tasks of one owner, in order and never two at once, on a pool's threads. Destroying it drops what is
/// queued; a running task finishes on its own, so tasks must own what they touch.
class SerialQueue {
 public:
    explicit SerialQueue(Workers& workers);
    ~SerialQueue();
    SerialQueue(const SerialQueue&) = delete;
    SerialQueue& operator=(const SerialQueue&) = delete;
    /// Any thread.
    void post(std::function<void()> task);

 private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace voicectl
