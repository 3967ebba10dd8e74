#include "voicectl/audio/pcm.h"

#include <doctest/doctest.h>

#include <limits>

#include "signals.h"

using namespace voicectl;
using namespace voicectl::audio;

TEST_CASE("digital silence and nothing at all measure as the bottom of the scale") {
    CHECK(measure({}).rms_dbfs == -120);
    const Samples zeros(160);
    CHECK(measure(zeros).rms_dbfs == -120);
    CHECK(measure(zeros).peak_dbfs == -120);
}

TEST_CASE("a full-scale sine is 3 dB below its peak") {
    const auto level = measure(test::tone(1000, 1, 1));
    CHECK(level.peak_dbfs == doctest::Approx(0).epsilon(0.01));
    CHECK(level.rms_dbfs == doctest::Approx(-3.01).epsilon(0.01));
}

TEST_CASE("the most negative sample does not overflow") {
    const Samples lowest(1600, std::numeric_limits<std::int16_t>::min());
    CHECK(measure(lowest).peak_dbfs == doctest::Approx(0));
    CHECK(measure(lowest).rms_dbfs == doctest::Approx(0));
}

TEST_CASE("speech bounds enclose the loud part to within 10 ms at any rate") {
    for (const int rate_hz : {8000, 16000, 22050, 44100, 48000}) {
        CAPTURE(rate_hz);
        Pcm pcm{rate_hz, 1, test::silence(0.5, rate_hz)};
        const auto first = pcm.samples.size();
        test::operator+=(pcm.samples, test::tone(300, 0.3, 0.3, rate_hz));
        const auto last = pcm.samples.size();
        test::operator+=(pcm.samples, test::noise(0.4, 0.001, 3, rate_hz));
        const auto bounds = speech_bounds(pcm);
        const auto window = static_cast<std::size_t>(rate_hz / 100);
        CHECK(bounds.first <= first);
        CHECK(bounds.first + window >= first);
        CHECK(bounds.last >= last - 1);
        CHECK(bounds.last <= last + window);
    }
}

TEST_CASE("no speech means empty bounds, and speech to the very end is counted") {
    CHECK(speech_bounds({16000, 1, test::silence(1)}).empty());
    CHECK(speech_bounds({16000, 1, {}}).empty());
    const Pcm odd{16000, 1, test::tone(300, 0.1037, 0.5)};
    CHECK(speech_bounds(odd).last == odd.samples.size());
}

TEST_CASE("mono is the mean of the channels") {
    const Pcm stereo{16000, 2, {100, 300, -32768, -32768, 32767, 32767, 32767, -32768}};
    const auto mono = to_mono(stereo);
    CHECK(mono.channels == 1);
    CHECK(mono.samples == Samples{200, -32768, 32767, 0});
    CHECK(stereo.duration() == mono.duration());
}
