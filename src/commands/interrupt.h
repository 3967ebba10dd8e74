// Ctrl-C for commands that have something to take away again: while one lives, SIGINT and SIGTERM end its
// waits instead of the process. At most one; owned by the command, on its thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"
#include "voicectl/base/signals.h"

namespace voicectl::commands {

class Interrupt {
 public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    /// Any thread. Cancelled or Terminated once a signal has come.
    Result<void> check() const;
    /// Any thread. Sleeps, or is woken by a signal and says so.
    Result<void> sleep_until(TimePoint when);
    /// For what is waiting elsewhere.
    std::stop_token token() const { return source_.get_token(); }

 private:
    Result<void> verdict() const;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    int number_ = 0;  // under mutex_
    std::stop_source source_;
    AsioLoop loop_;
    std::unique_ptr<Signals> signals_;
    std::thread thread_;
};

}  // namespace voicectl::commands
