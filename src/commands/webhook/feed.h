// Reads a capture ahead of who sends it: a thread of its own parses and selects, and waits when enough lies ready.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "commands/webhook/capture.h"

namespace voicectl::commands {

class CaptureFeed {
 public:
    using Wanted = std::function<Result<bool>(const CapturedDelivery&)>;
    /// `wanted` and `on_more` are called on the feed's thread; the second after something new lies ready, the end among it.
    CaptureFeed(CaptureReader reader, Wanted wanted, std::function<void()> on_more);
    /// Reads no more, even where it waits for standard input.
    ~CaptureFeed();
    CaptureFeed(const CaptureFeed&) = delete;
    CaptureFeed& operator=(const CaptureFeed&) = delete;

    /// Any thread. Nothing: none lies ready now.
    std::optional<CapturedDelivery> take();
    /// Any thread. Nothing more will come; how it ended, once that is so.
    std::optional<Result<void>> ended() const;
    /// Any thread. Of the file, 0 to 1.
    std::optional<double> part_read() const;
    /// Any thread. Deliveries in the capture so far, wanted or not.
    std::size_t seen() const;

 private:
    void run();
    bool put(CapturedDelivery delivery);
    CaptureReader reader_;  // the feed's thread, but for call_off()
    Wanted wanted_;
    std::function<void()> on_more_;
    mutable std::mutex mutex_;
    std::condition_variable room_;
    std::deque<CapturedDelivery> ready_;      // under mutex_, as the next
    std::size_t ready_bytes_ = 0, seen_ = 0;
    std::optional<double> part_read_;
    std::optional<Result<void>> ended_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace voicectl::commands
