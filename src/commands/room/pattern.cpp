#include "commands/room/pattern.h"

#include <re2/re2.h>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::int64_t kMostMemory = 4 << 20;
constexpr const char* kHint = "RE2's form: no look-ahead, no back-references; \\ takes a special character for itself, as in \\[ or \\.";

}  // namespace

Result<Pattern> Pattern::create(std::string_view flag, const std::string& text) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kMostMemory);
    auto made = std::make_shared<const re2::RE2>(text, options);
    if (!made->ok())
        return fail_with_hint(Errc::Usage, fmt::format("{} '{}' is no regular expression: {}", flag, terminal_safe(text), terminal_safe(made->error())), kHint);
    return Pattern(std::move(made));
}

bool Pattern::found_in(std::string_view text) const { return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *made_); }

}  // namespace voicectl::commands
