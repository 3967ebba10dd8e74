// What the text rules know of a language: lists, and nothing that must be computed. All in lower case.
#pragma once

#include <string_view>
#include <vector>

namespace voicectl::agent {

using WordList = std::vector<std::string_view>;

struct LanguageRules {
    std::string_view name;         // "en"
    WordList never_last;           // words or phrases after which more must come: "and", "my name is"
    WordList never_last_in_plain;  // nor these, but in a question they may: "of" ("what is it made of")
    WordList particles;            // may be last after one of particle_of: "on", but "hold on"
    WordList particle_of;
    WordList fillers;              // "um", "let me see"
    WordList whole;                // a turn by themselves: "yes please"
    WordList closing;              // end one: "thank you"
    WordList question_words;       // "when", and what follows them in a question …
    WordList question_followers;   // … or (empty) what does not
    WordList statement_followers;
    WordList question_verbs;       // "can", with one of …
    WordList question_subjects;    // … "you" after it
    WordList digits;               // as words
};

const std::vector<LanguageRules>& language_rules();

}  // namespace voicectl::agent
