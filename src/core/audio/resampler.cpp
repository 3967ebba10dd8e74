#include "voicectl/audio/resampler.h"

#include <cmath>
#include <stdexcept>

#include "sound_libraries.h"

namespace voicectl::audio {

struct Resampler::Impl {
    Impl(int from_hz, int to_hz) : ratio(static_cast<double>(to_hz) / from_hz) {
        if (from_hz == to_hz) return;  // samples pass as they are
        const auto& library = loaded_soxr();
        const auto samples = library.io_spec(SOXR_INT16_I, SOXR_INT16_I);
        const auto quality = library.quality_spec(SOXR_HQ, 0);
        auto runtime = library.runtime_spec(1);
        // Small blocks: they hold back 18 ms from 22 to 16 kHz instead of 40, and 50 from 8 to 16 instead of 112.
        runtime.log2_min_dft_size = runtime.log2_large_dft_size = 8;
        soxr_error_t error = nullptr;
        soxr = library.create(from_hz, to_hz, 1, &error, &samples, &quality, &runtime);
        if (error || !soxr) throw std::bad_alloc();  // its only cause: both rates are checked by callers
    }
    ~Impl() {
        if (soxr) loaded_soxr().destroy(soxr);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    /// `in` null: drain.
    Samples run(const std::int16_t* in, std::size_t count) {
        constexpr std::size_t kSlack = 1024;
        Samples out;
        std::size_t filled = 0;
        while (true) {
            out.resize(filled + static_cast<std::size_t>(std::ceil(static_cast<double>(count) * ratio)) + kSlack);
            std::size_t used = 0, made = 0;
            const auto room = out.size() - filled;
            loaded_soxr().process(soxr, in, count, in ? &used : nullptr, out.data() + filled, room, &made);
            filled += made;
            count -= used;
            if (in) in += used;
            if (count == 0 && made < room) break;
        }
        out.resize(filled);
        return out;
    }

    double ratio;
    soxr_t soxr = nullptr;
    bool fed = false;
};

Resampler::Resampler(int from_hz, int to_hz) : impl_(std::make_unique<Impl>(from_hz, to_hz)) {}
Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

Samples Resampler::process(SampleView in) {
    if (!impl_->soxr || in.empty()) return Samples(in.begin(), in.end());
    impl_->fed = true;
    return impl_->run(in.data(), in.size());
}

Samples Resampler::flush() {
    if (!impl_->soxr || !impl_->fed) return {};
    auto rest = impl_->run(nullptr, 0);
    loaded_soxr().clear(impl_->soxr);
    impl_->fed = false;
    return rest;
}

Pcm resample(const Pcm& pcm, int to_hz) {
    Resampler resampler(pcm.rate_hz, to_hz);
    Pcm out{to_hz, 1, resampler.process(pcm.samples)};
    const auto rest = resampler.flush();
    out.samples.insert(out.samples.end(), rest.begin(), rest.end());
    return out;
}

}  // namespace voicectl::audio
