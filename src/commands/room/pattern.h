// A regular expression that a user gave, looked for in text that anybody may have sent: RE2, so that neither a long
// text nor a cunning expression costs more than time in proportion to the text and a few megabytes. Value, any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "voicectl/base/result.h"

namespace re2 {
class RE2;
}

namespace voicectl::commands {

class Pattern {
 public:
    /// Usage, naming `flag` and what is wrong, when it is no regular expression.
    static Result<Pattern> create(std::string_view flag, const std::string& text);
    /// Somewhere in it.
    bool found_in(std::string_view text) const;

 private:
    explicit Pattern(std::shared_ptr<const re2::RE2> made) : made_(std::move(made)) {}
    std::shared_ptr<const re2::RE2> made_;
};

}  // namespace voicectl::commands
