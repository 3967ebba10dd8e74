#include "voicectl/speech/sounds.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

constexpr const char* kDictionary = "/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict";
constexpr double kVowels = 0.4, kSameKind = 0.5;  // credit of phones that are easily taken for each other
constexpr double kGap = -0.5, kMismatch = -0.4;   // of the alignment
constexpr double kHeardShare = 0.6;

constexpr std::array<std::string_view, 15> kVowelNames{"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER",
                                                       "EY", "IH", "IY", "OW", "OY", "UH", "UW"};
constexpr std::array<std::string_view, 9> kKinds{" P B ", " T D ", " K G ", " F V ", " TH DH ",
                                                 " S Z SH ZH ", " CH JH ", " M N NG ", " L R W Y "};

struct Phone {
    std::string name;
    std::size_t word;
};

bool is_vowel(std::string_view phone) { return std::find(kVowelNames.begin(), kVowelNames.end(), phone) != kVowelNames.end(); }

double likeness(const std::string& a, const std::string& b) {
    if (a == b) return 1;
    if (is_vowel(a) && is_vowel(b)) return kVowels;
    const auto in = [](std::string_view kind, const std::string& phone) { return kind.find(" " + phone + " ") != std::string_view::npos; };
    const bool same = std::any_of(kKinds.begin(), kKinds.end(), [&](std::string_view kind) { return in(kind, a) && in(kind, b); });
    return same ? kSameKind : 0;
}

std::vector<Phone> spell_out(const std::vector<std::string>& words, const Pronunciations& pronunciations) {
    std::vector<Phone> out;
    for (std::size_t i = 0; i < words.size(); ++i)
        for (auto& name : pronunciations.phones(words[i])) out.push_back({std::move(name), i});
    return out;
}

/// Credit per expected word of the best alignment; phones heard before and after it are free.
std::vector<double> credits(const std::vector<Phone>& expected, const std::vector<Phone>& heard, std::size_t words) {
    enum Step : char { Pair, Skip, Extra };
    const auto columns = heard.size() + 1;
    std::vector<double> previous(columns, 0), current(columns, 0);
    std::vector<Step> steps((expected.size() + 1) * columns, Extra);
    for (std::size_t i = 1; i <= expected.size(); ++i) {
        current[0] = previous[0] + kGap;
        steps[i * columns] = Skip;
        const double extra_cost = i < expected.size() ? kGap : 0;
        for (std::size_t j = 1; j < columns; ++j) {
            const double alike = likeness(expected[i - 1].name, heard[j - 1].name);
            const double pair = previous[j - 1] + (alike > 0 ? alike : kMismatch);
            const double skip = previous[j] + kGap, extra = current[j - 1] + extra_cost;
            current[j] = std::max({pair, skip, extra});
            steps[i * columns + j] = current[j] == pair ? Pair : current[j] == skip ? Skip : Extra;
        }
        std::swap(previous, current);
    }
    std::vector<double> out(words, 0);
    for (std::size_t i = expected.size(), j = heard.size(); i > 0;) {
        const auto step = steps[i * columns + j];
        if (step == Pair) out[expected[i - 1].word] += likeness(expected[i - 1].name, heard[j - 1].name);
        i -= step != Extra;
        j -= step != Skip;
    }
    return out;
}

}  // namespace

Result<Pronunciations> Pronunciations::load(const std::string& path) {
    auto text = read_file(path.empty() ? kDictionary : path);
    if (!text) return fail_with_hint(Errc::Missing, text.error().message, "apt install pocketsphinx-en-us");
    Pronunciations out;
    for (std::string_view rest = *text; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto space = line.find(' ');
        if (space == std::string_view::npos || line[space - 1] == ')') continue;  // "word(2)": another way to say it
        out.entries_.emplace(line.substr(0, space), trim(line.substr(space)));
    }
    return out;
}

std::vector<std::string> Pronunciations::phones(const std::string& word) const {
    const auto found = entries_.find(word);
    return found == entries_.end() ? std::vector<std::string>{word} : split(found->second, ' ');
}

WordMatch compare_sounds(std::string_view expected, std::string_view heard, const Pronunciations& pronunciations) {
    auto by_words = compare_words(expected, heard, Extent::Part);
    const auto words = to_words(expected);
    if (words.size() < kWordsToCompareSounds) return by_words;
    const auto wanted = spell_out(words, pronunciations);
    std::vector<double> lengths(words.size(), 0);
    for (const auto& phone : wanted) lengths[phone.word] += 1;
    const auto credit = credits(wanted, spell_out(to_words(heard), pronunciations), words.size());

    WordMatch by_sounds;
    by_sounds.expected = static_cast<int>(words.size());
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (credit[i] >= kHeardShare * lengths[i]) ++by_sounds.matched;
        else by_sounds.missing.push_back(words[i]);
    }
    by_sounds.deleted = by_sounds.expected - by_sounds.matched;
    by_sounds.score = static_cast<double>(by_sounds.matched) / by_sounds.expected;
    return by_sounds.score > by_words.score ? by_sounds : by_words;
}

}  // namespace voicectl::speech
