// Text for speech: where sentences end, and what engines can read. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voicectl::speech {

/// One past the end of the first sentence that is surely over (white space follows its sign, or a line ends),
/// npos when none is. "Dr." and the like, "3.5" and initials end none; sentences of fewer than `shortest`
/// bytes go with the next.
std::size_t sentence_end(std::string_view text, std::size_t shortest = 1);
/// Where to cut text longer than `limit` bytes: after a comma in the second half, else at the last space, else
/// hard, but not inside a character.
std::size_t cut_inside(std::string_view text, std::size_t limit);

/// Pieces for one synthesis each: sentences, and parts of them when longer than `limit` bytes, so that the
/// first sound does not wait for the last word. Never empty pieces.
std::vector<std::string> split_for_speech(std::string_view text, std::size_t limit = 240);

/// Cuts a stream of text into what can be spoken at once: whole sentences, so that speech starts while the
/// model still writes. One owner.
class SentenceSplitter {
 public:
    enum class First {
        Sentence,
        Clause,  // the first piece may end at a comma when it is long enough to be spoken alone: sound starts earlier
    };
    SentenceSplitter() = default;
    explicit SentenceSplitter(First first) : first_(first) {}
    void push(std::string_view piece) { text_ += piece; }
    /// The next whole sentence, or nothing yet.
    std::optional<std::string> next();
    /// What is left, whole or not.
    std::optional<std::string> rest();

 private:
    First first_ = First::Sentence;
    std::string text_;
};

/// For engines that know ASCII only: typographic signs and accented Latin letters become their plain form,
/// everything else (emoji, other scripts, control characters) a space.
std::string to_plain_ascii(std::string_view utf8);

}  // namespace voicectl::speech
