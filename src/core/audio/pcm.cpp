#include "voicectl/audio/pcm.h"

#include <cmath>
#include <cstdlib>

namespace voicectl::audio {
namespace {

constexpr double kSilenceDbfs = -120;

double to_dbfs(double amplitude) {
    return amplitude <= 0 ? kSilenceDbfs : std::max(kSilenceDbfs, 20 * std::log10(amplitude / 32768));
}

}  // namespace

Level measure(SampleView samples) {
    if (samples.empty()) return {};
    std::int64_t energy = 0;
    int peak = 0;
    for (const int sample : samples) {
        energy += std::int64_t{sample} * sample;
        peak = std::max(peak, std::abs(sample));
    }
    const auto mean = static_cast<double>(energy) / static_cast<double>(samples.size());
    return {to_dbfs(std::sqrt(mean)), to_dbfs(peak)};
}

Bounds speech_bounds(const Pcm& pcm, double threshold_dbfs) {
    const auto window = static_cast<std::size_t>(std::max(1, pcm.rate_hz / 100));
    const SampleView samples(pcm.samples);
    Bounds bounds;
    for (std::size_t at = 0; at < samples.size(); at += window) {
        const auto count = std::min(window, samples.size() - at);
        if (measure(samples.subspan(at, count)).rms_dbfs <= threshold_dbfs) continue;
        if (bounds.empty()) bounds.first = at;
        bounds.last = at + count;
    }
    return bounds;
}

Pcm to_mono(const Pcm& pcm) {
    if (pcm.channels == 1) return pcm;
    const auto channels = static_cast<std::size_t>(pcm.channels);
    Pcm mono{pcm.rate_hz, 1, Samples(pcm.frames())};
    for (std::size_t frame = 0; frame < mono.samples.size(); ++frame) {
        int sum = 0;
        for (std::size_t channel = 0; channel < channels; ++channel) sum += pcm.samples[frame * channels + channel];
        mono.samples[frame] = static_cast<std::int16_t>(sum / pcm.channels);
    }
    return mono;
}

}  // namespace voicectl::audio
