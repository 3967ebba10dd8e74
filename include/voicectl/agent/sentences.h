// Cuts a stream of text into what can be spoken at once: whole sentences, so that speech starts while the
// model still writes. Pure; one owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace voicectl::agent {

class SentenceSplitter {
 public:
    void push(std::string_view piece) { text_ += piece; }
    /// The next whole sentence, or nothing yet.
    std::optional<std::string> next();
    /// What is left, whole or not.
    std::optional<std::string> rest();

 private:
    std::string text_;
};

}  // namespace voicectl::agent
