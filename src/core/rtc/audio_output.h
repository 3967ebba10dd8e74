// A track of ours: the queue that its owner fills on the loop, the source that the media thread feeds, and
// the publication in whatever session there is at the moment.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/rtc/ffi.h"
#include "core/rtc/mailbox.h"
#include "core/rtc/pacer.h"
#include "core/rtc/session.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/rtc/room.h"

namespace voicectl::rtc {

/// The rate that the core is fed with: `rate_hz` itself where 10 ms of it are whole samples, else the next
/// one up that keeps all of it (22050 → 24000). Usage for rates out of reach.
Result<int> core_rate(int rate_hz);

/// What a track is for the core. Shared by the output and by the room that publishes it again after a
/// rejoin; the source outlives sessions, the track is made anew for each. Loop only.
struct Publication {
    std::shared_ptr<Ffi> ffi;
    std::string name;
    Ffi::Id source = 0;  // owned by the media thread's sink
    Handle track, publication;
    std::string sid;                 // empty while it is not published
    std::string heard_sid;           // the sid of which the observer was told that somebody hears it
    std::weak_ptr<Session> session;  // where it is published

    /// A track over the source, ready to publish.
    Result<void> make_track();
    /// The session that it was published in is over.
    void forget();
    void unpublish();
};

/// Makes the core's audio source and the sink that feeds it.
struct CoreSource {
    static Result<CoreSource> create(const std::shared_ptr<Ffi>& ffi, int rate_hz);
    Ffi::Id id = 0;
    std::unique_ptr<FrameSink> sink;
};

class OutputTrack final : public AudioOutput {
 public:
    /// `sink` takes frames at core_rate(rate_hz).
    OutputTrack(Loop& loop, Pacer& pacer, int rate_hz, std::unique_ptr<FrameSink> sink,
                std::shared_ptr<Publication> publication);
    ~OutputTrack() override;

    int rate_hz() const override { return rate_hz_; }
    std::string track_sid() const override { return publication_ ? publication_->sid : std::string(); }
    void play(audio::SampleView samples) override;
    std::chrono::milliseconds clear() override;
    std::chrono::milliseconds queued() const override;
    std::uint64_t played_samples() const override { return in_our_rate(source_->queue().taken()); }

 private:
    void handle(PacedSource::Told told);
    bool push_tail();
    void rebase(std::uint64_t taken);
    std::uint64_t in_our_rate(std::uint64_t taken) const;

    Loop& loop_;
    Pacer& pacer_;
    const int rate_hz_;
    const int core_rate_hz_;
    std::shared_ptr<Publication> publication_;
    std::shared_ptr<Mailbox> mailbox_;
    std::shared_ptr<PacedSource> source_;
    std::optional<audio::Resampler> resampler_;
    bool tail_ = false;  // the resampler holds the end of what was played
    bool told_started_ = false;
    std::uint64_t given_ = 0;  // by play(), without what clear() dropped
    // Both counts when they last stood for the same moment; between, one follows from the other.
    std::uint64_t base_given_ = 0, base_taken_ = 0;
    Timer tail_timer_;
};

}  // namespace voicectl::rtc
