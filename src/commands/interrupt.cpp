#include "commands/interrupt.h"

#include <csignal>

namespace voicectl::commands {

Interrupt::Interrupt() {
    signals_ = std::make_unique<Signals>(loop_, [this](int number, int) {
        {
            std::lock_guard lock(mutex_);
            number_ = number;
        }
        changed_.notify_all();
        source_.request_stop();
    });
    thread_ = std::thread([this] { loop_.run(); });
}

Interrupt::~Interrupt() {
    loop_.post([this] {
        signals_.reset();
        loop_.stop();
    });
    thread_.join();
}

Result<void> Interrupt::verdict() const {
    if (number_ == 0) return {};
    return fail(number_ == SIGTERM ? Errc::Terminated : Errc::Cancelled, "stopped by a signal");
}

Result<void> Interrupt::check() const {
    std::lock_guard lock(mutex_);
    return verdict();
}

Result<void> Interrupt::sleep_until(TimePoint when) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, when, [this] { return number_ != 0; });
    return verdict();
}

}  // namespace voicectl::commands
