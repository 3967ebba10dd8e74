// The rule set behind make_text_rules(): the last words of a turn against the lists of a language. Recognisers give
// words with or without punctuation, and full stops after half sentences: a full stop says nothing here.
#include <algorithm>
#include <cctype>

#include "text_rules_data.h"
#include "voicectl/agent/turn_judge.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

constexpr int kShortestQuestion = 3;  // words: "what is it" and not "what is"
constexpr int kShortestAsking = 4;    // "can you help me" and not "can you help"
constexpr int kShortestPolite = 3;    // "for two please"; a "please" alone may begin a sentence
constexpr int kLongestNumber = 7;     // digits; who has said as many may be done

/// Lower case for ASCII and for the capitals of two bytes that German has.
std::string lower(std::string_view text) {
    auto out = to_lower_ascii(text);
    for (std::size_t i = 0; i + 1 < out.size(); ++i)
        if (out[i] == '\xC3' && (out[i + 1] == '\x84' || out[i + 1] == '\x96' || out[i + 1] == '\x9C'))
            out[i + 1] = static_cast<char>(out[i + 1] + 0x20);
    return out;
}

bool is_mark(char c) { return c != '\'' && std::ispunct(static_cast<unsigned char>(c)) != 0; }

/// The text as words without the marks around them, and the mark at its end.
struct Turn {
    explicit Turn(std::string_view text) {
        text = trim(text);
        if (text.ends_with("\u2026")) text.remove_suffix(3), end = ',';  // …
        else if (text.ends_with("...")) end = ',';
        else if (!text.empty() && is_mark(text.back())) end = text.back();
        auto plain = lower(text);
        for (auto at = plain.find("\u2019"); at != std::string::npos; at = plain.find("\u2019")) plain.replace(at, 3, "'");
        for (const auto& word : split(plain, ' ')) {
            std::string_view bare = word;
            while (!bare.empty() && is_mark(bare.front())) bare.remove_prefix(1);
            while (!bare.empty() && is_mark(bare.back())) bare.remove_suffix(1);
            if (!bare.empty()) words.emplace_back(bare);
        }
        for (const auto& word : words) joined += (joined.empty() ? "" : " ") + word;
    }

    int size() const { return static_cast<int>(words.size()); }
    const std::string& word(int index) const { return words[static_cast<std::size_t>(index)]; }
    bool is(const WordList& list) const { return std::find(list.begin(), list.end(), joined) != list.end(); }
    bool ends_with(const WordList& list) const {
        const auto padded = " " + joined;
        return std::any_of(list.begin(), list.end(), [&](std::string_view phrase) {
            return padded.ends_with(phrase) && padded[padded.size() - phrase.size() - 1] == ' ';
        });
    }

    std::vector<std::string> words;
    std::string joined;
    char end = 0;
};

bool in(const WordList& list, const std::string& word) { return std::find(list.begin(), list.end(), word) != list.end(); }

bool is_question(const Turn& turn, const LanguageRules& rules) {
    if (turn.end == '?') return true;
    if (turn.size() < 2) return false;
    const auto &first = turn.word(0), &second = turn.word(1);
    if (in(rules.question_words, first)) {
        const bool listed = in(rules.question_followers, second) || first.ends_with("'s");
        const bool asks = rules.question_followers.empty() ? !in(rules.statement_followers, second) : listed;
        return asks && turn.size() >= kShortestQuestion;
    }
    return in(rules.question_verbs, first) && in(rules.question_subjects, second) && turn.size() >= kShortestAsking;
}

/// "oh one seven six" and "s m i": said piece by piece, and more will come.
bool is_spelling(const Turn& turn, const LanguageRules& rules) {
    int digits = 0, letters = 0, pieces = 0;
    for (auto word = turn.words.rbegin(); word != turn.words.rend(); ++word) {
        const bool number = std::all_of(word->begin(), word->end(), [](char c) { return c >= '0' && c <= '9'; });
        if (number) digits += static_cast<int>(word->size());
        else if (in(rules.digits, *word)) ++digits;
        else if (word->size() == 1) ++letters;
        else break;
        ++pieces;
    }
    return pieces >= 2 && (letters > 0 || digits < kLongestNumber);
}

bool is_unfinished(const Turn& turn, const LanguageRules& rules) {
    if (turn.end == ',' || turn.end == '-' || turn.end == ':') return true;
    if (turn.ends_with(rules.fillers) || turn.ends_with(rules.never_last) || is_spelling(turn, rules)) return true;
    if (turn.ends_with(rules.never_last_in_plain)) return !is_question(turn, rules);
    if (!turn.ends_with(rules.particles)) return false;
    return turn.size() < 2 || !in(rules.particle_of, turn.word(turn.size() - 2));
}

Completeness judged(const Turn& turn, const LanguageRules& rules) {
    if (turn.words.empty()) return Completeness::Open;
    if (turn.end == '?' || turn.is(rules.whole)) return Completeness::Finished;
    if (is_unfinished(turn, rules)) return Completeness::Unfinished;
    // Ends like "who is it for" may go on: "… the table".
    if (turn.ends_with(rules.never_last_in_plain) || turn.ends_with(rules.particles)) return Completeness::Open;
    if (is_question(turn, rules)) return Completeness::Finished;
    const bool polite_alone = turn.size() < kShortestPolite && (turn.joined == "please" || turn.joined == "bitte");
    return turn.ends_with(rules.closing) && !polite_alone ? Completeness::Finished : Completeness::Open;
}

class TextRules final : public TurnJudge {
 public:
    explicit TextRules(const std::vector<std::string>& languages) {
        for (const auto& rules : language_rules())
            if (std::find(languages.begin(), languages.end(), rules.name) != languages.end()) rules_.push_back(&rules);
    }

    void judge(const std::string& text, std::function<void(Completeness)> done) override {
        const Turn turn(text);
        int finished = 0, unfinished = 0;
        for (const auto* rules : rules_) {
            const auto verdict = judged(turn, *rules);
            finished += verdict == Completeness::Finished ? 1 : 0;
            unfinished += verdict == Completeness::Unfinished ? 1 : 0;
        }
        // Languages that disagree ("die" ends no German sentence, but many an English one) say nothing.
        if ((finished > 0) == (unfinished > 0)) return done(Completeness::Open);
        done(finished > 0 ? Completeness::Finished : Completeness::Unfinished);
    }

 private:
    std::vector<const LanguageRules*> rules_;
};

}  // namespace

std::unique_ptr<TurnJudge> make_text_rules(const std::vector<std::string>& languages) {
    return std::make_unique<TextRules>(languages);
}

const std::vector<std::string>& text_rule_languages() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (const auto& rules : language_rules()) out.emplace_back(rules.name);
        return out;
    }();
    return names;
}

}  // namespace voicectl::agent
