// `voicectl transcript list`: which calls the store holds.
#pragma once

#include "commands/command.h"
#include "commands/transcript/source.h"

namespace voicectl::commands {

struct TranscriptListOptions {
    std::string store;
    CallChoice choice{};
    int limit = 100;
    bool all = false;
};

void add_transcript_list(Command transcript, Env& env, Run<TranscriptListOptions> run);
Result<void> run_transcript_list(const TranscriptListOptions& options, Env& env);

}  // namespace voicectl::commands
