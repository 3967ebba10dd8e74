// `voicectl voice connect URL`: be a caller of a voice server over a WebSocket (docs/voice.md).
#pragma once

#include <string>
#include <vector>

#include "commands/command.h"

namespace voicectl::commands {

struct VoiceConnectOptions {
    struct Step {
        bool spoken = false;  // `what` is a recording, else typed text
        std::string what;
        bool operator==(const Step&) const = default;
    };
    std::string url, record, metadata, token, token_file, language;
    std::vector<Step> steps;  // --say and --text as they stood
    bool type = false;
};

/// The WebSocket of a server that was named by its address alone: http://HOST is ws://HOST/v1/voice. Usage.
Result<std::string> voice_url(const std::string& text);

void add_voice_connect(Command voice, Env& env, Run<VoiceConnectOptions> run);
Result<void> run_voice_connect(const VoiceConnectOptions& options, Env& env);

}  // namespace voicectl::commands
