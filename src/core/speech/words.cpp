// Text into the words that are spoken for it: to_words() of compare.h.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "voicectl/base/text.h"
#include "voicectl/speech/compare.h"

namespace voicectl::speech {
namespace {

using Words = std::vector<std::string>;

constexpr std::array<const char*, 20> kOnes{"zero",    "one",     "two",       "three",    "four",
                                            "five",    "six",     "seven",     "eight",    "nine",
                                            "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                            "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<const char*, 10> kTens{"",      "",      "twenty",  "thirty", "forty",
                                            "fifty", "sixty", "seventy", "eighty", "ninety"};

using Pair = std::pair<std::string_view, std::string_view>;
constexpr std::array kIrregularOrdinals{Pair{"one", "first"},   Pair{"two", "second"},  Pair{"three", "third"},
                                        Pair{"five", "fifth"},  Pair{"eight", "eighth"}, Pair{"nine", "ninth"},
                                        Pair{"twelve", "twelfth"}};
constexpr std::array kAbbreviations{Pair{"dr", "doctor"}, Pair{"mr", "mister"}, Pair{"mrs", "missus"},
                                    Pair{"ok", "okay"}};
constexpr std::array kSigns{Pair{"&", "and"}, Pair{"%", "percent"}, Pair{"@", "at"}, Pair{"+", "plus"}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || c == '\'' || (c & 0x80) != 0; }

void add_below_thousand(std::uint64_t value, Words& out) {
    if (value >= 100) {
        out.emplace_back(kOnes[value / 100]);
        out.emplace_back("hundred");
        value %= 100;
        if (value == 0) return;
    }
    if (value < 20) {
        out.emplace_back(kOnes[value]);
        return;
    }
    out.emplace_back(kTens[value / 10]);
    if (value % 10 != 0) out.emplace_back(kOnes[value % 10]);
}

void add_number(std::uint64_t value, Words& out) {
    if (value == 0) out.emplace_back(kOnes[0]);
    constexpr std::array<std::pair<std::uint64_t, const char*>, 3> kScales{
        {{1'000'000'000, "billion"}, {1'000'000, "million"}, {1000, "thousand"}}};
    for (const auto& [scale, name] : kScales) {
        if (value < scale) continue;
        add_below_thousand(value / scale, out);
        out.emplace_back(name);
        value %= scale;
        if (value == 0) return;
    }
    if (value > 0) add_below_thousand(value, out);
}

void add_digits(std::string_view digits, Words& out) {
    for (const char digit : digits) out.emplace_back(kOnes[static_cast<std::size_t>(digit - '0')]);
}

/// Counted up to 12 digits; longer ones and those with a leading zero are telephone numbers and codes.
void add_digit_group(std::string_view digits, Words& out) {
    if (digits.size() > 12 || (digits.size() > 1 && digits[0] == '0')) add_digits(digits, out);
    else add_number(std::stoull(std::string(digits)), out);
}

void make_ordinal(std::string& word) {
    for (const auto& [cardinal, ordinal] : kIrregularOrdinals)
        if (word == cardinal) {
            word = ordinal;
            return;
        }
    if (word.ends_with('y')) word.replace(word.size() - 1, 1, "ie");
    word += "th";
}

/// Lower case, with typographic apostrophes and dashes as plain ones, and other signs and emoji as spaces.
std::string simplify(std::string_view text) {
    const auto valid = to_lower_ascii(valid_utf8(text));
    std::string out;
    for (std::size_t i = 0; i < valid.size();) {
        const auto first = static_cast<unsigned char>(valid[i]);
        const std::size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
        const auto character = valid.substr(i, length);
        if (character == "\u2018" || character == "\u2019") out += '\'';
        else if (character == "\u00A3" || character == "\u20AC") out += character;
        else if (length == 4 || character.starts_with("\xE2\x80") || character.starts_with("\xC2")) out += ' ';
        else out += character;
        i += length;
    }
    return out;
}

class Reader {
 public:
    explicit Reader(std::string text) : text_(std::move(text)) {}

    Words read() {
        while (at_ < text_.size()) {
            if (take_currency() || take_number() || take_word() || take_sign()) continue;
            ++at_;
        }
        return join_am_pm();
    }

 private:
    std::string_view rest() const { return std::string_view(text_).substr(at_); }
    char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    std::string_view take_digits() {
        const auto begin = at_;
        while (is_digit(peek())) ++at_;
        return std::string_view(text_).substr(begin, at_ - begin);
    }

    bool take_currency() {
        for (const auto& [sign, name] : {Pair{"$", "dollars"}, Pair{"\u00A3", "pounds"}, Pair{"\u20AC", "euros"}}) {
            if (!rest().starts_with(sign)) continue;
            at_ += sign.size();
            if (take_number()) words_.emplace_back(name);
            return true;
        }
        return false;
    }

    bool take_number() {
        if (!is_digit(peek())) return false;
        std::string digits(take_digits());
        while (peek() == ',' && is_digit(peek(1)) && is_digit(peek(2)) && is_digit(peek(3)) && !is_digit(peek(4))) {
            ++at_;
            digits += take_digits();
        }
        add_digit_group(digits, words_);
        if (peek() == ':' && is_digit(peek(1)) && is_digit(peek(2))) return ++at_, take_minutes();
        if (peek() == '.' && is_digit(peek(1))) {
            ++at_;
            words_.emplace_back("point");
            add_digits(take_digits(), words_);
        }
        for (const std::string_view ending : {"st", "nd", "rd", "th"}) {
            if (!rest().starts_with(ending) || is_letter(peek(2))) continue;
            make_ordinal(words_.back());
            at_ += ending.size();
        }
        return true;
    }

    /// "9:00" is nine, "9:05" nine oh five.
    bool take_minutes() {
        const auto minutes = take_digits();
        if (minutes.size() == 2 && minutes[0] == '0') {
            if (minutes[1] == '0') return true;
            words_.emplace_back("oh");
            add_digits(minutes.substr(1), words_);
        } else {
            add_digit_group(minutes, words_);
        }
        return true;
    }

    bool take_word() {
        if (!is_letter(peek())) return false;
        const auto begin = at_;
        while (is_letter(peek())) ++at_;
        auto word = text_.substr(begin, at_ - begin);
        word.erase(0, word.find_first_not_of('\''));
        word.erase(word.find_last_not_of('\'') + 1);
        for (const auto& [from, to] : kAbbreviations)
            if (word == from) word = to;
        if (!word.empty()) words_.push_back(std::move(word));
        return true;
    }

    bool take_sign() {
        for (const auto& [sign, name] : kSigns) {
            if (!rest().starts_with(sign)) continue;
            words_.emplace_back(name);
            at_ += sign.size();
            return true;
        }
        return false;
    }

    /// "a.m.", "a m" and "am" are the same.
    Words join_am_pm() {
        Words out;
        for (auto& word : words_) {
            if (word == "m" && !out.empty() && (out.back() == "a" || out.back() == "p")) out.back() += 'm';
            else out.push_back(std::move(word));
        }
        return out;
    }

    std::string text_;
    std::size_t at_ = 0;
    Words words_;
};

}  // namespace

std::vector<std::string> to_words(std::string_view text) { return Reader(simplify(text)).read(); }

}  // namespace voicectl::speech
