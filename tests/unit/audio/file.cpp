#include "voicectl/audio/file.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "signals.h"

using namespace voicectl;
using namespace voicectl::audio;
namespace fs = std::filesystem;

namespace {

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "voicectl-audio-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    ~Folder() { fs::remove_all(path); }
    std::string file(const std::string& name) const { return (path / name).string(); }
    fs::path path;
};

std::string put(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
}

std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

bool one_line(const Error& error) { return !error.message.empty() && error.message.find('\n') == std::string::npos; }

}  // namespace

TEST_CASE("WAV and FLAC give back exactly what was written, whatever the case of the ending") {
    const Folder folder;
    for (const std::string name : {"a.wav", "b.WAV", "c.flac", "d.Flac"}) {
        CAPTURE(name);
        for (const int channels : {1, 2}) {
            const Pcm pcm{22050, channels, test::noise(0.4, 1, 5, 22050)};
            REQUIRE(write_file(folder.file(name), pcm));
            const auto back = read_file(folder.file(name));
            REQUIRE(back);
            CHECK(back->rate_hz == 22050);
            CHECK(back->channels == channels);
            CHECK(back->samples.size() == pcm.frames() * static_cast<std::size_t>(channels));
            CHECK(std::equal(back->samples.begin(), back->samples.end(), pcm.samples.begin()));
        }
    }
}

TEST_CASE("OGG Opus and MP3 keep duration and level at every rate, also those the form does not know") {
    const Folder folder;
    for (const std::string name : {"a.ogg", "b.mp3"}) {
        for (const int rate_hz : {8000, 11025, 16000, 22050, 44100, 48000, 96000}) {
            for (const int channels : {1, 2}) {
                CAPTURE(name);
                CAPTURE(rate_hz);
                CAPTURE(channels);
                Pcm pcm{rate_hz, channels, {}};
                for (const auto sample : test::tone(440, 2, 0.3, rate_hz)) {
                    pcm.samples.push_back(sample);
                    if (channels == 2) pcm.samples.push_back(0);  // one side must not leak into the other
                }
                const auto written = write_file(folder.file(name), pcm);
                REQUIRE_MESSAGE(written, written.error().message);
                const auto back = read_file(folder.file(name));
                REQUIRE_MESSAGE(back, back.error().message);
                CHECK(back->channels == channels);
                const auto seconds = std::chrono::duration<double>(back->duration()).count();
                CHECK(seconds == doctest::Approx(2).epsilon(0.06));
                Samples sides[2];
                for (std::size_t i = 0; i < back->samples.size(); ++i)
                    sides[i % static_cast<std::size_t>(channels)].push_back(back->samples[i]);
                CHECK(measure(sides[0]).rms_dbfs == doctest::Approx(-13.5).epsilon(0.06));
                CHECK(measure(sides[1]).rms_dbfs < -70);
            }
        }
    }
}

TEST_CASE("a WAV that was never closed is readable up to the last write") {
    const Folder folder;
    const auto path = folder.file("crash.wav");
    auto writer = FileWriter::create(path, 16000, 1);
    REQUIRE(writer);
    for (int i = 1; i <= 3; ++i) {
        REQUIRE((*writer)->write(test::tone(300, 0.1, 0.5)));
        const auto seen = read_file(path);  // as another process would after our death
        REQUIRE(seen);
        CHECK(seen->samples.size() == 1600u * static_cast<unsigned>(i));
    }
}

TEST_CASE("a writer may be closed twice and refuses what comes after") {
    const Folder folder;
    auto writer = FileWriter::create(folder.file("a.wav"), 16000, 2);
    REQUIRE(writer);
    CHECK(!(*writer)->write(Samples(3)));  // half a frame
    CHECK((*writer)->write({}));
    CHECK((*writer)->close());
    CHECK((*writer)->close());
    CHECK((*writer)->write(Samples(2)).error().code == Errc::Io);
}

TEST_CASE("what cannot be written is refused in one line that names the file") {
    const Folder folder;
    const auto refused = [&](const std::string& path, int rate_hz, int channels) {
        const auto writer = FileWriter::create(path, rate_hz, channels);
        REQUIRE(!writer);
        CHECK(one_line(writer.error()));
        CHECK(writer.error().message.find(path) != std::string::npos);
        return writer.error().code;
    };
    CHECK(refused(folder.file("a.aiff"), 16000, 1) == Errc::Usage);
    CHECK(refused(folder.file("wav"), 16000, 1) == Errc::Usage);
    CHECK(refused(folder.file("a.wav"), 0, 1) == Errc::Usage);
    CHECK(refused(folder.file("a.wav"), 16000, 0) == Errc::Usage);
    CHECK(refused(folder.file("a.mp3"), 16000, 3) == Errc::Usage);
    CHECK(refused(folder.file("absent/a.wav"), 16000, 1) == Errc::Io);
    fs::create_directory(folder.file("folder.wav"));
    CHECK(refused(folder.file("folder.wav"), 16000, 1) == Errc::Io);
}

