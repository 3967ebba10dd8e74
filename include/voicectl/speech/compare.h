// Is what was heard what was expected? Words in order, with a stated tolerance. Pure, any thread.
//
// Both texts become words first (to_words): lower case, punctuation dropped, numbers and a few signs and
// titles spelled out as they are spoken. Two words are the same when they are equal, or equal after
// dropping a plural or possessive "s" ("table" and "tables", "doctor's" and "doctors"): an s at a word's
// end is what recognisers lose first, and it never changes which answer was given. Nothing else is
// forgiven: words that merely sound alike count as missing.
//
// A recogniser of free speech gets 5 to 15 of 100 words wrong even with a clean voice. Answers to other
// questions share small words at most ("we are", "the", "is"). What score is enough is for the asker to say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace voicectl::speech {

/// "Open 9am–5:30 p.m., Dr. Smith's!" -> open nine am five thirty pm doctor smith's
std::vector<std::string> to_words(std::string_view text);

enum class Extent {
    Whole,  // everything heard belongs to what was expected: further words cost
    Part,   // the expected words are looked for anywhere in what was heard
};

struct WordMatch {
    int expected = 0;     // words expected
    int matched = 0;      // of them heard, in order
    int substituted = 0;  // another word heard in place of one
    int deleted = 0;      // not heard at all
    int inserted = 0;     // heard and not expected; with Extent::Part only between the first and last match
    double score = 0;     // 0 to 1: 1 - (substituted + deleted + inserted) / expected; 0 when nothing is expected
                          // but something heard, 1 when both are empty
    std::vector<std::string> missing;  // the expected words that were not heard
    std::vector<std::string> extra;    // the words heard in place of them or between them

    /// Words wrong per word expected, as recognisers are measured; may pass 1.
    double word_error_rate() const;
};

WordMatch compare_words(std::string_view expected, std::string_view heard, Extent extent);

}  // namespace voicectl::speech
