// Has the caller finished? What the words tell about it, asked while the caller pauses. The rules for English and
// German are the first who answer; a model may be another. Lives on the loop; owned by whoever hosts calls and
// shared by them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace voicectl::agent {

enum class Completeness {
    Unfinished,  // "my number is": more will come
    Open,        // may be either
    Finished,    // "thank you, goodbye"
};

class TurnJudge {
 public:
    virtual ~TurnJudge() = default;
    /// `text`: the turn so far, as the recogniser has it. `done` once, at once or later, on the loop; who asks
    /// guards it against an own end, and takes no answer to a question before the last.
    virtual void judge(const std::string& text, std::function<void(Completeness)> done) = 0;
};

/// By rules on the words, for `languages` out of text_rule_languages(); several are tried together.
std::unique_ptr<TurnJudge> make_text_rules(const std::vector<std::string>& languages);
/// "en", "de".
const std::vector<std::string>& text_rule_languages();

}  // namespace voicectl::agent
