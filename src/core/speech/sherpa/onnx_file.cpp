#include "core/speech/sherpa/onnx_file.h"

#include <filesystem>
#include <fstream>
#include <optional>

#include "voicectl/base/text.h"

namespace voicectl::speech::sherpa {
namespace {

// onnx.proto: message ModelProto { int64 ir_version = 1; … GraphProto graph = 7; … StringStringEntryProto metadata_props = 14; }
constexpr std::uint64_t kIrVersion = 1, kGraph = 7, kNotes = 14, kLastField = 25;
constexpr std::uint64_t kLongestNote = 1024 * 1024, kMostNotes = 1000;

/// Protocol Buffers' wire format, as far as the outermost message needs it.
class WireReader {
 public:
    WireReader(std::istream& in, std::uint64_t size) : in_(in), left_(size) {}

    std::uint64_t left() const { return left_; }
    std::optional<std::uint64_t> number() {
        std::uint64_t out = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const int byte = in_.get();
            if (byte < 0 || left_ == 0) return std::nullopt;
            --left_;
            out |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if ((byte & 0x80) == 0) return out;
        }
        return std::nullopt;
    }
    bool skip(std::uint64_t bytes) {
        if (bytes > left_) return false;
        left_ -= bytes;
        return static_cast<bool>(in_.seekg(static_cast<std::streamoff>(bytes), std::ios::cur));
    }
    std::optional<std::string> text(std::uint64_t bytes) {
        if (bytes > left_ || bytes > kLongestNote) return std::nullopt;
        std::string out(bytes, '\0');
        if (!in_.read(out.data(), static_cast<std::streamsize>(bytes))) return std::nullopt;
        left_ -= bytes;
        return out;
    }

 private:
    std::istream& in_;
    std::uint64_t left_;
};

/// One entry: key = 1, value = 2, both text.
bool read_note(WireReader& wire, std::uint64_t size, std::map<std::string, std::string>& notes) {
    std::string key, value;
    const auto end = wire.left() - size;
    while (wire.left() > end) {
        const auto tag = wire.number(), length = wire.number();
        if (!tag || !length || wire.left() < end || (*tag != (1U << 3 | 2) && *tag != (2U << 3 | 2))) return false;
        auto text = wire.text(*length);
        if (!text) return false;
        (*tag >> 3 == 1 ? key : value) = std::move(*text);
    }
    notes[key] = value;
    return wire.left() == end && notes.size() <= kMostNotes;
}

bool read_model(WireReader& wire, std::map<std::string, std::string>& notes) {
    bool versioned = false, graph = false;
    while (wire.left() > 0) {
        const auto tag = wire.number();
        if (!tag) return false;
        const auto field = *tag >> 3, kind = *tag & 7;
        if (field == 0 || field > kLastField) return false;
        if (kind == 0) {
            if (!wire.number()) return false;
            versioned = versioned || field == kIrVersion;
            continue;
        }
        const auto length = kind == 2 ? wire.number() : std::nullopt;
        if (!length || *length > wire.left()) return false;
        graph = graph || field == kGraph;
        if (!(field == kNotes ? read_note(wire, *length, notes) : wire.skip(*length))) return false;
    }
    return versioned && graph;
}

Result<std::uint64_t> size_of(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return fail(Errc::NotFound, "{} is not there", path);
    const auto size = std::filesystem::file_size(path, error);
    if (error) return fail(Errc::Io, "{} cannot be read: {}", path, error.message());
    return size;
}

}  // namespace

Result<std::map<std::string, std::string>> read_onnx_notes(const std::string& path) {
    VC_TRY_ASSIGN(const auto size, size_of(path));
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail(Errc::Io, "{} cannot be opened", path);
    WireReader wire(in, size);
    std::map<std::string, std::string> notes;
    if (!read_model(wire, notes)) return fail(Errc::Config, "{} is no ONNX model, or one that is cut off", path);
    return notes;
}

Result<void> check_onnx(const std::string& path, const std::vector<std::string>& keys) {
    VC_TRY_ASSIGN(const auto notes, read_onnx_notes(path));
    for (const auto& key : keys)
        if (const auto note = notes.find(key); note == notes.end() || note->second.empty())
            return fail_with_hint(Errc::Config, fmt::format("{} does not tell its {}", path, key), "use the model as sherpa-onnx's releases have it");
    return {};
}

Result<void> check_tokens(const std::string& path) {
    VC_TRY_ASSIGN(const auto size, size_of(path));
    if (size > 16 * 1024 * 1024) return fail(Errc::Config, "{} is too long for a list of symbols", path);
    VC_TRY_ASSIGN(const auto text, read_file(path));
    int lines = 0;
    for (const auto& line : split(text, '\n')) {
        const auto bare = line.ends_with('\r') ? std::string_view(line).substr(0, line.size() - 1) : std::string_view(line);
        if (bare.empty()) continue;
        const auto blank = bare.find_last_of(" \t");
        const auto number = blank == std::string_view::npos ? std::string_view() : bare.substr(blank + 1);
        if (number.empty() || number.size() > 8 || number.find_first_not_of("0123456789") != std::string_view::npos)
            return fail(Errc::Config, "{} is no list of symbols and their numbers: line {}", path, lines + 1);
        ++lines;
    }
    if (lines == 0) return fail(Errc::Config, "{} is empty", path);
    return {};
}

}  // namespace voicectl::speech::sherpa
