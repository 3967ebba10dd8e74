// `voicectl transcript summarize` and `evaluate`: what a language model makes of a call.
#pragma once

#include "commands/command.h"

namespace voicectl::commands {

struct TranscriptSummarizeOptions {
    std::string call, config, store;
    bool again = false;
};
void add_transcript_summarize(Command transcript, Env& env, Run<TranscriptSummarizeOptions> run);
Result<void> run_transcript_summarize(const TranscriptSummarizeOptions& options, Env& env);

struct TranscriptEvaluateOptions {
    std::string call, config, store;
    std::vector<std::string> criteria;  // literals, or @file with a line each
    int least = 0;                      // --pass
    bool again = false;
};
void add_transcript_evaluate(Command transcript, Env& env, Run<TranscriptEvaluateOptions> run);
Result<void> run_transcript_evaluate(const TranscriptEvaluateOptions& options, Env& env);

}  // namespace voicectl::commands
