// PCM values: signed 16-bit samples, interleaved when there is more than one channel. Any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::audio {

using Samples = std::vector<std::int16_t>;
using SampleView = std::span<const std::int16_t>;

/// What everything inside works with: 16 kHz mono for recognisers and voice activity.
inline constexpr int kSpeechRateHz = 16000;

struct Pcm {
    int rate_hz = kSpeechRateHz;
    int channels = 1;
    Samples samples;

    std::size_t frames() const { return samples.size() / static_cast<std::size_t>(channels); }
    std::chrono::microseconds duration() const {
        return std::chrono::microseconds(static_cast<std::int64_t>(frames()) * 1'000'000 / rate_hz);
    }
};

/// Root mean square and peak relative to full scale; -120 dBFS stands for digital silence.
struct Level {
    double rms_dbfs = -120;
    double peak_dbfs = -120;
};
Level measure(SampleView samples);

/// The part of mono `pcm` that holds speech, as sample positions [first, last). Both 0: none. Speech is
/// energy over `threshold_dbfs` in windows of 10 ms, so it works for clean synthetic voices and for the
/// first and last sample of a turn; VoiceActivity is for live audio.
struct Bounds {
    std::size_t first = 0, last = 0;
    bool empty() const { return first == last; }
};
Bounds speech_bounds(const Pcm& pcm, double threshold_dbfs = -45);

/// Channels averaged into one.
Pcm to_mono(const Pcm& pcm);

}  // namespace voicectl::audio
