#include "voicectl/audio/resampler.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "signals.h"

using namespace voicectl;
using namespace voicectl::audio;

namespace {

/// How much of a tone of `hz` is in `samples`, as its amplitude.
double amplitude_of(double hz, SampleView samples, int rate_hz) {
    double in_phase = 0, quadrature = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const auto phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz;
        in_phase += samples[i] * std::cos(phase);
        quadrature += samples[i] * std::sin(phase);
    }
    return 2 * std::hypot(in_phase, quadrature) / static_cast<double>(samples.size()) / 32767;
}

Samples in_chunks(Resampler& resampler, SampleView in, std::size_t size) {
    Samples out;
    while (!in.empty()) {
        const auto count = std::min(size, in.size());
        test::operator+=(out, resampler.process(in.first(count)));
        in = in.subspan(count);
    }
    test::operator+=(out, resampler.flush());
    return out;
}

}  // namespace

TEST_CASE("resampling keeps length, pitch and level, and folds nothing back") {
    for (const auto& [from, to] : {std::pair{22050, 16000}, {16000, 48000}, {48000, 16000}, {8000, 16000}, {44100, 48000}}) {
        CAPTURE(from);
        CAPTURE(to);
        const auto out = resample({from, 1, test::tone(1000, 1, 0.5, from)}, to);
        CHECK(out.rate_hz == to);
        CHECK(std::abs(static_cast<long>(out.samples.size()) - to) <= 2);
        CHECK(amplitude_of(1000, out.samples, to) == doctest::Approx(0.5).epsilon(0.02));
    }
    const auto above_nyquist = resample({48000, 1, test::tone(11000, 1, 0.5, 48000)}, 16000);
    CHECK(measure(above_nyquist.samples).rms_dbfs < -60);
}

TEST_CASE("chunks of any size give the samples of the whole") {
    const auto in = test::tone(440, 0.5, 0.5, 22050);
    const auto whole = resample({22050, 1, in}, 16000).samples;
    for (const std::size_t size : {1u, 7u, 160u, 1024u, 20000u}) {
        CAPTURE(size);
        Resampler resampler(22050, 16000);
        const auto out = in_chunks(resampler, in, size);
        REQUIRE(out.size() == whole.size());
        int worst = 0;
        for (std::size_t i = 0; i < out.size(); ++i) worst = std::max(worst, std::abs(out[i] - whole[i]));
        CHECK(worst <= 2);  // dither
    }
}

TEST_CASE("after flush the next signal starts anew") {
    Resampler resampler(8000, 16000);
    const auto loud = test::tone(500, 0.2, 0.9, 8000);
    const auto first = in_chunks(resampler, loud, 80);
    CHECK(resampler.flush().empty());
    const auto second = in_chunks(resampler, loud, 80);
    REQUIRE(first.size() == second.size());
    CHECK(std::abs(first[100] - second[100]) <= 2);
    const auto quiet = in_chunks(resampler, Samples(800), 80);
    CHECK(measure(quiet).peak_dbfs < -80);  // nothing of the tone is left in the filter
}

TEST_CASE("full scale does not wrap around") {
    Samples square(4800);
    for (std::size_t i = 0; i < square.size(); ++i) square[i] = i / 40 % 2 == 0 ? 32767 : -32768;
    const auto out = resample({48000, 1, square}, 44100);
    for (std::size_t i = 200; i < 400; ++i) {
        const auto phase = i * 48000 / 44100 % 80;
        if (phase > 10 && phase < 30) CHECK(out.samples[i] > 20000);
        if (phase > 50 && phase < 70) CHECK(out.samples[i] < -20000);
    }
}

TEST_CASE("the same rate passes samples through, and nothing in gives nothing out") {
    Resampler same(16000, 16000);
    const auto in = test::noise(0.1, 0.5);
    CHECK(same.process(in) == in);
    CHECK(same.flush().empty());
    CHECK(resample({22050, 1, {}}, 16000).samples.empty());
}

TEST_CASE("the filter holds back less than 25 ms at speech rates") {
    for (const auto& [from, to] : {std::pair{16000, 48000}, {48000, 16000}, {22050, 16000}}) {
        CAPTURE(from);
        Resampler resampler(from, to);
        const auto got = resampler.process(test::tone(300, 0.1, 0.5, from)).size();
        CHECK(static_cast<double>(got) / to > 0.075);
    }
}
