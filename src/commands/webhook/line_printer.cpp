#include "commands/webhook/line_printer.h"

#include <poll.h>
#include <unistd.h>

#include <climits>

namespace voicectl::commands {
namespace {

constexpr std::size_t kMostWaitingText = 16 * 1024 * 1024;
constexpr std::chrono::milliseconds kReaderPause{20};

// As much as a pipe that says so takes without blocking (pipe(7)).
bool takes_text() {
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    return poll(&out, 1, 0) > 0 && (out.revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL)) != 0;
}

}  // namespace

void LinePrinter::print(const std::string& line) {
    if (out_.reader_gone()) return;
    if (waiting_.size() + line.size() > kMostWaitingText) {
        ++left_out_;
        return;
    }
    waiting_ += line;
    write();
}

void LinePrinter::write() {
    std::size_t written = 0;
    while (written < waiting_.size() && !out_.reader_gone() && takes_text()) {
        const auto piece = std::min<std::size_t>(PIPE_BUF, waiting_.size() - written);
        if (!out_.emit_raw(std::string_view(waiting_).substr(written, piece))) {
            waiting_.clear();
            written = 0;
            break;
        }
        written += piece;
    }
    waiting_.erase(0, written);
    if (out_.reader_gone()) waiting_.clear();
    if (waiting_.empty()) {
        timer_.cancel();
        if (flushed_) std::exchange(flushed_, nullptr)();
        return;
    }
    if (!timer_.pending()) timer_.after(kReaderPause, [this] { write(); });
}

void LinePrinter::flush(std::function<void()> done) {
    flushed_ = std::move(done);
    write();
}

}  // namespace voicectl::commands
