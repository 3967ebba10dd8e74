// `voicectl transcript capture ROOM`: what any running agent publishes of a conversation, taken down unseen.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct TranscriptCaptureOptions {
    std::string room, out, format, store, duration, limit;
    std::vector<std::string> speaker_names;
    bool until_empty = false, save = false;
};

void add_transcript_capture(Command transcript, Env& env, Run<TranscriptCaptureOptions> run);
Result<void> run_transcript_capture(const TranscriptCaptureOptions& options, Env& env);

}  // namespace voicectl::commands
