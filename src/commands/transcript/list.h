// `voicectl transcript list`: which calls the store holds.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct TranscriptListOptions {
    std::string store, room, agent, since, until, match;
    int limit = 100;
    bool all = false;
};

void add_transcript_list(Command transcript, Env& env, Run<TranscriptListOptions> run);
Result<void> run_transcript_list(const TranscriptListOptions& options, Env& env);

}  // namespace voicectl::commands
