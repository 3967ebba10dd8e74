// Samples on their way from the loop to the media thread: any number of them, no lock, and nothing
// allocated or freed on the reading side.
//
// One writer (push, drop_all, and destruction), one reader (take). Positions count samples from the start;
// `cursor_` is the one place where both sides meet: who moves it owns the samples between, so that what
// drop_all() reports is exact even while a frame is being taken.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "voicectl/audio/pcm.h"

namespace voicectl::rtc {

class SampleQueue {
 public:
    SampleQueue();
    ~SampleQueue();
    SampleQueue(const SampleQueue&) = delete;
    SampleQueue& operator=(const SampleQueue&) = delete;

    /// Writer.
    void push(audio::SampleView samples);
    /// Writer. How many were dropped.
    std::uint64_t drop_all();
    /// Writer. How many the reader has taken so far, those dropped not among them.
    std::uint64_t taken() const;

    /// Reader. Fills `frame` as far as there are samples; how many.
    std::size_t take(std::span<std::int16_t> frame);

    /// Any thread.
    std::uint64_t size() const;

 private:
    struct Chunk {
        std::uint64_t begin = 0;  // position of its first sample
        audio::Samples samples;
        std::atomic<Chunk*> next{nullptr};
        std::uint64_t end() const { return begin + samples.size(); }
    };
    void free_read();
    void copy_out(std::uint64_t from, std::span<std::int16_t> frame);

    // Writer's: the oldest chunk not freed yet, the newest, and the total of drop_all().
    Chunk* oldest_;
    Chunk* newest_;
    std::uint64_t dropped_ = 0;
    // Reader's: where it reads. Chunks before it belong to the writer again.
    std::atomic<Chunk*> reading_;
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> cursor_{0};
};

}  // namespace voicectl::rtc
