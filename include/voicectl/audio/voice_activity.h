// Is somebody speaking? Voice activity for live audio: a detector (WebRTC's of libwebrtc-audio-processing,
// likelihood lowest, which keeps 88 % of clean speech frames and none of quiet ones), a level gate, and a
// hangover over its gaps. One owner, one thread at a time; no allocation after construction.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "voicectl/audio/pcm.h"

namespace voicectl::audio {

struct VoiceActivityOptions {
    std::chrono::milliseconds min_speech{60};   // shorter bursts are not speech
    std::chrono::milliseconds hangover{150};    // gaps shorter than this do not end speech
    double gate_dbfs = -50;                     // quieter than this is never speech
    double above_floor_db = 8;                  // nor is what is not this much louder than the room
};

/// Voice or not, frame by frame. One caller's; one owner, one thread at a time.
class VoiceDetector {
 public:
    virtual ~VoiceDetector() = default;
    /// 10 ms of 16 kHz mono. The answer may be that for some frames before.
    virtual bool is_voice(SampleView frame) = 0;
};

class VoiceActivity {
 public:
    struct Event {
        enum class Kind { SpeechStarted, SpeechEnded } kind;
        /// Stream time of the first (or just after the last) voiced sample itself, not of the decision.
        std::chrono::milliseconds at;
    };

    /// `detector` null: WebRTC's. Level and hangover are looked at with any of them.
    explicit VoiceActivity(VoiceActivityOptions options = {}, std::unique_ptr<VoiceDetector> detector = nullptr);
    ~VoiceActivity();

    /// 10 ms of 16 kHz mono (160 samples) per call.
    std::optional<Event> push(SampleView frame);
    bool speaking() const;
    /// Stream time so far.
    std::chrono::milliseconds now() const;
    /// Silence since the last voiced frame; zero while voiced.
    std::chrono::milliseconds silence() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Cuts a stream of any chunk size into frames of `size` samples: push(chunk, [](SampleView frame) {…}).
class Framer {
 public:
    explicit Framer(std::size_t size) : size_(size) { rest_.reserve(size); }
    template<class F>
    void push(SampleView chunk, F on_frame) {
        while (!chunk.empty()) {
            if (rest_.empty() && chunk.size() >= size_) {
                on_frame(chunk.first(size_));
                chunk = chunk.subspan(size_);
                continue;
            }
            const auto take = std::min(size_ - rest_.size(), chunk.size());
            rest_.insert(rest_.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(take));
            chunk = chunk.subspan(take);
            if (rest_.size() < size_) return;
            on_frame(SampleView(rest_));
            rest_.clear();
        }
    }

 private:
    std::size_t size_;
    Samples rest_;
};

}  // namespace voicectl::audio
