// Listening to a track: frames come on a thread of the core, are copied into pooled buffers and told on the
// loop. Outlives the track: when the same participant's track of the same name comes back (after a rejoin,
// with another sid), it is listened to again.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/rtc/ffi.h"
#include "core/rtc/mailbox.h"
#include "voicectl/rtc/room.h"

namespace voicectl::rtc {

/// Frames on their way to the loop, in order. One task of the loop takes all that wait.
class Inbox {
 public:
    struct Frame {
        audio::Samples samples;
        int rate_hz = 0;
        TimePoint received_at{};
    };
    /// Ten seconds: a loop that stands still for longer hears a gap instead of filling the memory.
    static constexpr std::size_t kMaxFrames = 1000;

    /// Any thread. True when the loop has to be woken.
    bool put(audio::SampleView samples, int rate_hz, TimePoint received_at);
    /// The oldest frame, or nothing. Give it back with recycle().
    std::optional<Frame> take();
    void recycle(Frame frame);

 private:
    std::mutex mutex_;
    std::deque<Frame> waiting_;
    std::vector<Frame> spare_;
    bool woken_ = false;
};

/// Loop only.
class InputStream {
 public:
    InputStream(std::shared_ptr<Ffi> ffi, Loop& loop, TrackInfo track, int rate_hz,
                std::function<void(const AudioFrame&)> on_frame);
    ~InputStream();
    InputStream(const InputStream&) = delete;
    InputStream& operator=(const InputStream&) = delete;

    /// Is `track` what this listens to (again)?
    bool wants(const TrackInfo& track) const;
    void attach(const TrackInfo& track, Ffi::Id track_handle);
    void detach();
    void statistics(std::function<void(TrackStatistics)> done);
    const std::string& sid() const { return track_.sid; }

 private:
    void deliver();

    std::shared_ptr<Ffi> ffi_;
    TrackInfo track_;
    const int rate_hz_;
    std::shared_ptr<const std::function<void(const AudioFrame&)>> on_frame_;
    std::shared_ptr<Mailbox> mailbox_;
    std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
    Ffi::Id stream_ = 0, track_handle_ = 0;  // the latter belongs to the room
};

/// What the listener holds.
class Listening final : public AudioInput {
 public:
    explicit Listening(std::shared_ptr<InputStream> stream) : stream_(std::move(stream)) {}
    void statistics(std::function<void(TrackStatistics)> done) override {
        if (stream_) stream_->statistics(std::move(done));
    }

 private:
    std::shared_ptr<InputStream> stream_;
};

}  // namespace voicectl::rtc
