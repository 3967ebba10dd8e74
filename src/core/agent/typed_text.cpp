#include "typed_text.h"

#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

std::size_t bytes_of(unsigned char first) { return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4; }

// Of a valid character.
char32_t value_of(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    if (character.size() == 1) return first;
    char32_t value = first & (0x7Fu >> character.size());
    for (const char next : character.substr(1)) value = value << 6 | (static_cast<unsigned char>(next) & 0x3Fu);
    return value;
}

bool is_hidden(char32_t c) {
    return (c < 0x20 && c != '\n') || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xE0000 && c <= 0xE0FFF);
}

}  // namespace

std::string to_typed_text(std::string_view text, std::size_t limit) {
    const auto valid = valid_utf8(text.substr(0, limit * 4 + 4));  // no character has more bytes
    std::string out;
    std::size_t count = 0;
    for (std::size_t at = 0; at < valid.size() && count < limit;) {
        const auto character = std::string_view(valid).substr(at, bytes_of(static_cast<unsigned char>(valid[at])));
        at += character.size();
        const auto value = value_of(character);
        if (value == '\r' && at < valid.size() && valid[at] == '\n') continue;
        const bool line = value == '\r' || value == 0x85 || value == 0x2028 || value == 0x2029;
        if (line) out += '\n';
        else if (value == '\t') out += ' ';
        else if (is_hidden(value)) continue;
        else out += character;
        ++count;
    }
    return std::string(trim(out));
}

}  // namespace voicectl::agent
