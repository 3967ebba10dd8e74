// `voicectl transcript import FILE|-`: transcripts that other programs wrote, into the store.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct TranscriptImportOptions {
    std::string store, file, room, agent_speaker, started;
    int attempt = 0;  // 0: as the file has it, else the next
    bool replace = false;
};

void add_transcript_import(Command transcript, Env& env, Run<TranscriptImportOptions> run);
Result<void> run_transcript_import(const TranscriptImportOptions& options, Env& env);

}  // namespace voicectl::commands