TEST_CASE("what cannot be read is refused in one line that names the file") {
    const Folder folder;
    const auto refused = [&](const std::string& path) {
        const auto pcm = read_file(path);
        REQUIRE_MESSAGE(!pcm, path);
        CHECK(one_line(pcm.error()));
        CHECK(pcm.error().message.find(path) != std::string::npos);
        return pcm.error().code;
    };
    CHECK(refused(folder.file("absent.wav")) == Errc::NotFound);
    CHECK(refused(folder.path.string()) == Errc::Io);
    CHECK(refused("/dev/zero") == Errc::Io);
    CHECK(refused(put(folder.file("empty.wav"), "")) == Errc::Io);
    CHECK(refused(put(folder.file("text.wav"), "this is not audio\n")) == Errc::Io);
    CHECK(refused(put(folder.file("short.wav"), std::string("RIFF\x04\0\0\0WAVE", 12))) == Errc::Io);
    CHECK(refused(put(folder.file("noise.mp3"), std::string(5000, '\x07'))) == Errc::Io);
    REQUIRE(mkfifo(folder.file("pipe.wav").c_str(), 0600) == 0);
    CHECK(refused(folder.file("pipe.wav")) == Errc::Io);  // and does not wait for a writer
}

TEST_CASE("a truncated WAV gives the samples that are there") {
    const Folder folder;
    const auto path = folder.file("a.wav");
    REQUIRE(write_file(path, {16000, 1, test::tone(300, 1, 0.5)}));
    const auto bytes = bytes_of(path);
    put(path, bytes.substr(0, bytes.size() / 2));
    const auto pcm = read_file(path);
    REQUIRE(pcm);
    CHECK(pcm->samples.size() > 7000);
    CHECK(pcm->samples.size() < 9000);
}

TEST_CASE("a torn FLAC is an error or a part, never more than was written") {
    const Folder folder;
    const auto path = folder.file("a.flac");
    REQUIRE(write_file(path, {16000, 1, test::noise(1, 0.5)}));
    const auto bytes = bytes_of(path);
    for (const double part : {0.1, 0.5, 0.9}) {
        put(path, bytes.substr(0, static_cast<std::size_t>(static_cast<double>(bytes.size()) * part)));
        const auto pcm = read_file(path);
        if (pcm) CHECK(pcm->samples.size() <= 16000);
        else CHECK(one_line(pcm.error()));
    }
}

TEST_CASE("a file longer than asked for is refused") {
    const Folder folder;
    REQUIRE(write_file(folder.file("a.wav"), {8000, 1, test::silence(2.1, 8000)}));
    CHECK(read_file(folder.file("a.wav"), 2).error().code == Errc::Usage);
    CHECK(read_file(folder.file("a.wav"), 3));
}

TEST_CASE("float WAVs keep their level and are clipped, not wrapped") {
    // RIFF header of a float file made by hand: format 3, one channel, 16 kHz, 32 bits.
    const float values[] = {0.5f, -0.5f, 2.0f, -2.0f, std::nanf("")};
    const auto u32 = [](std::uint32_t v) { return std::string(reinterpret_cast<const char*>(&v), 4); };
    const auto u16 = [](std::uint16_t v) { return std::string(reinterpret_cast<const char*>(&v), 2); };
    const std::string data(reinterpret_cast<const char*>(values), sizeof values);
    const auto size = static_cast<std::uint32_t>(data.size());
    const auto header = "RIFF" + u32(36 + size) + "WAVEfmt " + u32(16) + u16(3) + u16(1) + u32(16000) + u32(64000) +
                        u16(4) + u16(32) + "data" + u32(size);
    const Folder folder;
    const auto pcm = read_file(put(folder.file("float.wav"), header + data));
    REQUIRE(pcm);
    CHECK(pcm->samples == Samples{16384, -16384, 32767, -32768, 0});
}

