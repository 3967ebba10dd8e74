#include "voicectl/speech/sentences.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

constexpr std::size_t kShortestAlone = 12;  // "Yes." alone sounds clipped: it waits for company
constexpr std::size_t kShortestClause = 24; // a shorter one is over before the next is made
constexpr std::size_t kLongestWait = 400;   // a model that never ends a sentence is cut at a comma or space

/// "Dr. Smith", "9 a.m. on" and "J. Miller" go on after their dot.
bool ends_in_abbreviation(std::string_view before_dot) {
    const auto begin = before_dot.find_last_of(" \t\n(\"");
    const auto word = to_lower_ascii(begin == std::string_view::npos ? before_dot : before_dot.substr(begin + 1));
    constexpr std::array<std::string_view, 16> kKnown{"dr", "mr",  "mrs", "ms",  "st",  "prof", "no", "vs",
                                                      "jr", "sr", "a.m", "p.m", "e.g", "i.e",  "etc", "approx"};
    return (word.size() == 1 && word != "i" && std::isalpha(static_cast<unsigned char>(word[0])) != 0) ||
           std::find(kKnown.begin(), kKnown.end(), word) != kKnown.end();
}

/// One past the first comma or the like that ends a clause of some length.
std::size_t clause_end(std::string_view text) {
    for (std::size_t i = kShortestClause; i + 1 < text.size(); ++i)
        if ((text[i] == ',' || text[i] == ';' || text[i] == ':') && is_space(text[i + 1])) return i + 1;
    return std::string_view::npos;
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

std::size_t sentence_end(std::string_view text, std::size_t shortest) {
    constexpr std::string_view kClosing = "\"').!?";
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] == '\n' && i >= shortest) return i + 1;
        if (text[i] != '.' && text[i] != '!' && text[i] != '?') continue;
        auto end = i + 1;
        while (end < text.size() && kClosing.contains(text[end])) ++end;
        if (end >= text.size() || !is_space(text[end])) continue;
        if (text[i] == '.' && ends_in_abbreviation(text.substr(0, i))) continue;
        if (trim(text.substr(0, end)).size() >= shortest) return end;
    }
    return std::string_view::npos;
}

std::size_t cut_inside(std::string_view text, std::size_t limit) {
    const auto head = text.substr(0, limit);
    if (const auto comma = head.find_last_of(",;:"); comma != std::string_view::npos && comma > limit / 2)
        return comma + 1;
    if (const auto space = head.find_last_of(" \t"); space != std::string_view::npos && space > 0) return space;
    std::size_t at = limit;
    while (at > 1 && (text[at] & 0xC0) == 0x80) --at;
    return at;
}

std::vector<std::string> split_for_speech(std::string_view text, std::size_t limit) {
    std::vector<std::string> pieces;
    while (true) {
        text = trim(text);
        if (text.empty()) return pieces;
        auto end = std::min(sentence_end(text), text.size());
        if (end > limit) end = cut_inside(text, limit);
        if (const auto piece = trim(text.substr(0, end)); !piece.empty()) pieces.emplace_back(piece);
        text.remove_prefix(end);
    }
}

std::optional<std::string> SentenceSplitter::next() {
    while (true) {
        auto end = sentence_end(text_, kShortestAlone);
        if (first_ == First::Clause) end = std::min(end, clause_end(text_));
        if (end == std::string::npos && text_.size() >= kLongestWait) end = cut_inside(text_, kLongestWait);
        if (end == std::string::npos) return std::nullopt;
        std::string sentence(trim(std::string_view(text_).substr(0, end)));
        text_.erase(0, end);
        first_ = First::Sentence;
        if (!sentence.empty()) return sentence;
    }
}

std::optional<std::string> SentenceSplitter::rest() {
    std::string sentence(trim(text_));
    text_.clear();
    if (sentence.empty()) return std::nullopt;
    return sentence;
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
