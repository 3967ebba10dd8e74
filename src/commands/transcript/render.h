// Turns as lines for people. Pure; any thread.
#pragma once

#include <string>

#include "commands/output.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {

struct TurnText {
    std::string time;     // "0:07.3" since the call began
    std::string speaker;  // agent or user
    std::string text;     // safe to print
    std::string remarks;  // "interrupted", "answered after 740 ms (stt 120, llm 30)"
};
TurnText turn_text(const store::Turn& turn, const store::Call& call);

}  // namespace voicectl::commands
