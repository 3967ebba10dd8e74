// Does what was recognised sound like what was expected? A recogniser of free speech writes "wheel it forward"
// for "we look forward": other words, nearly the same sounds. Comparing sounds forgives that without forgiving
// another answer. Pure; any thread.
//
// Both texts become phones by a pronouncing dictionary (CMUdict, which comes with PocketSphinx's model; words
// that it lacks stand for themselves). An alignment pairs them in order: equal phones count 1, two vowels or
// two consonants of one kind (p b, t d, k g, f v, th dh, s z sh zh, ch jh, m n ng, l r w y) count 0.4 and 0.5.
// An expected word is heard when its phones reach 0.6 of their number. Measured on flite voices through
// PocketSphinx: right answers 0.71 to 1.0, other answers 0.55 at most (tests/unit/speech/sounds.cpp).
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "voicectl/base/result.h"
#include "voicectl/speech/compare.h"

namespace voicectl::speech {

class Pronunciations {
 public:
    /// `path` empty: the dictionary of Debian's pocketsphinx-en-us. About 40 ms.
    static Result<Pronunciations> load(const std::string& path = {});
    /// ARPAbet without stress; the word itself when it is not known.
    std::vector<std::string> phones(const std::string& word) const;

 private:
    std::unordered_map<std::string, std::string> entries_;
};

/// Few words share their sounds with anything: below this many only equal words count.
inline constexpr int kWordsToCompareSounds = 6;

/// The better of compare_words(expected, heard, Part) and the share of expected words that were heard by
/// their sounds; `matched` and `missing` are of the better one.
WordMatch compare_sounds(std::string_view expected, std::string_view heard, const Pronunciations& pronunciations);

}  // namespace voicectl::speech
