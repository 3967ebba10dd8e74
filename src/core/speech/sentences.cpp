#include "core/speech/sentences.h"

#include <algorithm>
#include <array>
#include <utility>

#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/// "Dr. Smith" and "9 a.m. on" go on after their dot.
bool ends_in_abbreviation(std::string_view text) {
    const auto begin = text.find_last_of(" \t\n");
    const auto word = to_lower_ascii(begin == std::string_view::npos ? text : text.substr(begin + 1));
    constexpr std::array<std::string_view, 11> kKnown{"dr", "mr", "mrs", "ms", "st", "prof", "no", "a.m", "p.m", "e.g", "i.e"};
    return std::find(kKnown.begin(), kKnown.end(), word) != kKnown.end();
}

/// A sign that ends a sentence has space or nothing after it: "3.5" holds none.
std::size_t sentence_end(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n') return i + 1;
        if (text[i] != '.' && text[i] != '!' && text[i] != '?') continue;
        if (i + 1 < text.size() && !is_space(text[i + 1])) continue;
        if (text[i] != '.' || !ends_in_abbreviation(text.substr(0, i))) return i + 1;
    }
    return text.size();
}

/// Where to cut a sentence that is too long: after a comma if there is one in the second half, else at the
/// last space, else hard, but not inside a character.
std::size_t cut_inside(std::string_view text, std::size_t limit) {
    const auto head = text.substr(0, limit);
    if (const auto comma = head.find_last_of(",;:"); comma != std::string_view::npos && comma > limit / 2)
        return comma + 1;
    if (const auto space = head.find_last_of(" \t"); space != std::string_view::npos && space > 0) return space;
    std::size_t at = limit;
    while (at > 1 && (text[at] & 0xC0) == 0x80) --at;
    return at;
}

using Plain = std::pair<std::string_view, std::string_view>;
constexpr std::array kPlain{
    Plain{"\u2018", "'"}, Plain{"\u2019", "'"}, Plain{"\u201C", "\""}, Plain{"\u201D", "\""}, Plain{"\u2013", "-"},
    Plain{"\u2014", ", "}, Plain{"\u2026", "..."}, Plain{"\u20AC", " euros "}, Plain{"\u00A3", " pounds "},
    Plain{"\u00DF", "ss"}, Plain{"\u00E6", "ae"}, Plain{"\u00C6", "Ae"}, Plain{"\u00F8", "o"}, Plain{"\u00D8", "O"},
    Plain{"\u0153", "oe"}, Plain{"\u00B0", " degrees "}};

// U+00C0 to U+00FF without their accents; '?' where the table above knows better or there is no letter.
constexpr std::string_view kLatin1 = "AAAAAA?CEEEEIIII?NOOOOO??UUUUY??aaaaaa?ceeeeiiii?nooooo??uuuuy?y";

std::size_t sequence_length(unsigned char first) {
    return first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
}

std::string plain(std::string_view character) {
    for (const auto& [from, to] : kPlain)
        if (character == from) return std::string(to);
    if (character.size() == 2 && character[0] == '\xC3') {
        const char letter = kLatin1[static_cast<unsigned char>(character[1]) - 0x80u];
        if (letter != '?') return std::string(1, letter);
    }
    return " ";
}

}  // namespace

std::vector<std::string> split_for_speech(std::string_view text, std::size_t limit) {
    std::vector<std::string> pieces;
    while (true) {
        text = trim(text);
        if (text.empty()) return pieces;
        auto end = sentence_end(text);
        if (end > limit) end = cut_inside(text, limit);
        if (const auto piece = trim(text.substr(0, end)); !piece.empty()) pieces.emplace_back(piece);
        text.remove_prefix(end);
    }
}

std::string to_plain_ascii(std::string_view utf8) {
    const auto valid = valid_utf8(utf8);
    std::string out;
    for (std::string_view rest = valid; !rest.empty();) {
        const auto length = sequence_length(static_cast<unsigned char>(rest[0]));
        const char first = rest[0];
        if (length > 1) out += plain(rest.substr(0, length));
        else if (first == '\n' || (first >= ' ' && first != '\x7F')) out += first;
        else out += ' ';
        rest.remove_prefix(length);
    }
    return out;
}

}  // namespace voicectl::speech
