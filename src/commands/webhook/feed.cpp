#include "commands/webhook/feed.h"

namespace voicectl::commands {
namespace {

constexpr std::size_t kMostReady = 512;
constexpr std::size_t kMostReadyBytes = 16 * 1024 * 1024;

}  // namespace

CaptureFeed::CaptureFeed(CaptureReader reader, Wanted wanted, std::function<void()> on_more)
    : reader_(std::move(reader)), wanted_(std::move(wanted)), on_more_(std::move(on_more)), thread_([this] { run(); }) {}

CaptureFeed::~CaptureFeed() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    room_.notify_one();
    reader_.call_off();
    thread_.join();
}

void CaptureFeed::run() {
    Result<void> end;
    while (true) {
        auto next = reader_.next();
        if (!next || !*next) {
            if (!next) end = std::unexpected(std::move(next).error());
            break;
        }
        const auto wanted = wanted_(**next);
        if (!wanted) {
            end = std::unexpected(wanted.error());
            break;
        }
        {
            std::lock_guard lock(mutex_);
            ++seen_;
            part_read_ = reader_.part_read();
        }
        if (*wanted && !put(std::move(**next))) return;
    }
    {
        std::lock_guard lock(mutex_);
        ended_ = std::move(end);
    }
    on_more_();
}

bool CaptureFeed::put(CapturedDelivery delivery) {
    bool first = false;
    {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [this] { return stopping_ || (ready_.size() < kMostReady && ready_bytes_ < kMostReadyBytes); });
        if (stopping_) return false;
        ready_bytes_ += delivery.body.size();
        ready_.push_back(std::move(delivery));
        first = ready_.size() == 1;
    }
    if (first) on_more_();
    return true;
}

std::optional<CapturedDelivery> CaptureFeed::take() {
    std::optional<CapturedDelivery> out;
    {
        std::lock_guard lock(mutex_);
        if (ready_.empty()) return std::nullopt;
        out = std::move(ready_.front());
        ready_.pop_front();
        ready_bytes_ -= out->body.size();
        if (ready_.size() > kMostReady / 2 && ready_bytes_ < kMostReadyBytes) return out;  // woken for many, not for each
    }
    room_.notify_one();
    return out;
}

std::optional<Result<void>> CaptureFeed::ended() const {
    std::lock_guard lock(mutex_);
    return ready_.empty() ? ended_ : std::nullopt;
}

std::optional<double> CaptureFeed::part_read() const {
    std::lock_guard lock(mutex_);
    return part_read_;
}

std::size_t CaptureFeed::seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
}

}  // namespace voicectl::commands
