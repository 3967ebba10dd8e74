#include "voicectl/base/text.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdlib>

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
           c == 0x200E || c == 0x200F || c == 0x061C || c == 0x2028 || c == 0x2029;
}

// Zero width, variation selectors, tags: nobody sees them, and a model reads them.
bool is_invisible(char32_t c) {
    return c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x061C || c == 0xFEFF ||
           (c >= 0xE0000 && c <= 0xE0FFF);
}

bool ends_line(char32_t c) { return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029; }

}  // namespace

CodePoint first_code_point(std::string_view text) { return decode_utf8(text); }

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

std::string plain_text(std::string_view text, std::size_t limit, bool lines) {
    std::string out;
    for (std::size_t count = 0; !text.empty() && count < limit;) {
        const auto [value, bytes] = decode_utf8(text);
        const auto whole = text.substr(0, std::max<std::size_t>(1, bytes));
        text.remove_prefix(whole.size());
        if (value == '\r' || is_invisible(value)) continue;
        const bool control = value < 0x20 || (value >= 0x7F && value < 0xA0) || ends_line(value);
        if (bytes == 0) out += "\xEF\xBF\xBD";
        else if (!control || (lines && value == '\t')) out += whole;
        else out += lines && ends_line(value) ? '\n' : ' ';
        ++count;
    }
    return out;
}

bool is_uuid(std::string_view text) {
    constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.size() != kForm.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool hex = std::string_view("0123456789abcdefABCDEF").find(text[i]) != std::string_view::npos;
        if (kForm[i] == '-' ? text[i] != '-' : !hex) return false;
    }
    return true;
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

}  // namespace voicectl
