// `voicectl transcript export ID…`: transcripts for other programs, however long they are.
#pragma once

#include <vector>

#include "commands/command.h"
#include "commands/transcript/source.h"

namespace voicectl::commands {

struct TranscriptExportOptions {
    std::string store, out;
    std::string format = "json";
    std::vector<std::string> calls;
    CallChoice choice{};               // in place of `calls`
    bool all = false;                  // all that the store has, in place of both
    std::vector<std::string> speaker_names{}, redact{};
    bool tools = false;
};

void add_transcript_export(Command transcript, Env& env, Run<TranscriptExportOptions> run);
Result<void> run_transcript_export(const TranscriptExportOptions& options, Env& env);

}  // namespace voicectl::commands
