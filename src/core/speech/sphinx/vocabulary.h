// The words of a grammar, and how they are pronounced. Blocking (reads a dictionary of 3 MB); any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/speech/sphinx/library.h"

namespace voicectl::speech::sphinx {

/// Word (or "word(2)") and its phones.
using Pronunciations = std::vector<std::pair<std::string, std::string>>;

struct Lookup {
    Pronunciations found;
    std::vector<std::string> unknown;
};

/// A JSGF grammar with one public rule: any one of the sentences. Words as to_words() makes them.
std::string grammar_of_sentences(const std::vector<std::string>& sentences);

using Model = std::unique_ptr<fsg_model_t, decltype(&::fsg_model_free)>;
/// The first public rule as a decoder searches it. (ps_set_jsgf_string() makes the same of a grammar, and leaks
/// it.) Errc::Config with what is wrong.
Result<Model> model_of_grammar(const Library& library, const std::string& jsgf, logmath_t* scale, float language_weight);

/// The words of the first public rule. Errc::Config with what is wrong.
Result<std::vector<std::string>> words_of_grammar(const Library& library, const std::string& jsgf);

/// All pronunciations of `words` in a dictionary of CMU's form.
Lookup look_up(std::vector<std::string> words, std::string_view dictionary);

}  // namespace voicectl::speech::sphinx
