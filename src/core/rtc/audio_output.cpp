#include "core/rtc/audio_output.h"

#include <algorithm>
#include <utility>

namespace voicectl::rtc {
namespace {

constexpr int kMinRateHz = 8000;
constexpr int kSpeechRateCoreHz = 24000;  // keeps all of 22050, the rate of most voices

std::chrono::milliseconds duration(std::uint64_t samples, int rate_hz) {
    return std::chrono::milliseconds(samples * 1000 / static_cast<std::uint64_t>(rate_hz));
}

/// Hands frames to the core; owns its source. The request and its buffer live as long, so that a frame
/// allocates nothing here.
class CoreSink final : public FrameSink {
 public:
    CoreSink(std::shared_ptr<Ffi> ffi, Handle source, int rate_hz)
        : ffi_(std::move(ffi)), source_(std::move(source)) {
        auto& capture = *request_.mutable_capture_audio_frame();
        capture.set_source_handle(source_.id());
        capture.mutable_buffer()->set_num_channels(1);
        capture.mutable_buffer()->set_sample_rate(static_cast<std::uint32_t>(rate_hz));
    }
    void send(audio::SampleView frame) override {
        auto& buffer = *request_.mutable_capture_audio_frame()->mutable_buffer();
        buffer.set_data_ptr(reinterpret_cast<std::uint64_t>(frame.data()));  // copied before send() returns
        buffer.set_samples_per_channel(static_cast<std::uint32_t>(frame.size()));
        ffi_->send(request_, bytes_);
    }

 private:
    std::shared_ptr<Ffi> ffi_;
    Handle source_;
    proto::FfiRequest request_;
    std::string bytes_;
};

}  // namespace

Result<int> core_rate(int rate_hz) {
    if (rate_hz < kMinRateHz || rate_hz > kMaxRateHz)
        return fail(Errc::Usage, "a track has {} to {} Hz, not {}", kMinRateHz, kMaxRateHz, rate_hz);
    if (rate_hz % kFramesPerSecond == 0) return rate_hz;
    return rate_hz < kSpeechRateCoreHz ? kSpeechRateCoreHz : kMaxRateHz;
}

Result<void> Publication::make_track() {
    publication = {};
    proto::FfiRequest request;
    request.mutable_create_audio_track()->set_name(name);
    request.mutable_create_audio_track()->set_source_handle(source);
    VC_TRY_ASSIGN(const auto response, ffi->request(request));
    track = Handle(ffi, response.create_audio_track().track().handle().id());
    return {};
}

void Publication::unpublish() {
    if (const auto where = session.lock(); where && !sid.empty()) where->unpublish(sid);
    forget();
}

void Publication::forget() {
    session.reset();
    sid.clear();
    publication = {};
    track = {};
}

Result<CoreSource> CoreSource::create(const std::shared_ptr<Ffi>& ffi, int rate_hz) {
    proto::FfiRequest request;
    auto& source = *request.mutable_new_audio_source();
    source.set_type(proto::AUDIO_SOURCE_NATIVE);
    source.set_sample_rate(static_cast<std::uint32_t>(rate_hz));
    source.set_num_channels(1);
    source.set_queue_size_ms(0);  // a queue in the core costs a thread; ours is the pacer
    auto& options = *source.mutable_options();
    options.set_echo_cancellation(false);
    options.set_noise_suppression(false);
    options.set_auto_gain_control(false);
    VC_TRY_ASSIGN(const auto response, ffi->request(request));
    const auto id = response.new_audio_source().source().handle().id();
    if (id == 0) return fail(Errc::Protocol, "LiveKit's core made no audio source");
    return CoreSource{id, std::make_unique<CoreSink>(ffi, Handle(ffi, id), rate_hz)};
}

OutputTrack::OutputTrack(Loop& loop, Pacer& pacer, int rate_hz, std::unique_ptr<FrameSink> sink,
                         std::shared_ptr<Publication> publication)
    : loop_(loop),
      pacer_(pacer),
      rate_hz_(rate_hz),
      core_rate_hz_(core_rate(rate_hz).value()),
      publication_(std::move(publication)),
      mailbox_(std::make_shared<Mailbox>(loop)),
      tail_timer_(loop) {
    if (core_rate_hz_ != rate_hz_) resampler_.emplace(rate_hz_, core_rate_hz_);
    source_ = std::make_shared<PacedSource>(core_rate_hz_, std::move(sink),
                                            [mailbox = mailbox_, this](PacedSource::Told told) {
                                                mailbox->post([this, told] { handle(told); });
                                            });
    pacer_.add(source_);
}

OutputTrack::~OutputTrack() {
    mailbox_->shut();
    source_->queue().drop_all();
    pacer_.remove(source_);
    if (publication_) publication_->unpublish();
}

void OutputTrack::play(audio::SampleView samples) {
    loop_.assert_current();
    if (samples.empty()) return;
    given_ += samples.size();
    if (!resampler_) {
        source_->queue().push(samples);
    } else {
        source_->queue().push(resampler_->process(samples));
        tail_ = true;
        // Less than its filter holds: the media thread sees nothing of it and cannot ask for the rest.
        if (source_->queue().size() == 0) tail_timer_.after(2 * kFrameTime, [this] { push_tail(); });
    }
    pacer_.wake();
}

bool OutputTrack::push_tail() {
    if (!std::exchange(tail_, false)) return false;
    const auto rest = resampler_->flush();
    source_->queue().push(rest);
    pacer_.wake();
    return !rest.empty();
}

std::chrono::milliseconds OutputTrack::clear() {
    loop_.assert_current();
    source_->queue().drop_all();
    if (std::exchange(tail_, false)) resampler_->flush();
    const auto taken = source_->queue().taken();
    const auto played = in_our_rate(taken);
    const auto dropped = given_ - played;
    given_ = played;
    rebase(taken);
    return duration(dropped, rate_hz_);
}

std::chrono::milliseconds OutputTrack::queued() const {
    return duration(given_ - played_samples(), rate_hz_);
}

std::uint64_t OutputTrack::in_our_rate(std::uint64_t taken) const {
    if (!resampler_) return taken;
    const auto since = (taken - base_taken_) * static_cast<std::uint64_t>(rate_hz_) /
                       static_cast<std::uint64_t>(core_rate_hz_);
    return std::min(base_given_ + since, given_);
}

void OutputTrack::rebase(std::uint64_t taken) {
    base_given_ = given_;
    base_taken_ = taken;
}

void OutputTrack::handle(PacedSource::Told told) {
    using What = PacedSource::Told::What;
    if (told.what == What::Late) {
        if (const auto call = on_late) call(told.gap);
        return;
    }
    // What the resampler still holds belongs to the same phrase: in time it joins the rest of it.
    if (told.what != What::Started && push_tail()) return;
    if (told.what == What::Low) return;
    if (told.what == What::Started) {
        if (std::exchange(told_started_, true)) return;
        if (const auto call = on_started) call(told.at);
        return;
    }
    // The resampler makes a sample more or less than the ratio says: all is played when nothing is left.
    if (source_->queue().size() == 0) rebase(told.taken);
    if (!std::exchange(told_started_, false)) return;
    if (const auto call = on_drained) call(told.at, in_our_rate(told.taken));
}

}  // namespace voicectl::rtc
