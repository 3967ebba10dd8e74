// What an OpenAI-compatible server says in one event of a chat completion. Foreign bytes: parsed into a
// value or refused, never thrown. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/speech/remote.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

struct ChatChunk {
    std::string text;
    bool finished = false;  // a finish_reason was given
    std::optional<Usage> usage;
    std::optional<ServerError> error;
};

/// One event of a stream, or (with `message` in place of `delta`) a whole answer of a server that does
/// not stream. Errc::Protocol when it is no JSON object.
Result<ChatChunk> parse_chat_chunk(std::string_view json);

/// Drops a leading <think>…</think>, which is not meant to be said.
class ThinkFilter {
 public:
    std::string push(std::string_view text);
    /// What was held back because it could have been the start of a tag.
    std::string finish();

 private:
    enum class State { Start, Thinking, Speaking } state_ = State::Start;
    std::string held_;
};

}  // namespace voicectl::speech
