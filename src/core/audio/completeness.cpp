#include "completeness.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <optional>
#include <string_view>

#include "voicectl/base/text.h"

namespace voicectl::audio {
namespace {

std::string last_bytes(const std::string& path, std::int64_t size, std::int64_t wanted) {
    std::ifstream in(path, std::ios::binary);
    const auto count = std::min(size, wanted);
    in.seekg(size - count);
    std::string out(static_cast<std::size_t>(count), '\0');
    in.read(out.data(), static_cast<std::streamsize>(count));
    out.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return out;
}

// The last page of an Ogg stream says so (RFC 3533, header type flag 4), and a page is at most 65307 bytes.
std::string ogg_fault(const std::string& path, std::int64_t size) {
    const auto end = last_bytes(path, size, 65536);
    const auto page = end.rfind(std::string("OggS\0", 5));
    if (page == std::string::npos || page + 27 > end.size()) return "its last page is cut off";
    const auto segments = static_cast<unsigned char>(end[page + 26]);
    std::size_t length = 27U + segments;
    for (std::size_t i = 0; i < segments && page + 27 + i < end.size(); ++i) length += static_cast<unsigned char>(end[page + 27 + i]);
    if (page + length > end.size()) return "its last page is cut off";
    return (end[page + 5] & 4) != 0 ? "" : "its last page is missing";
}

std::uint32_t little_endian(std::string_view bytes) {
    std::uint32_t out = 0;
    for (std::size_t i = 4; i-- > 0;) out = out << 8 | static_cast<unsigned char>(bytes[i]);
    return out;
}

std::string wav_fault(const std::string& path, std::int64_t size) {
    std::array<char, 8> start{};
    std::ifstream(path, std::ios::binary).read(start.data(), start.size());
    const auto length = little_endian({start.data() + 4, 4});
    if (std::string_view(start.data(), 4) != "RIFF" || length == UINT32_MAX || length + 8LL <= size) return "";
    return fmt::format("{} of its {} bytes are there", size, length + 8LL);
}

// ---- MP3: a row of frames, each of which says how long it is ----

struct Mp3Frame {
    std::size_t bytes = 0;
    std::size_t samples = 0;
};

constexpr std::array kBitrates1{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};  // kbit/s, MPEG 1
constexpr std::array kBitrates2{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};      // MPEG 2 and 2.5
constexpr std::array kRates{44100, 48000, 32000};

// Layer III only, and no free format: what says nothing of its length is no help.
std::optional<Mp3Frame> mp3_frame(std::string_view bytes) {
    if (bytes.size() < 4) return std::nullopt;
    const auto at = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned version = at(1) >> 3U & 3U, layer = at(1) >> 1U & 3U, bitrate = at(2) >> 4U, rate = at(2) >> 2U & 3U;
    if (at(0) != 0xFF || (at(1) & 0xE0U) != 0xE0 || version == 1 || layer != 1 || bitrate == 0 || bitrate == 15 || rate == 3) return std::nullopt;
    const bool first = version == 3;
    const int hertz = kRates[rate] / (first ? 1 : version == 2 ? 2 : 4);
    const int kbits = first ? kBitrates1[bitrate] : kBitrates2[bitrate];
    const std::size_t samples = first ? 1152 : 576;
    return Mp3Frame{samples / 8 * static_cast<std::size_t>(kbits) * 1000 / static_cast<std::size_t>(hertz) + (at(2) >> 1U & 1U), samples};
}

// Where the frames end and tags begin: ID3v1 and APE stand behind the sound.
std::int64_t end_of_mp3(const std::string& path, std::int64_t size) {
    auto end = size;
    const auto tail = last_bytes(path, size, 160);
    const auto tag = tail.size() >= 128 && tail.compare(tail.size() - 128, 3, "TAG") == 0 ? 128U : 0U;
    end -= tag;
    if (const auto rest = std::string_view(tail).substr(0, tail.size() - tag); rest.size() >= 32 && rest.substr(rest.size() - 32, 8) == "APETAGEX") {
        const auto footer = rest.substr(rest.size() - 32);
        const bool header = (static_cast<unsigned char>(footer[23]) & 0x80U) != 0;
        end -= little_endian(footer.substr(12, 4)) + (header ? 32 : 0);
    }
    return end;
}

/// How many bytes the last frame lacks; 0: none, or the end is not understood.
std::size_t missing_of_last_frame(std::string_view end) {
    constexpr std::size_t kSure = 4;  // frames in a row are no chance
    for (std::size_t start = 0; start + 4 <= end.size(); ++start) {
        std::size_t at = start, frames = 0;
        while (const auto frame = mp3_frame(end.substr(std::min(at, end.size())))) {
            at += frame->bytes;
            ++frames;
        }
        if (frames < kSure) continue;
        if (at > end.size()) return at - end.size();
        const auto rest = end.substr(at);
        return !rest.empty() && rest.size() < 4 && rest.front() == '\xFF' ? 4 - rest.size() : 0;
    }
    return 0;
}

// ID3v2 stands before the sound; its length has 7 bits in a byte.
std::streamoff start_of_mp3(std::istream& in) {
    std::array<char, 10> tag{};
    in.read(tag.data(), tag.size());
    if (std::string_view(tag.data(), 3) != "ID3") return 0;
    std::streamoff length = 0;
    for (std::size_t i = 6; i < 10; ++i) length = length << 7 | (tag[i] & 0x7F);
    return length + 10;
}

// Encoders write how many frames there are into a first, silent one.
bool tells_its_length(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    in.seekg(start_of_mp3(in));
    std::string first(64, '\0');
    in.read(first.data(), static_cast<std::streamsize>(first.size()));
    return first.find("Xing") != std::string::npos || first.find("Info") != std::string::npos;
}

std::string mp3_fault(const std::string& path, const FileInfo& info) {
    constexpr std::int64_t kLastFrames = 16384;
    const auto end = end_of_mp3(path, info.bytes);
    const auto missing = end > 0 ? missing_of_last_frame(last_bytes(path, end, kLastFrames)) : 0;
    return missing == 0 ? "" : fmt::format("its last frame lacks {} bytes", missing);
}

std::string in_time(std::int64_t frames, int rate_hz) {
    const auto time = std::chrono::milliseconds(frames * 1000 / rate_hz);
    return time.count() > 0 ? format_duration(time) : fmt::format("{} samples", frames);
}

}  // namespace

std::string why_incomplete(const std::string& path, const FileInfo& info, std::int64_t frames) {
    if (frames == 0) return "there is no sound in it";
    if (info.container == "ogg") return ogg_fault(path, info.bytes);
    if (info.container == "wav") return wav_fault(path, info.bytes);
    if (info.container == "mp3") {
        if (auto fault = mp3_fault(path, info); !fault.empty()) return fault;
    }
    // FLAC knows to the sample how long it is; an MP3 to the frame, if its encoder said so, and else by its size only.
    const auto tolerance = info.container == "flac" ? 1 : info.container == "mp3" && tells_its_length(path) ? 576 : info.rate_hz / 10;
    if (info.frames - frames < tolerance) return "";
    return fmt::format("the last {} that its header promises are missing", in_time(info.frames - frames, info.rate_hz));
}

}  // namespace voicectl::audio
