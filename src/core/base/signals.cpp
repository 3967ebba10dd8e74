#include "voicectl/base/signals.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>

namespace voicectl {

struct Signals::Impl {
    Impl(AsioLoop& loop, std::function<void(int, int)> on_signal, std::function<void()> hangup)
        : set(loop.context(), SIGINT, SIGTERM), handle(std::move(on_signal)), on_hangup(std::move(hangup)) {
        if (on_hangup) set.add(SIGHUP);
    }

    void wait() {
        set.async_wait([this](const boost::system::error_code& error, int number) {
            if (error) return;
            wait();
            if (number == SIGHUP) {
                const auto copy = on_hangup;
                return copy();
            }
            const auto copy = handle;  // it may destroy us
            copy(number, ++count);
        });
    }

    boost::asio::signal_set set;
    std::function<void(int, int)> handle;
    std::function<void()> on_hangup;
    int count = 0;
};

Signals::Signals(AsioLoop& loop, std::function<void(int, int)> handle, std::function<void()> on_hangup)
    : impl_(std::make_unique<Impl>(loop, std::move(handle), std::move(on_hangup))) {
    impl_->wait();
}

// The cancelled wait completes with an error and touches nothing.
Signals::~Signals() = default;

}  // namespace voicectl
