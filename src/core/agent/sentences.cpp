#include "voicectl/agent/sentences.h"

#include <algorithm>
#include <array>

#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

constexpr std::size_t kShortest = 12;   // "Yes." alone sounds clipped: it waits for company
constexpr std::size_t kLongest = 400;   // a model that never ends a sentence is cut at a comma or space

// "Dr." and the like end no sentence, nor does the dot of "3.5" or of an initial.
bool is_abbreviation(std::string_view before_dot) {
    const auto at = before_dot.find_last_of(" \n\t(\"");
    const auto word = to_lower_ascii(at == std::string_view::npos ? before_dot : before_dot.substr(at + 1));
    constexpr std::array<std::string_view, 14> kKnown{"dr", "mr", "mrs", "ms", "st", "no", "vs", "e.g", "i.e", "etc", "prof", "jr", "sr", "approx"};
    return (word.size() == 1 && word != "i") || std::find(kKnown.begin(), kKnown.end(), word) != kKnown.end();
}

// One past the end of the first sentence that is surely over (white space follows), or npos.
std::size_t sentence_end(std::string_view text) {
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n' && i >= kShortest) return i + 1;
        if (c != '.' && c != '!' && c != '?') continue;
        auto end = i + 1;
        while (end < text.size() && (text[end] == '"' || text[end] == '\'' || text[end] == ')' || text[end] == '.')) ++end;
        if (end >= text.size() || (text[end] != ' ' && text[end] != '\n' && text[end] != '\t')) continue;
        if (c == '.' && is_abbreviation(text.substr(0, i))) continue;
        if (trim(text.substr(0, end)).size() >= kShortest) return end;
    }
    if (text.size() < kLongest) return std::string_view::npos;
    const auto head = text.substr(0, kLongest);
    const auto comma = head.find_last_of(",;:");
    if (comma != std::string_view::npos && comma >= kShortest) return comma + 1;
    const auto space = head.find_last_of(' ');
    if (space != std::string_view::npos && space >= kShortest) return space;
    auto cut = kLongest;  // one endless word: at least not inside a character
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
    return cut;
}

}  // namespace

std::optional<std::string> SentenceSplitter::next() {
    while (true) {
        const auto end = sentence_end(text_);
        if (end == std::string::npos) return std::nullopt;
        std::string sentence(trim(std::string_view(text_).substr(0, end)));
        text_.erase(0, end);
        if (!sentence.empty()) return sentence;
    }
}

std::optional<std::string> SentenceSplitter::rest() {
    std::string sentence(trim(text_));
    text_.clear();
    if (sentence.empty()) return std::nullopt;
    return sentence;
}

}  // namespace voicectl::agent
