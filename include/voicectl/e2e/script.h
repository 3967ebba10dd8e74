// What a test call says and expects. Values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::e2e {

struct ScriptTurn {
    std::string say;         // text to speak; or
    std::string audio_file;  // a recording to play
    std::string expect;      // words of the answer, in order; empty: any answer of speech will do
};

struct Script {
    std::string greeting;  // the greeting's words; empty: as the agent's own record has it, or any speech
    bool greets = true;    // the agent speaks first
    std::vector<ScriptTurn> turns;
};

/// A YAML file: `greeting`, `turns: [{say: …, expect: …}, {audio: file.wav}]`. Audio paths are relative to
/// the script. Config errors name file and line.
Result<Script> load_script(const std::string& path);
Result<Script> parse_script(const std::string& yaml, const std::string& file);

}  // namespace voicectl::e2e
