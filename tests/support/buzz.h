// Sound that voice activity takes for speech: a buzz with a voice's overtones and syllables. Repeatable.
#pragma once

#include <cmath>
#include <cstddef>

#include "voicectl/audio/pcm.h"

namespace voicectl::test {

class Buzz {
 public:
    /// The next 10 ms at 16 kHz; silence when `speech` is false.
    audio::Samples frame(bool speech) {
        audio::Samples out(audio::kSpeechRateHz / 100, 0);
        for (auto& sample : out) {
            const double t = static_cast<double>(position_++) / audio::kSpeechRateHz;
            double value = 0;
            for (int k = 1; k < 30; ++k) value += std::sin(2 * M_PI * 120 * k * t) * (k < 6 ? 1.0 : 0.3);
            if (speech) sample = static_cast<std::int16_t>(1500 * value * (0.6 + 0.4 * std::sin(2 * M_PI * 4 * t)));
        }
        return out;
    }

 private:
    std::size_t position_ = 0;
};

}  // namespace voicectl::test
