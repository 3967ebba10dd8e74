// Streaming sample-rate conversion, mono, by soxr. One owner, one thread at a time.
#pragma once

#include <memory>

#include "voicectl/audio/pcm.h"

namespace voicectl::audio {

class Resampler {
 public:
    Resampler(int from_hz, int to_hz);
    ~Resampler();
    Resampler(Resampler&&) noexcept;
    Resampler& operator=(Resampler&&) noexcept;

    /// May give fewer samples than came in until its filter is filled.
    Samples process(SampleView in);
    /// What the filter still holds; the next process() starts anew.
    Samples flush();

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// A whole mono buffer at once.
Pcm resample(const Pcm& pcm, int to_hz);

}  // namespace voicectl::audio
