#include "voicectl/audio/voice_activity.h"

#include <webrtc/modules/audio_processing/include/audio_processing.h>

#include <array>
#include <cstdlib>

#include "sound_libraries.h"

namespace voicectl::audio {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kFrame = kSpeechRateHz / 100;
constexpr milliseconds kFrameTime{10};

/// The level of the room: the quietest frame of the last few seconds. Speech has such frames between its
/// words, so it does not lift the floor; a tone, a fan or a hissing line has none and does.
class NoiseFloor {
 public:
    void push(double level_dbfs) {
        current_ = std::min(current_, level_dbfs);
        if (++frames_ % kFramesPerSlot != 0) return;
        slots_[(frames_ / kFramesPerSlot - 1) % slots_.size()] = current_;
        current_ = 0;
    }
    double dbfs() const {
        if (frames_ < slots_.size() * kFramesPerSlot) return -120;  // nothing is known yet
        return std::min(current_, *std::min_element(slots_.begin(), slots_.end()));
    }

 private:
    static constexpr std::size_t kFramesPerSlot = 25;
    std::array<double, 12> slots_{};  // 3 s
    double current_ = 0;
    std::size_t frames_ = 0;
};

/// WebRTC's own detector: spectral bands against a model of speech and noise.
class WebRtcDetector final : public VoiceDetector {
 public:
    WebRtcDetector() : processing_(new_audio_processing()) {
        auto& detection = *processing_->voice_detection();
        detection.Enable(true);
        detection.set_likelihood(webrtc::VoiceDetection::kVeryLowLikelihood);
        detection.set_frame_size_ms(10);
    }
    bool is_voice(SampleView frame) override {
        for (std::size_t i = 0; i < kFrame; ++i) in_[i] = static_cast<float>(frame[i]) / 32768.f;
        const float* in = in_.data();
        float* out = out_.data();
        const webrtc::StreamConfig mono(kSpeechRateHz, 1);
        const int error = processing_->ProcessStream(&in, mono, mono, &out);
        return error == webrtc::AudioProcessing::kNoError && processing_->voice_detection()->stream_has_voice();
    }

 private:
    std::unique_ptr<webrtc::AudioProcessing> processing_;
    std::array<float, kFrame> in_{}, out_{};
};

}  // namespace

struct VoiceActivity::Impl {
    // Hisses and stops at the edges of words are loud, yet no voice to the detector: they count when they
    // lie this close to voice. Longer ones are noise.
    static constexpr milliseconds kEdge{200};
    // Words die away more slowly than they begin.
    static constexpr milliseconds kTail{250};
    // Gaps inside what may become speech; longer ones start the count anew.
    static constexpr milliseconds kPendingGap{60};

    Impl(VoiceActivityOptions chosen, std::unique_ptr<VoiceDetector> given)
        : options(chosen), detector(given ? std::move(given) : std::make_unique<WebRtcDetector>()) {}

    std::optional<Event> push(SampleView frame) {
        const double level = measure(frame).rms_dbfs;
        const bool detected = detector->is_voice(frame);
        const bool loud = level > std::max(options.gate_dbfs, floor.dbfs() + options.above_floor_db);
        floor.push(level);
        const auto begin = now;
        now += kFrameTime;
        if (!loud) loud_since.reset();
        else if (!loud_since) loud_since = begin;

        if (loud && detected) last_detected = now;
        voiced = loud && last_detected && now - *last_detected <= (speaking ? kTail : milliseconds{0});
        if (!speaking) return voiced ? pend(begin) : drop_pending();
        if (voiced) last_voiced = now;
        if (now - last_voiced < options.hangover) return std::nullopt;
        speaking = false;
        return Event{Event::Kind::SpeechEnded, last_voiced};
    }

    std::optional<Event> pend(milliseconds begin) {
        if (!pending_since) {
            pending_since = std::max({*loud_since, begin - kEdge, ended_at});
            pending = milliseconds{0};
        }
        pending += kFrameTime;
        last_voiced = now;
        if (pending < options.min_speech) return std::nullopt;
        speaking = true;
        return Event{Event::Kind::SpeechStarted, *std::exchange(pending_since, std::nullopt)};
    }

    std::optional<Event> drop_pending() {
        if (pending_since && now - last_voiced > kPendingGap) pending_since.reset();
        return std::nullopt;
    }

    VoiceActivityOptions options;
    std::unique_ptr<VoiceDetector> detector;
    NoiseFloor floor;
    milliseconds now{0};
    bool speaking = false;
    bool voiced = false;                            // the latest frame
    milliseconds last_voiced{0};                    // end of it
    milliseconds ended_at{0};                       // of the latest speech: the next one starts after it
    std::optional<milliseconds> last_detected;      // end of the latest frame that is voice to the detector
    std::optional<milliseconds> loud_since;         // begin of the loud frames without a gap up to now
    std::optional<milliseconds> pending_since;      // begin of what may become speech
    milliseconds pending{0};                        // voiced time in it
};

VoiceActivity::VoiceActivity(VoiceActivityOptions options, std::unique_ptr<VoiceDetector> detector)
    : impl_(std::make_unique<Impl>(options, std::move(detector))) {}
VoiceActivity::~VoiceActivity() = default;

std::optional<VoiceActivity::Event> VoiceActivity::push(SampleView frame) {
    if (frame.size() != kFrame) {
        fmt::print(stderr, "VoiceActivity::push: {} samples, not {}\n", frame.size(), kFrame);
        std::abort();
    }
    auto event = impl_->push(frame);
    if (event && event->kind == Event::Kind::SpeechEnded) impl_->ended_at = event->at;
    return event;
}

bool VoiceActivity::speaking() const { return impl_->speaking; }
milliseconds VoiceActivity::now() const { return impl_->now; }
milliseconds VoiceActivity::silence() const { return impl_->voiced ? milliseconds{0} : impl_->now - impl_->last_voiced; }

}  // namespace voicectl::audio