TEST_CASE("bit rates are kept: OGG on average, MP3 exactly") {
    const Folder folder;
    const double seconds = 10;
    for (const int channels : {1, 2}) {
        Samples sound;
        for (const auto one : test::noise(seconds, 0.3, 3, 48000)) sound.insert(sound.end(), static_cast<std::size_t>(channels), one);
        if (channels == 2)  // another sound on the other side
            for (std::size_t i = 1; i < sound.size(); i += 2) sound[i] = sound[sound.size() - i];
        for (const int bit_rate : {64000, 96000, 128000}) {
            for (const std::string name : {"a.ogg", "b.mp3"}) {
                CAPTURE(channels);
                CAPTURE(bit_rate);
                CAPTURE(name);
                auto writer = FileWriter::create(folder.file(name), 48000, channels, {.rate_hz = name == "b.mp3" ? 44100 : 48000, .bit_rate = bit_rate});
                REQUIRE(writer);
                REQUIRE((*writer)->write(sound));
                REQUIRE((*writer)->close());
                const auto bytes = static_cast<double>(fs::file_size(folder.file(name)));
                CHECK((*writer)->bytes() == static_cast<std::int64_t>(bytes));
                CHECK(bytes * 8 / seconds == doctest::Approx(bit_rate).epsilon(name == "b.mp3" ? 0.02 : 0.15));
                const auto back = read_file(folder.file(name));
                REQUIRE(back);
                CHECK(back->rate_hz == (name == "b.mp3" ? 44100 : 48000));
                CHECK(back->channels == channels);
                CHECK(std::chrono::duration<double>(back->duration()).count() == doctest::Approx(seconds).epsilon(0.005));
            }
        }
    }
}

TEST_CASE("an OGG page is given to the kernel as soon as it is asked for") {
    const Folder folder;
    const auto sizes = [&](std::chrono::milliseconds flush) {
        std::vector<std::uintmax_t> seen;
        auto writer = FileWriter::create(folder.file("a.ogg"), 48000, 1, {.bit_rate = 64000, .flush = flush});
        REQUIRE(writer);
        for (int i = 0; i < 100; ++i) {  // 5 s
            REQUIRE((*writer)->write(test::tone(300, 0.05, 0.5, 48000)));
            if (const auto size = fs::file_size(folder.file("a.ogg")); seen.empty() || seen.back() != size) seen.push_back(size);
        }
        return seen.size();
    };
    CHECK(sizes(std::chrono::milliseconds(200)) >= 20);
    CHECK(sizes(std::chrono::milliseconds(1000)) >= 4);
    CHECK(sizes(std::chrono::milliseconds(1000)) <= 7);
}

TEST_CASE("a writer that is killed leaves a file that plays up to its last second") {
    const Folder folder;
    for (const std::string name : {"a.ogg", "b.mp3"}) {
        CAPTURE(name);
        int told[2];
        REQUIRE(pipe(told) == 0);
        const auto child = fork();
        if (child == 0) {
            auto writer = FileWriter::create(folder.file(name), 48000, 2, {.bit_rate = 64000});
            Samples second;
            for (const auto sample : test::tone(440, 1, 0.3, 48000)) second.insert(second.end(), 2, sample);
            for (int i = 0; i < 5; ++i) std::ignore = (*writer)->write(second);
            std::ignore = ::write(told[1], "x", 1);
            pause();
            _exit(0);
        }
        char one = 0;
        REQUIRE(read(told[0], &one, 1) == 1);
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        close(told[0]);
        close(told[1]);
        const auto back = read_file(folder.file(name));
        REQUIRE_MESSAGE(back, back.error().message);
        const auto seconds = std::chrono::duration<double>(back->duration()).count();
        CHECK(seconds > 3.9);
        CHECK(seconds < 5.1);
        CHECK(measure(back->samples).rms_dbfs == doctest::Approx(-13.5).epsilon(0.06));
    }
}

TEST_CASE("a disk that is full is told at the write, with the system's words") {
    const Folder folder;
    for (const std::string name : {"a.wav", "a.ogg", "a.mp3", "a.flac"}) {
        CAPTURE(name);
        fs::create_symlink("/dev/full", folder.file(name));
        auto writer = FileWriter::create(folder.file(name), 48000, 1, {.bit_rate = 64000});
        auto result = writer ? Result<void>{} : Result<void>(std::unexpected(writer.error()));
        for (int i = 0; i < 40 && result; ++i) result = (*writer)->write(test::noise(0.1, 0.3, 1, 48000));
        REQUIRE(!result);
        CHECK(result.error().code == Errc::Io);
        CHECK(one_line(result.error()));
        CHECK(result.error().message.find("No space left on device") != std::string::npos);
        CHECK(result.error().message.find(folder.file(name)) != std::string::npos);
        if (writer) CHECK(!(*writer)->write(test::noise(0.1, 0.3, 1, 48000)));
    }
}

TEST_CASE("a new file is for whom it was asked to be") {
    const Folder folder;
    REQUIRE(FileWriter::create(folder.file("a.ogg"), 48000, 1, {.mode = 0600}));
    struct stat info {};
    REQUIRE(stat(folder.file("a.ogg").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
}
