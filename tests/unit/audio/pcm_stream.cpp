#include "voicectl/audio/pcm_stream.h"

#include <doctest/doctest.h>

namespace voicectl::audio {
namespace {

std::string little(std::uint32_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    return out;
}

std::string wav(const std::string& data, std::uint32_t size, int channels = 1, std::uint32_t form = 1, int bits = 16) {
    const auto format = little(form, 2) + little(static_cast<std::uint32_t>(channels), 2) + little(22050, 4) + little(0, 4) + little(2, 2) +
                        little(static_cast<std::uint32_t>(bits), 2);
    return "RIFF" + little(0, 4) + "WAVE" + "LIST" + little(3, 4) + "abc " + "fmt " + little(16, 4) + format + "data" + little(size, 4) + data;
}

Samples fed(PcmStream& stream, const std::string& bytes, std::size_t step) {
    Samples out;
    for (std::size_t i = 0; i < bytes.size(); i += step) {
        REQUIRE(stream.push(std::string_view(bytes).substr(i, step)));
        if (!stream.known()) continue;
        for (const auto sample : stream.take()) out.push_back(sample);
    }
    return out;
}

const std::string kThree = little(1, 2) + little(0xFFFE, 2) + little(300, 2);
const Samples kSamples{1, -2, 300};

}  // namespace

TEST_CASE("bytes of any cut become samples: raw, or behind a WAV's header") {
    for (const std::size_t step : {1, 2, 3, 7, 1000}) {
        CAPTURE(step);
        PcmStream raw(16000, 1);
        CHECK(fed(raw, kThree, step) == kSamples);
        CHECK(raw.rate_hz() == 16000);
        for (const std::uint32_t size : {6U, 0U, 0xFFFFFFFFU}) {
            PcmStream header(16000, 2);
            CHECK(fed(header, wav(kThree, size), step) == kSamples);
            CHECK(header.rate_hz() == 22050);
            CHECK(header.channels() == 1);
            CHECK(header.ended() == (size == 6));
        }
    }
}

TEST_CASE("channels are averaged, a torn last frame is left out, what follows the data is not played") {
    PcmStream stereo(16000, 2);
    CHECK(fed(stereo, little(100, 2) + little(300, 2) + little(7, 2), 3) == Samples{200});
    PcmStream header(16000, 1);
    CHECK(fed(header, wav(kThree, 6) + "LIST....", 5) == kSamples);
}

TEST_CASE("a WAV that is no 16-bit PCM is refused") {
    for (const auto& bytes : {wav("", 0, 1, 3, 32), wav("", 0, 1, 1, 24), wav("", 0, 0), "RIFF" + little(0, 4) + "AVI LIST"}) {
        PcmStream stream(16000, 1);
        CHECK(stream.push(bytes).error().code == Errc::Usage);
    }
    PcmStream torn(16000, 1);
    REQUIRE(torn.push(wav("", 0).substr(0, 30)));
    CHECK(torn.finish().error().code == Errc::Usage);
}

TEST_CASE("a stream shorter than any header is raw") {
    PcmStream stream(16000, 1);
    REQUIRE(stream.push(little(5, 2)));
    CHECK_FALSE(stream.known());
    REQUIRE(stream.finish());
    CHECK(stream.take() == Samples{5});
}

}  // namespace voicectl::audio
