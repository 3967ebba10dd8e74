#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <fstream>

#include "signals.h"
#include "support/temp_folder.h"
#include "voicectl/audio/inspect.h"

namespace voicectl::audio {

using namespace std::chrono_literals;
using test::noise;
using test::operator+=;
using test::silence;
using test::TempFolder;
using test::tone;

namespace {

Pcm both(const Samples& left, const Samples& right, int rate_hz = 16000) {
    Pcm out{rate_hz, 2, {}};
    for (std::size_t i = 0; i < left.size(); ++i) {
        out.samples.push_back(left[i]);
        out.samples.push_back(right[i]);
    }
    return out;
}

Inspection inspected(const std::string& path, const Pcm& pcm) {
    REQUIRE(write_file(path, pcm));
    auto out = inspect_file(path);
    REQUIRE_MESSAGE(out, (out ? "" : out.error().message));
    return std::move(*out);
}

void cut(const std::string& path, double part) {
    std::filesystem::resize_file(path, static_cast<std::uintmax_t>(static_cast<double>(std::filesystem::file_size(path)) * part));
}

}  // namespace

TEST_CASE("a tone between silences is measured: levels, silence, its place") {
    TempFolder folder;
    Pcm pcm{16000, 1, silence(1)};
    pcm.samples += tone(440, 2, 0.5);
    pcm.samples += silence(3);
    pcm.samples += tone(440, 1, 0.5);
    const auto one = inspected(folder.file("a.wav"), pcm);
    CHECK(one.duration == 7s);
    CHECK(one.file.container == "wav");
    CHECK(one.file.codec == "pcm_s16");
    CHECK(one.peak_dbfs == doctest::Approx(-6.02).epsilon(0.01));
    CHECK(one.active_rms_dbfs == doctest::Approx(-9.03).epsilon(0.01));
    CHECK(one.rms_dbfs == doctest::Approx(-9.03 + 10 * std::log10(3.0 / 7)).epsilon(0.01));
    CHECK(one.silence == 4s);
    CHECK(one.longest_silence == 3s);
    CHECK(one.longest_silence_at == 3s);
    CHECK(one.leading_silence == 1s);
    CHECK(one.trailing_silence == 0s);
    CHECK(one.clipped_samples == 0);
    CHECK(one.incomplete.empty());
    CHECK_FALSE(one.correlation);
    REQUIRE(one.channels.size() == 1);
    CHECK(one.channels[0].slices.size() == 60);
    CHECK(one.channels[0].slices.front() == -120);
    CHECK(one.channels[0].slices.back() == doctest::Approx(-6.02).epsilon(0.01));
}

TEST_CASE("two channels differ, are the same sound, or one of them is dead") {
    TempFolder folder;
    const auto a = noise(2, 0.3, 1), b = noise(2, 0.3, 2);
    CHECK(inspected(folder.file("differ.wav"), both(a, b)).channels_differ());
    for (const char* ending : {".wav", ".ogg", ".mp3", ".flac"}) {
        const auto path = folder.file(std::string("same") + ending);
        const auto same = inspected(path, both(a, a));
        CHECK_MESSAGE(!same.channels_differ(), path);
        CHECK_MESSAGE(same.correlation.value_or(0) > 0.99, path);
        CHECK_MESSAGE(same.incomplete == "", path);
    }
    const auto dead = inspected(folder.file("dead.ogg"), both(a, silence(2)));
    CHECK(dead.channels[0].alive());
    CHECK_FALSE(dead.channels[1].alive());
    CHECK_FALSE(dead.channels_differ());
}

TEST_CASE("clipping is runs at full scale, not a peak that touches it") {
    TempFolder folder;
    auto loud = tone(440, 1, 1.0);
    CHECK(inspected(folder.file("touch.wav"), {16000, 1, loud}).clipped_samples < 200);
    for (auto& sample : loud) sample = static_cast<std::int16_t>(std::clamp(sample * 4, -32767, 32767));
    CHECK(inspected(folder.file("clip.wav"), {16000, 1, loud}).clipped_samples > 8000);
}

TEST_CASE("files that end too early are said to be cut off") {
    TempFolder folder;
    const Pcm pcm = both(noise(4, 0.3, 1), noise(4, 0.3, 2));
    for (const char* ending : {".wav", ".ogg", ".flac", ".mp3"}) {
        const auto path = folder.file(std::string("cut") + ending);
        CHECK(inspected(path, pcm).incomplete == "");
        cut(path, 0.6);
        const auto after = inspect_file(path);
        REQUIRE_MESSAGE(after, path);
        CHECK_MESSAGE(after->incomplete != "", path);
        CHECK(after->duration < 4s);
    }
}

TEST_CASE("a few bytes that are missing at the end are noticed, and tags behind the sound are not") {
    TempFolder folder;
    const Pcm pcm = both(noise(4, 0.3, 1), noise(4, 0.3, 2));
    for (const char* ending : {".flac", ".mp3"}) {
        const auto path = folder.file(std::string("short") + ending);
        CHECK(inspected(path, pcm).incomplete == "");
        std::filesystem::resize_file(path, std::filesystem::file_size(path) - 7);
        CHECK_MESSAGE(inspect_file(path)->incomplete != "", path);
    }
    const auto tagged = folder.file("tagged.mp3");
    REQUIRE(write_file(tagged, pcm));
    std::ofstream(tagged, std::ios::binary | std::ios::app) << "TAG" << std::string(125, '\0');
    CHECK(inspect_file(tagged)->incomplete == "");
}

TEST_CASE("an MP3 that lacks whole frames is noticed, and its decoder says nothing on standard error") {
    TempFolder folder;
    const auto path = folder.file("frames.mp3");
    REQUIRE(write_file(path, {16000, 1, noise(10, 0.3)}));
    cut(path, 0.5);
    const int before = dup(2);
    const auto said = folder.file("stderr.txt");
    const int file = open(said.c_str(), O_CREAT | O_WRONLY, 0600);
    dup2(file, 2);
    const auto one = inspect_file(path);
    dup2(before, 2);
    close(before);
    close(file);
    REQUIRE(one);
    CHECK(one->incomplete != "");
    CHECK(std::filesystem::file_size(said) == 0);
}

TEST_CASE("samples that are no finite numbers are counted, and infinity is loud") {
    TempFolder folder;
    const auto path = folder.file("nan.wav");
    std::string bytes("RIFF\x34\0\0\0WAVEfmt \x10\0\0\0\3\0\1\0\x40\x1f\0\0\0\x7d\0\0\4\0\x20\0data\x10\0\0\0", 44);
    for (const float one : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), 0.25F})
        bytes.append(reinterpret_cast<const char*>(&one), 4);
    std::ofstream(path, std::ios::binary) << bytes;
    const auto one = inspect_file(path);
    REQUIRE_MESSAGE(one, (one ? "" : one.error().message));
    CHECK(one->frames == 4);
    CHECK(one->not_finite_samples == 3);
    CHECK(one->peak_dbfs > -0.1);
}

TEST_CASE("what is no recording is told in a line") {
    TempFolder folder;
    const auto refused = [&](const std::string& name, std::string_view bytes) {
        std::ofstream(folder.file(name), std::ios::binary) << bytes;
        const auto one = inspect_file(folder.file(name));
        REQUIRE_FALSE(one);
        return one.error().message;
    };
    CHECK(refused("empty.ogg", "").find("is empty") != std::string::npos);
    CHECK(refused("text.ogg", "not audio at all, but long enough to be looked at").find("as audio") != std::string::npos);
    CHECK(refused("tiny.mp3", std::string_view("\xFF\xFB\x90\0 and nothing else of it..", 30)).find("is not readable as audio: there is no") != std::string::npos);
    CHECK(refused("film.mp4", std::string_view("\0\0\0\x20" "ftypisom\0\0\2\0isomiso2", 24)).find("it is an MP4") != std::string::npos);
    CHECK(inspect_file(folder.file("absent.ogg")).error().code == Errc::NotFound);
}

}  // namespace voicectl::audio
