#include "core/speech/sphinx/vocabulary.h"

#include <fmt/ranges.h>

#include <memory>
#include <set>

#include "voicectl/base/text.h"
#include "voicectl/speech/compare.h"

namespace voicectl::speech::sphinx {
namespace {

/// Without // and /* */ comments.
std::string without_comments(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto rest = std::string_view(text).substr(i);
        const bool line = rest.starts_with("//"), block = rest.starts_with("/*");
        if (!line && !block) {
            out += text[i++];
            continue;
        }
        const auto end = line ? rest.find('\n') : rest.find("*/", 2);
        i += end == std::string_view::npos ? rest.size() : end + (line ? 0 : 2);
    }
    return out;
}

/// Their scanner prints what it does not know between statements on standard output, so it is only given
/// text whose statements begin as statements do.
bool has_only_statements(const std::string& jsgf) {
    const auto statements = split(without_comments(jsgf), ';');
    if (statements.size() < 2 || !trim(statements.front()).starts_with("#JSGF V")) return false;
    if (!trim(statements.back()).empty()) return false;
    for (std::size_t i = 1; i + 1 < statements.size(); ++i) {
        auto statement = trim(statements[i]);
        const bool rule = statement.starts_with("public") || statement.starts_with('<');
        if (statement.starts_with("public")) statement = trim(statement.substr(6));
        if (rule ? !statement.starts_with('<') : !(statement.starts_with("grammar ") || statement.starts_with("import ")))
            return false;
    }
    return true;
}

}  // namespace

std::string grammar_of_sentences(const std::vector<std::string>& sentences) {
    std::string choices;
    for (const auto& sentence : sentences)
        choices += fmt::format("{}( {} )", choices.empty() ? "" : " | ", fmt::join(to_words(sentence), " "));
    return fmt::format("#JSGF V1.0;\ngrammar sentences;\npublic <sentence> = {};\n", choices);
}

Result<Model> model_of_grammar(const Library& library, const std::string& jsgf, logmath_t* scale, float language_weight) {
    const auto refuse = [] {
        auto why = Library::take_complaint();
        return fail_with_hint(Errc::Config, why.empty() ? "not a JSGF grammar" : "not a JSGF grammar: " + why,
                              "it starts with #JSGF V1.0; and has a public rule");
    };
    Library::take_complaint();
    if (!has_only_statements(jsgf)) return refuse();
    const std::unique_ptr<jsgf_t, decltype(library.jsgf_grammar_free)> grammar(
        library.jsgf_parse_string(jsgf.c_str(), nullptr), library.jsgf_grammar_free);
    if (!grammar) return refuse();
    auto* rule = library.jsgf_get_public_rule(grammar.get());
    if (!rule) return fail(Errc::Config, "the grammar has no public rule");
    Model model(library.jsgf_build_fsg(grammar.get(), rule, scale, language_weight), library.fsg_model_free);
    if (!model) return refuse();
    return model;
}

Result<std::vector<std::string>> words_of_grammar(const Library& library, const std::string& jsgf) {
    constexpr double kLogBase = 1.0001;
    const std::unique_ptr<logmath_t, decltype(library.logmath_free)> scale(library.logmath_init(kLogBase, 0, 0),
                                                                           library.logmath_free);
    VC_TRY_ASSIGN(const auto model, model_of_grammar(library, jsgf, scale.get(), 1.0F));
    std::vector<std::string> words;
    for (int i = 0; i < model->n_word; ++i) words.emplace_back(model->vocab[i]);
    if (words.empty()) return fail(Errc::Config, "the grammar has no words");
    return words;
}

Lookup look_up(std::vector<std::string> words, std::string_view dictionary) {
    const std::set<std::string_view> wanted(words.begin(), words.end());
    std::set<std::string_view> seen;
    Lookup result;
    while (!dictionary.empty()) {
        const auto line = dictionary.substr(0, dictionary.find('\n'));
        dictionary.remove_prefix(std::min(dictionary.size(), line.size() + 1));
        const auto space = line.find_first_of(" \t");
        if (space == std::string_view::npos) continue;
        const auto entry = line.substr(0, space);
        const auto word = wanted.find(entry.substr(0, entry.find('(')));
        if (word == wanted.end()) continue;
        seen.insert(*word);
        result.found.emplace_back(entry, trim(line.substr(space)));
    }
    for (const auto word : wanted)
        if (!seen.contains(word)) result.unknown.emplace_back(word);
    return result;
}

}  // namespace voicectl::speech::sphinx
