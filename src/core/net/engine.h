// The thread on which all HTTP transfers run (one curl multi handle, so connections are shared and
// reused). Owned by HttpClient, started by its first request.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "transfer.h"

namespace voicectl::net {

class Engine {
 public:
    static Result<std::unique_ptr<Engine>> create();
    /// Ends what still runs with Errc::Cancelled.
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Any thread.
    void submit(std::shared_ptr<Transfer> transfer);
    /// Any thread. The sink may still be called until the engine's thread gets to it.
    void cancel(std::shared_ptr<Transfer> transfer);
    const CurlLibrary& curl() const { return curl_; }

 private:
    Engine(const CurlLibrary& curl, CURLM* multi);
    void run();
    void take_orders();
    void begin(const std::shared_ptr<Transfer>& transfer);
    void collect_finished();
    void end_silent();
    void release(const std::shared_ptr<Transfer>& transfer);
    int poll_limit_ms() const;

    const CurlLibrary& curl_;
    CURLM* multi_;

    std::mutex mutex_;
    std::vector<std::shared_ptr<Transfer>> submitted_;  // under mutex_
    std::vector<std::shared_ptr<Transfer>> cancelled_;  // under mutex_
    std::atomic<bool> stopping_ = false;

    std::unordered_set<std::shared_ptr<Transfer>> running_;  // engine's thread
    std::vector<CURL*> idle_handles_;                        // engine's thread
    std::thread thread_;
};

}  // namespace voicectl::net
