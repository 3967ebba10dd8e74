// The media thread, "vc-media": hands 10 ms of every playing source to the core on a steady clock.
//
// One for the process. A phrase is followed by half a minute of silence, or what comes next is heard up to a second late:
// RTP's time stands still where nothing is sent, and a jitter buffer compares packets over two seconds (docs/benchmarks.md,
// Short silences). DTX makes a packet in 400 ms of it. Then, and before the first phrase, nothing is sent, and while that
// holds for all sources the thread sleeps. On the tick there is no shared lock, no allocation and no
// formatting; what has to be told to a loop is told after the last frame of the tick has gone out.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "core/rtc/sample_queue.h"
#include "voicectl/base/loop.h"

namespace voicectl::rtc {

inline constexpr std::chrono::milliseconds kFrameTime{10};
inline constexpr int kFramesPerSecond = 100;
inline constexpr int kMaxRateHz = 48000;

/// Where frames go. Called on the media thread.
class FrameSink {
 public:
    virtual ~FrameSink() = default;
    virtual void send(audio::SampleView frame) = 0;
};

/// The steady clock: how many frames are due, and when to look again. A tick that comes late sends what was
/// missed at once, but never more than 100 ms of it; the grid then starts anew from there.
class Grid {
 public:
    static constexpr int kMaxBurst = 10;
    void restart(TimePoint now) { next_ = now; }
    int due(TimePoint now);
    TimePoint next() const { return next_; }

 private:
    TimePoint next_{};
};

/// One published track as the media thread sees it.
class PacedSource {
 public:
    struct Told {
        /// Low: less than a frame is left, and a little time to add what belongs to it.
        /// Late: in the middle of a phrase nothing was sent for longer than kGap, for this thread came to it too late.
        enum class What { Started, Low, Drained, Late } what;
        TimePoint at;
        std::uint64_t taken;  // samples handed over since the start
        std::chrono::milliseconds gap{0};  // of Late
    };
    static constexpr std::chrono::milliseconds kGap{60};  // what listeners' jitter buffers no longer bridge
    static constexpr int kPatience = 2;
    static constexpr int kSilentFrames = 3000;
    /// `tell` is called on the media thread; `sink` and it die with the source.
    PacedSource(int rate_hz, std::unique_ptr<FrameSink> sink, std::function<void(Told)> tell);

    SampleQueue& queue() { return queue_; }

    // Media thread.
    void tick(int frames, TimePoint now);
    void tell();
    bool idle() const { return !playing_ && silent_left_ == 0 && queue_.size() == 0; }

 private:
    bool send_one(TimePoint now);
    void send_silence();
    void note(Told::What what, TimePoint at, std::chrono::milliseconds gap = {});

    SampleQueue queue_;
    std::unique_ptr<FrameSink> sink_;
    std::function<void(Told)> tell_;
    const std::size_t frame_size_;
    const int rate_hz_;
    std::array<std::int16_t, kMaxRateHz / kFramesPerSecond> frame_{};
    bool playing_ = false;
    int silent_left_ = 0;
    std::uint64_t taken_ = 0;
    int patience_ = kPatience;    // ticks left for a rest shorter than a frame
    TimePoint end_{};             // of the last sample handed over
    std::array<Told, 3> told_{};  // a tick comes late, and ends a phrase, or starts it and sees its rest
    std::size_t told_count_ = 0;
};

class Pacer {
 public:
    Pacer();
    ~Pacer();
    Pacer(const Pacer&) = delete;
    Pacer& operator=(const Pacer&) = delete;

    // Any thread.
    void add(std::shared_ptr<PacedSource> source);
    /// It may be sent one more frame by a tick under way.
    void remove(const std::shared_ptr<PacedSource>& source);
    /// After push(): there is something to play.
    void wake();

 private:
    using Sources = std::vector<std::shared_ptr<PacedSource>>;
    void run();
    void adopt();
    bool idle() const;
    void publish();

    std::mutex mutex_;  // the two below; the media thread only ever tries it
    Sources wanted_, fresh_;
    bool changed_ = false;

    Sources current_, retired_;  // media thread
    Grid grid_;
    std::atomic<std::uint32_t> wakes_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace voicectl::rtc
