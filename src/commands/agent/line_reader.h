// Lines of a descriptor for a loop, one whenever it is asked for. A thread of its own waits for them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "commands/pipe_reader.h"
#include "voicectl/base/loop.h"

namespace voicectl::commands {

class LineReader {
 public:
    LineReader(AsioLoop& loop, int descriptor);
    /// Reads no more, even where it waits; on the loop.
    ~LineReader();
    /// `done` on the loop: the next line without its end, or nothing at the end of the input. A line longer than 64 KiB is
    /// cut there. One at a time.
    void next(std::function<void(std::optional<std::string>)> done);

 private:
    void run();
    std::optional<std::string> read_line();

    AsioLoop& loop_;
    PipeReader pipe_;
    std::string rest_;   // the thread's
    bool ended_ = false; // the thread's
    std::mutex mutex_;
    std::condition_variable asked_;
    std::function<void(std::optional<std::string>)> done_;  // under mutex_, as the next
    bool stopping_ = false;
    std::thread thread_;
    Lifeline lifeline_;
};

}  // namespace voicectl::commands
