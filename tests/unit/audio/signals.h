// Sounds for tests, the same at every run.
#pragma once

#include <cmath>
#include <numbers>
#include <random>

#include "voicectl/audio/pcm.h"

namespace voicectl::test {

inline audio::Samples tone(double hz, double seconds, double amplitude, int rate_hz = 16000) {
    audio::Samples out(static_cast<std::size_t>(seconds * rate_hz));
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz;
        out[i] = static_cast<std::int16_t>(std::lrint(amplitude * 32767 * std::sin(phase)));
    }
    return out;
}

inline audio::Samples noise(double seconds, double amplitude, unsigned seed = 1, int rate_hz = 16000) {
    std::mt19937 engine(seed);
    audio::Samples out(static_cast<std::size_t>(seconds * rate_hz));
    for (auto& sample : out) {
        const double uniform = static_cast<double>(engine()) / static_cast<double>(std::mt19937::max()) * 2 - 1;
        sample = static_cast<std::int16_t>(std::lrint(uniform * amplitude * 32767));
    }
    return out;
}

inline audio::Samples silence(double seconds, int rate_hz = 16000) {
    return audio::Samples(static_cast<std::size_t>(seconds * rate_hz));
}

inline audio::Samples& operator+=(audio::Samples& left, const audio::Samples& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

}  // namespace voicectl::test
