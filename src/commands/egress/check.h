// voicectl egress check: is there in a recording what should be? Main thread.
#pragma once

#include "commands/command.h"
#include "voicectl/audio/inspect.h"

namespace voicectl::commands {

struct EgressCheckOptions {
    std::vector<std::string> files;
    std::string min_duration, max_silence;
    std::optional<int> channels;
    std::optional<double> peak, min_voice;
    double silence_level = -50;
    bool channels_differ = false;
};
void add_egress_check(Command egress, Env& env, Run<EgressCheckOptions> run);
Result<void> run_egress_check(const EgressCheckOptions& options, Env& env);

/// One demand and how it came out: {demand, wanted, actual, ok, message}.
Result<Json> judge(const audio::Inspection& recording, const EgressCheckOptions& options);
Json inspection_json(const std::string& path, const audio::Inspection& recording);
/// Levels over time, one line per channel; from " " (silence) to "█".
std::string level_picture(const std::vector<double>& slices);

}  // namespace voicectl::commands
