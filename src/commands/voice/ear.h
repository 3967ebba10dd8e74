// What a caller hears of an agent over a socket: pieces that come a little ahead are played one after the other, and what
// is played is what a recording holds, silence and all. A value; the loop's thread.
#pragma once

#include <deque>

#include "voicectl/audio/pcm.h"
#include "voicectl/base/loop.h"

namespace voicectl::commands {

class Ear {
 public:
    explicit Ear(TimePoint begin) : begin_(begin) {}

    void add(audio::SampleView samples) { waiting_.insert(waiting_.end(), samples.begin(), samples.end()); }
    /// The agent was interrupted: what waits is not said.
    void clear() { waiting_.clear(); }
    /// Since the last time.
    audio::Samples play(TimePoint now);
    bool silent() const { return waiting_.empty(); }

 private:
    TimePoint begin_;
    std::size_t played_ = 0;
    std::deque<std::int16_t> waiting_;
};

}  // namespace voicectl::commands
