// Transcripts that others wrote: LiveKit's session reports (livekit-agents, SessionReport.to_dict(), and the chat history
// alone), our own JSON and JSON Lines, and WebVTT. All of it is foreign text: nothing in it is trusted to be there, or to
// be of its kind. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/store/store.h"

namespace voicectl::transcript {

struct ImportHints {
    std::string room;                               // over what the text says
    std::string agent_speaker;                      // of WebVTT: who of its speakers is the agent
    std::optional<store::SystemTime> started_at{};  // over what the text says
};

struct Imported {
    store::Call call;                 // without id; room and started_at may be unknown
    std::optional<int> attempt;       // as the text has it
    std::vector<store::Turn> turns;
    bool from_beginning = false;      // nobody told when the call began: the turns' times are from then on, as from the epoch
};

struct ImportResult {
    std::string_view kind;            // "session report", "chat history", "voicectl JSON", "voicectl JSON Lines", "WebVTT"
    std::vector<Imported> calls;
    std::vector<std::string> left_out;  // what was not understood, one remark each: "events (12)"
};

/// Usage for what is none of these or broken, with the line: "line 7: turn 3 has no text".
Result<ImportResult> parse_transcript(std::string_view text, const ImportHints& hints);

/// The job that stands for a transcript that names none: the same words at the same times give the same, "import-…".
std::string job_of(const Imported& imported);

/// Whether the store's turns say what the imported ones do: times to the millisecond, as files have them.
bool same_turns(const std::vector<store::Turn>& one, const std::vector<store::Turn>& other);

}  // namespace voicectl::transcript
