// Results of something that must go on whether or not anybody reads them: a reader who is slow or gone holds up nothing.
// Lives on a loop, alone on standard output.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "commands/output.h"
#include "voicectl/base/loop.h"

namespace voicectl::commands {

class LinePrinter {
 public:
    LinePrinter(Loop& loop, Output& out) : out_(out), timer_(loop) {}

    void print(const std::string& line);
    bool empty() const { return waiting_.empty(); }
    /// `done` when all is written, or cannot be.
    void flush(std::function<void()> done);
    /// Lines that were left out because nobody read them.
    std::size_t left_out() const { return left_out_; }

 private:
    void write();
    Output& out_;
    Timer timer_;
    std::string waiting_;
    std::size_t left_out_ = 0;
    std::function<void()> flushed_;
};

}  // namespace voicectl::commands
