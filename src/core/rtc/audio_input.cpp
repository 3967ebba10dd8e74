#include "core/rtc/audio_input.h"

#include "core/rtc/pacer.h"
#include "voicectl/base/log.h"

namespace voicectl::rtc {

bool Inbox::put(audio::SampleView samples, int rate_hz, TimePoint received_at) {
    std::lock_guard lock(mutex_);
    Frame frame;
    if (waiting_.size() >= kMaxFrames) {
        frame = std::move(waiting_.front());
        waiting_.pop_front();
    } else if (!spare_.empty()) {
        frame = std::move(spare_.back());
        spare_.pop_back();
    }
    frame.samples.assign(samples.begin(), samples.end());
    frame.rate_hz = rate_hz;
    frame.received_at = received_at;
    waiting_.push_back(std::move(frame));
    return !std::exchange(woken_, true);
}

std::optional<Inbox::Frame> Inbox::take() {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
        woken_ = false;
        return std::nullopt;
    }
    auto frame = std::move(waiting_.front());
    waiting_.pop_front();
    return frame;
}

void Inbox::recycle(Frame frame) {
    std::lock_guard lock(mutex_);
    spare_.push_back(std::move(frame));
}

InputStream::InputStream(std::shared_ptr<Ffi> ffi, Loop& loop, TrackInfo track, int rate_hz,
                         std::function<void(const AudioFrame&)> on_frame)
    : ffi_(std::move(ffi)),
      track_(std::move(track)),
      rate_hz_(rate_hz),
      on_frame_(std::make_shared<const std::function<void(const AudioFrame&)>>(std::move(on_frame))),
      mailbox_(std::make_shared<Mailbox>(loop)) {}

InputStream::~InputStream() {
    mailbox_->shut();
    detach();
}

bool InputStream::wants(const TrackInfo& track) const {
    if (stream_ != 0 || !track.audio) return false;
    if (track.sid == track_.sid) return true;
    return !track_.participant_identity.empty() &&
           track.participant_identity == track_.participant_identity && track.name == track_.name &&
           track.microphone == track_.microphone;
}

void InputStream::attach(const TrackInfo& track, Ffi::Id track_handle) {
    detach();
    track_ = track;
    proto::FfiRequest request;
    auto& wanted = *request.mutable_new_audio_stream();
    wanted.set_track_handle(track_handle);
    wanted.set_type(proto::AUDIO_STREAM_NATIVE);
    wanted.set_sample_rate(static_cast<std::uint32_t>(rate_hz_));
    wanted.set_num_channels(1);
    wanted.set_frame_size_ms(static_cast<std::uint32_t>(kFrameTime.count()));
    auto opened = ffi_->open_audio(
        request, [mailbox = mailbox_, inbox = inbox_, this](auto samples, int rate_hz, auto at) {
            if (inbox->put(samples, rate_hz, at)) mailbox->post([this] { deliver(); });
        });
    if (!opened) {
        log::warn("rtc", "cannot listen to a track", {{"track", track.sid}, {"why", opened.error().message}});
        return;
    }
    stream_ = *opened;
    track_handle_ = track_handle;
}

void InputStream::detach() {
    if (stream_ != 0) ffi_->close_audio(std::exchange(stream_, 0));
}

void InputStream::deliver() {
    // The listener may drop us from inside its call: what the loop below needs is held here.
    const auto mailbox = mailbox_;
    const auto inbox = inbox_;
    const auto on_frame = on_frame_;
    while (mailbox->open()) {
        auto frame = inbox->take();
        if (!frame) return;
        (*on_frame)({frame->samples, frame->rate_hz, frame->received_at});
        inbox->recycle(std::move(*frame));
    }
}

}  // namespace voicectl::rtc
