// Frames as they arrive, put where they belong in time. Frames come late in bunches when the machine is busy,
// and not at all while a track is muted: the first is to be evened out, the second to be filled with silence. Which
// it is shows a moment later, so the newest 250 ms are held back. Values; the caller's thread.
#pragma once

#include <deque>
#include <functional>

#include "voicectl/audio/pcm.h"
#include "voicectl/base/loop.h"

namespace voicectl::commands {

class Timeline {
 public:
    /// Where it goes, in order; `silence` samples first.
    using Sink = std::function<void(std::uint64_t silence, audio::SampleView samples)>;

    Timeline(TimePoint begin, int rate_hz, Sink sink) : begin_(begin), rate_hz_(rate_hz), sink_(std::move(sink)) {}

    void push(audio::SampleView samples, TimePoint arrived);
    /// Nothing came for a while: writes silence up to a moment ago.
    void advance(TimePoint now);
    /// All that is held, and silence up to `end`.
    void finish(TimePoint end);
    std::uint64_t samples() const { return written_; }

 private:
    struct Held {
        audio::Samples samples;
        TimePoint arrived;
    };
    void release(TimePoint now);
    void release_front();
    std::int64_t position(TimePoint at) const;
    void fill_to(TimePoint at);

    TimePoint begin_;
    int rate_hz_;
    Sink sink_;
    std::deque<Held> held_;
    std::uint64_t written_ = 0;
};

}  // namespace voicectl::commands
