// Many tracks on one clock: each source's frames are placed where they belong, added and limited, 20 ms at a time. A value with
// rules; one owner, one thread at a time. Nothing is allocated once it runs, unless its owner was held up.
//
// A source's clock is the count of its frames. When they came only tells where it begins and whether it has slipped: a frame may come
// late, never early, so the least lateness of all that wait (a second of them) is the truth. What a jitter buffer held back on the way is
// told (held_back) and taken off. docs/design.md, "Recording: clock and mixing".
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "voicectl/audio/pcm.h"
#include "voicectl/base/loop.h"
#include "voicectl/egress/plan.h"

namespace voicectl::egress {

/// Keeps sums inside 16 bits: the gain falls in a straight line before a peak and comes back slowly after it. What needs no limit
/// passes unchanged, bit by bit. One channel.
class Limiter {
 public:
    static constexpr std::size_t kStep = 48;                 // samples; the gain is a line within each
    static constexpr std::size_t kAhead = 5;                 // steps in which it falls
    static constexpr std::size_t kAheadSamples = kAhead * kStep;

    /// `steps` steps of `in`, which goes on for kAheadSamples more, to every `stride`th of `out`.
    void process(const std::int32_t* in, std::size_t steps, std::int16_t* out, std::size_t stride);
    double gain() const { return gain_; }

 private:
    double gain_ = 1;  // at the beginning of the next step
    std::vector<double> wanted_;
};

class Mixer {
 public:
    static constexpr int kRateHz = 48000;
    static constexpr std::size_t kFrame = 480;  // samples of what is pushed
    static constexpr std::size_t kBlock = 960;  // and of what is rendered
    /// So far behind the clock it renders: what comes later than this is lost.
    static constexpr std::chrono::milliseconds kDelay{1000};

    using SourceId = std::uint32_t;  // never 0

    /// `began`: the clock's time of the first sample, or a little after it.
    Mixer(int channels, TimePoint began);

    SourceId add(Side side);
    /// What it gave is still heard.
    void remove(SourceId id);
    /// One frame of mono at kRateHz; another size is not taken.
    void push(SourceId id, audio::SampleView frame, TimePoint received_at);
    /// What came up to `until`, as far as nothing is known of it: a jitter buffer held it back for so long. Best told while it waits here,
    /// within half of kDelay; what is told of nothing holds for what comes.
    void held_back(SourceId id, TimePoint until, std::chrono::nanoseconds delay);

    /// The next kBlock frames, interleaved, when they are due; empty: not yet. Holds until the next call.
    audio::SampleView render(TimePoint now);
    /// At the end: the next ones before `until`, due or not, the last block shorter (by whole milliseconds).
    audio::SampleView drain(TimePoint until);

    /// Of the first sample, once something was rendered.
    TimePoint began() const;
    std::int64_t rendered() const { return at_ - begin_; }  // frames

    struct Stats {
        std::uint64_t lost_samples = 0;  // came too late
        std::uint64_t gaps = 0;          // silence put in where a source had gone on elsewhere
        std::uint64_t cuts = 0;          // places where something was left out, the source being behind
        std::uint64_t splices = 0;       // where it follows, in the middle of a word, what a jitter buffer did
        std::uint64_t limited = 0;       // blocks in which the limiter worked
        int peak = 0;                    // of the last block, before the limiter
    };
    const Stats& stats() const { return stats_; }
    std::size_t sources() const { return sources_.size(); }

 private:
    // Positions are samples since `zero_`.
    static constexpr std::int64_t kFade = 240;      // 5 ms, at every seam
    static constexpr std::int64_t kSlip = 960;      // 20 ms: put right at once
    static constexpr std::int64_t kDrift = 240;     // 5 ms: put right where it is quiet
    // At the end few frames wait, and all of them may be late.
    static constexpr std::size_t kEvidence = 20;
    static constexpr std::int64_t kSureSlip = 9600;  // 200 ms
    static constexpr int kQuiet = 160;              // peak, -46 dBFS
    // What is held back changes in the middle of a word, too: a jitter buffer shortens and stretches what it gives. So do we, to undo it.
    static constexpr std::int64_t kHeldSlip = 720;     // 15 ms: put right in the middle of a word
    static constexpr std::int64_t kSplice = 960;       // 20 ms, the most at a time
    static constexpr std::int64_t kSpliceApart = 9600; // 200 ms
    static constexpr std::size_t kTogether = 50;       // frames, over which it is averaged
    static constexpr std::int64_t kMostHeld = 19200;   // 400 ms: it must be told before its time is over
    static constexpr std::size_t kRing = 4096;      // samples being added, a power of two
    static constexpr std::int64_t kAhead = Limiter::kAheadSamples;

    static constexpr std::int64_t kUntold = -1;
    struct Frame {
        std::int64_t came = 0;
        std::int64_t held = kUntold;
        std::array<std::int16_t, kFrame> samples{};
    };
    /// First in, first out; grows when the owner was held up, and only then.
    class Frames {
     public:
        bool empty() const { return count_ == 0; }
        std::size_t size() const { return count_; }
        Frame& operator[](std::size_t i) { return ring_[(first_ + i) & (ring_.size() - 1)]; }
        Frame& add();
        void pop();

     private:
        std::vector<Frame> ring_ = std::vector<Frame>(128);
        std::size_t first_ = 0, count_ = 0;
    };
    struct Source {
        Side side = Side::Both;
        Frames frames;
        std::size_t taken = 0;          // samples of the first frame that are placed already
        std::optional<std::int64_t> next;  // where its next sample goes; nothing: it begins anew
        std::int64_t fade_in = 0;       // samples left of it
        std::int64_t held = 0, last_told = 0;  // what is taken off, and what was told last
        std::int64_t spliced = 0;              // where
        std::array<std::int16_t, kFade> tail{};  // its last samples as they were added
        bool removed = false;
    };

    std::int64_t position(TimePoint time) const;
    std::int64_t came_of(Source& source) const;
    std::int64_t held_of(Source& source) const;
    std::int64_t start_of(Source& source) const { return came_of(source) - held_of(source); }
    std::int64_t quiet_ahead(Source& source, std::int64_t most) const;
    void collect(std::int64_t horizon);
    void collect(Source& source, std::int64_t horizon);
    bool put_right(Source& source);
    void end_phrase(Source& source);
    std::int32_t sample_of(Source& source, std::int64_t i) const;
    void leave_out(Source& source, std::int64_t count);
    void say_again(Source& source, std::int64_t count);
    std::int64_t seam(Source& source, std::int64_t most) const;
    void splice(Source& source, std::int64_t slip);
    void place(Source& source);
    void add_at(const Source& source, std::int64_t at, std::int32_t value);
    void begin();
    audio::SampleView block(std::size_t frames);

    const std::size_t channels_;
    const TimePoint zero_;
    std::map<SourceId, Source> sources_;
    SourceId last_id_ = 0;
    bool begun_ = false;
    std::int64_t begin_ = 0, at_ = 0;
    std::vector<std::vector<std::int32_t>> sums_;  // one for each channel
    std::vector<Limiter> limiters_;
    std::vector<std::int32_t> line_;
    audio::Samples out_;
    Stats stats_;
};

}  // namespace voicectl::egress
