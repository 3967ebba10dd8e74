#include "voicectl/base/text.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <ctime>
#include <limits>

namespace voicectl {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

unsigned char byte(char c) { return static_cast<unsigned char>(c); }

std::string encode(std::string_view bytes, std::string_view alphabet, bool padded) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto count = std::min<std::size_t>(3, bytes.size() - i);
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? byte(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k <= count; ++k) out += alphabet[group >> (18 - 6 * k) & 63];
        if (padded) out.append(3 - count, '=');
    }
    return out;
}

Result<std::string> decode(std::string_view text, std::string_view alphabet) {
    std::string out;
    unsigned group = 0;
    int bits = 0;
    for (const char c : text) {
        const auto value = alphabet.find(c);
        if (value == std::string_view::npos) return fail(Errc::Protocol, "not base64");
        group = group << 6 | static_cast<unsigned>(value);
        if ((bits += 6) < 8) continue;
        bits -= 8;
        out += static_cast<char>(group >> bits & 0xFF);
    }
    // Left-over bits must be zero and fewer than six, or two texts would mean the same bytes.
    if (bits >= 6 || (group & ((1u << bits) - 1)) != 0) return fail(Errc::Protocol, "truncated base64");
    return out;
}

struct CodePoint {
    char32_t value;
    std::size_t bytes;  // 0: invalid
};

// One code point as RFC 3629 allows it: no overlong forms, surrogates or values past U+10FFFF.
CodePoint decode_utf8(std::string_view text) {
    const auto first = byte(text[0]);
    if (first < 0x80) return {first, 1};
    const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
    if (bytes == 0 || first > 0xF4 || text.size() < bytes) return {0xFFFD, 0};
    char32_t value = first & (0x7Fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(text[i]) & 0xC0) != 0x80) return {0xFFFD, 0};
        value = value << 6 | (byte(text[i]) & 0x3Fu);
    }
    constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < kSmallest[bytes] || value > 0x10FFFF || surrogate) return {0xFFFD, 0};
    return {value, bytes};
}

bool steers_terminal(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0x200E || c == 0x200F;
}

struct Unit {
    std::string_view name;
    double milliseconds;
};
constexpr std::array kUnits{Unit{"ms", 1},      Unit{"s", 1e3},    Unit{"m", 60e3},
                            Unit{"h", 3600e3}, Unit{"d", 86400e3}, Unit{"w", 604800e3}};

}  // namespace

std::string base64url_encode(std::string_view bytes) { return encode(bytes, kUrl, false); }
Result<std::string> base64url_decode(std::string_view text) { return decode(text, kUrl); }
std::string base64_encode(std::string_view bytes) { return encode(bytes, kStandard, true); }

Result<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return fail(Errc::Protocol, "truncated base64");
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    return decode(text, kStandard);
}

std::string random_id(std::size_t length) {
    constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    constexpr unsigned kFair = 256 - 256 % kAlphabet.size();  // above it, a remainder would favour the first letters
    std::string out;
    while (out.size() < length) {
        std::array<unsigned char, 64> bytes{};
        if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) std::abort();
        for (const auto value : bytes)
            if (value < kFair && out.size() < length) out += kAlphabet[value % kAlphabet.size()];
    }
    return out;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto refuse = [&] {
        return fail_with_hint(Errc::Usage, fmt::format("'{}' is not a duration", terminal_safe(valid_utf8(text))),
                              "write it like 90s, 15m, 2h, 1d or 1h30m");
    };
    double total = 0;
    auto rest = trim(text);
    if (rest.empty()) return refuse();
    while (!rest.empty()) {
        double number = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
        if (error != std::errc{} || number < 0 || !std::isfinite(number)) return refuse();
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        auto length = rest.find_first_of("0123456789.");
        const auto unit_name = rest.substr(0, length);
        rest.remove_prefix(unit_name.size());
        const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == unit_name; });
        if (unit != kUnits.end()) {
            total += number * unit->milliseconds;
        } else if (unit_name.empty() && total == 0 && rest.empty()) {
            total += number * 1e3;  // a bare number: seconds
        } else {
            return refuse();
        }
    }
    constexpr double kHundredYears = 100.0 * 365 * 86400e3;
    if (total > kHundredYears) return refuse();
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::llround(total)));
}

std::string format_duration(std::chrono::milliseconds duration) {
    const auto ms = duration.count();
    if (ms < 1000) return fmt::format("{} ms", ms);
    if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1e3);
    const auto seconds = ms / 1000;
    if (seconds < 3600) return fmt::format("{}m {}s", seconds / 60, seconds % 60);
    if (seconds < 86'400) return fmt::format("{}h {}m", seconds / 3600, seconds % 3600 / 60);
    return fmt::format("{}d {}h", seconds / 86'400, seconds % 86'400 / 3600);
}

std::string format_time(std::chrono::system_clock::time_point time) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), ms % 1000);
}

std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto [value, bytes] = decode_utf8(text);
        if (bytes == 0) out += "\xEF\xBF\xBD";
        else out += text.substr(0, bytes);
        text.remove_prefix(std::max<std::size_t>(1, bytes));
    }
    return out;
}

std::string terminal_safe(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto [value, bytes] = decode_utf8(text);
        const auto step = std::max<std::size_t>(1, bytes);
        if (bytes == 0) out += fmt::format("\\x{:02x}", byte(text[0]));
        else if (value == '\n') out += "\\n";
        else if (value == '\t') out += "\\t";
        else if (steers_terminal(value)) out += fmt::format("\\u{:04x}", static_cast<unsigned>(value));
        else out += text.substr(0, bytes);
        text.remove_prefix(step);
    }
    return out;
}

std::size_t utf8_length(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (byte(c) & 0xC0) != 0x80; }));
}

std::string to_lower_ascii(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const auto begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> out;
    while (true) {
        const auto at = text.find(separator);
        out.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) return out;
        text.remove_prefix(at + 1);
    }
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        const auto code = errno == ENOENT ? Errc::NotFound : Errc::Io;
        return fail(code, "cannot read {}: {}", path, std::strerror(errno));
    }
    std::string out;
    std::array<char, 65536> chunk{};
    ssize_t got = 0;
    while ((got = read(file, chunk.data(), chunk.size())) > 0 && out.size() <= limit)
        out.append(chunk.data(), static_cast<std::size_t>(got));
    const int error = errno;
    close(file);
    if (got < 0) return fail(Errc::Io, "cannot read {}: {}", path, std::strerror(error));
    if (out.size() > limit) return fail(Errc::Io, "{} is larger than {} bytes", path, limit);
    return out;
}

Result<void> write_file_atomically(const std::string& path, std::string_view bytes, int mode) {
    const auto beside = path + "." + random_id(8) + ".part";
    const int file = open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0) return fail(Errc::Io, "cannot write {}: {}", path, std::strerror(errno));
    bool good = true;
    while (good && !bytes.empty()) {
        const auto put = write(file, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        good = put > 0;
        if (good) bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    good = good && fsync(file) == 0;
    int error = errno;
    close(file);
    if (good && rename(beside.c_str(), path.c_str()) == 0) return {};
    if (good) error = errno;
    unlink(beside.c_str());
    return fail(Errc::Io, "cannot write {}: {}", path, std::strerror(error));
}

}  // namespace voicectl
