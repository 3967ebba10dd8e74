// What one event of a model's streamed answer says, whoever wrote it, and reading those of OpenAI-compatible servers.
// Foreign bytes: parsed into a value or refused, never thrown. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/speech/remote.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

/// A piece of a call: its arguments come in parts, its id and name with the first of them, or with each.
struct ToolCallPiece {
    std::optional<int> index;  // which of the calls; some servers do not say, some say 0 for all
    std::string id, name, arguments;
};

struct ChatChunk {
    std::string text;
    std::vector<ToolCallPiece> calls;
    bool finished = false;       // the model has said why it stopped
    bool last = false;           // the answer is over; what may follow is usage
    std::optional<Usage> usage;  // the total so far
    std::optional<ServerError> error;
};

/// One event of a stream, or (with `message` in place of `delta`) a whole answer of a server that does
/// not stream. Errc::Protocol when it is no JSON object.
Result<ChatChunk> parse_chat_chunk(std::string_view json);

/// Puts calls together from their pieces. Bounded: 64 calls, 256 KiB of ids, names and arguments.
class ToolCallGatherer {
 public:
    /// Errc::Protocol past the bounds.
    Result<void> add(const ToolCallPiece& piece);
    bool empty() const { return calls_.empty(); }
    /// What has a name, each with an id; the same call sent twice counts once.
    std::vector<ToolCall> take();

 private:
    struct Open {
        std::optional<int> index;
        ToolCall call;
    };
    Open* find(const ToolCallPiece& piece);
    std::vector<Open> calls_;
    std::size_t bytes_ = 0;
};

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
