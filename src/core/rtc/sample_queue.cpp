#include "core/rtc/sample_queue.h"

#include <algorithm>

namespace voicectl::rtc {

SampleQueue::SampleQueue() : oldest_(new Chunk), newest_(oldest_), reading_(oldest_) {}

SampleQueue::~SampleQueue() {
    while (oldest_ != nullptr) delete std::exchange(oldest_, oldest_->next.load());
}

void SampleQueue::push(audio::SampleView samples) {
    free_read();
    if (samples.empty()) return;
    auto* chunk = new Chunk;
    chunk->begin = written_.load(std::memory_order_relaxed);
    chunk->samples.assign(samples.begin(), samples.end());
    newest_->next.store(chunk, std::memory_order_release);
    newest_ = chunk;
    written_.store(chunk->end(), std::memory_order_release);
}

std::uint64_t SampleQueue::drop_all() {
    const auto end = written_.load(std::memory_order_relaxed);
    auto from = cursor_.load(std::memory_order_acquire);
    while (!cursor_.compare_exchange_weak(from, end, std::memory_order_acq_rel)) {
    }
    dropped_ += end - from;
    return end - from;
}

std::uint64_t SampleQueue::taken() const { return cursor_.load(std::memory_order_acquire) - dropped_; }

void SampleQueue::free_read() {
    const auto* reading = reading_.load(std::memory_order_acquire);
    while (oldest_ != reading) delete std::exchange(oldest_, oldest_->next.load(std::memory_order_relaxed));
}

std::size_t SampleQueue::take(std::span<std::int16_t> frame) {
    auto from = cursor_.load(std::memory_order_acquire);
    std::uint64_t count = 0;
    do {
        const auto end = written_.load(std::memory_order_acquire);
        count = std::min<std::uint64_t>(frame.size(), end - from);
        if (count == 0) return 0;
    } while (!cursor_.compare_exchange_weak(from, from + count, std::memory_order_acq_rel));
    copy_out(from, frame.first(count));
    return count;
}

void SampleQueue::copy_out(std::uint64_t from, std::span<std::int16_t> frame) {
    auto* chunk = reading_.load(std::memory_order_relaxed);
    while (!frame.empty()) {
        while (chunk->end() <= from) chunk = chunk->next.load(std::memory_order_acquire);
        const auto offset = static_cast<std::size_t>(from - chunk->begin);
        const auto count = std::min(frame.size(), chunk->samples.size() - offset);
        std::copy_n(chunk->samples.begin() + static_cast<std::ptrdiff_t>(offset), count, frame.begin());
        frame = frame.subspan(count);
        from += count;
    }
    reading_.store(chunk, std::memory_order_release);
}

std::uint64_t SampleQueue::size() const {
    // In this order: the cursor never passes what was written before it was read.
    const auto from = cursor_.load(std::memory_order_acquire);
    return written_.load(std::memory_order_acquire) - from;
}

}  // namespace voicectl::rtc
