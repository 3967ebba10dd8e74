#include "commands/agent/line_reader.h"

#include <pthread.h>

namespace voicectl::commands {
namespace {

constexpr std::size_t kLongestLine = 64 * 1024;

}  // namespace

LineReader::LineReader(AsioLoop& loop, int descriptor) : loop_(loop), pipe_(descriptor), thread_([this] { run(); }) {}

LineReader::~LineReader() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    asked_.notify_all();
    pipe_.call_off();
    thread_.join();
}

void LineReader::next(std::function<void(std::optional<std::string>)> done) {
    {
        const std::lock_guard lock(mutex_);
        done_ = lifeline_.guard(std::move(done));
    }
    asked_.notify_all();
}

void LineReader::run() {
    pthread_setname_np(pthread_self(), "vc-stdin");
    while (true) {
        std::unique_lock lock(mutex_);
        asked_.wait(lock, [this] { return stopping_ || done_; });
        if (stopping_) return;
        auto done = std::exchange(done_, nullptr);
        lock.unlock();
        loop_.post([done = std::move(done), line = read_line()] { done(line); });
    }
}

std::optional<std::string> LineReader::read_line() {
    while (!ended_ && rest_.find('\n') == std::string::npos && rest_.size() < kLongestLine) {
        const auto bytes = pipe_.read();
        if (!bytes || bytes->empty()) ended_ = true;
        else rest_ += *bytes;
    }
    if (rest_.empty()) return std::nullopt;
    const auto end = std::min(rest_.find('\n'), kLongestLine);
    auto line = rest_.substr(0, end);
    rest_.erase(0, end < rest_.size() && rest_[end] == '\n' ? end + 1 : end);
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

}  // namespace voicectl::commands
