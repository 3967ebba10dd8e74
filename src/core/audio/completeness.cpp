#include "completeness.h"

#include <algorithm>
#include <array>
#include <fstream>

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

}  // namespace

std::string why_incomplete(const std::string& path, const FileInfo& info, std::int64_t frames) {
    if (frames == 0) return "there is no sound in it";
    if (info.container == "ogg") return ogg_fault(path, info.bytes);
    if (info.container == "wav") return wav_fault(path, info.bytes);
    const auto missing = std::chrono::milliseconds((info.frames - frames) * 1000 / info.rate_hz);
    if (missing < std::chrono::milliseconds(100)) return "";
    return fmt::format("the last {} that its header promises are missing", format_duration(missing));
}

}  // namespace voicectl::audio
