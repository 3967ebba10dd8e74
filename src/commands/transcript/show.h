// `voicectl transcript show ID|ROOM`: one conversation, readably.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct TranscriptShowOptions {
    std::string store, call;
    bool report = false;
};

void add_transcript_show(Command transcript, Env& env, Run<TranscriptShowOptions> run);
Result<void> run_transcript_show(const TranscriptShowOptions& options, Env& env);

}  // namespace voicectl::commands
