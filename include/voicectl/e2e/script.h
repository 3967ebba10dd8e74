// What a test call says and expects. Values.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::e2e {

/// Of `say`, `audio_file` and `silence` a turn has one.
struct ScriptTurn {
    using Time = std::optional<std::chrono::milliseconds>;
    std::string say;         // text to speak; or
    std::string audio_file;  // a recording to play; or
    Time silence = {};       // nothing: within that time the agent speaks by itself
    Time pause = {};         // before speaking
    Time over = {};          // spoken into what the agent says: so long after it began to
    Time stops = {};         // of `over`: within that time, from the caller's first sound, the agent is silent
    bool goes_on = false;    // of `over`: the agent speaks on to its end, and does not answer
    std::string expect;      // words of the answer, in order; empty: any answer of speech will do
    bool ends = false;       // after its answer the agent ends the call

    bool speaks() const { return !silence; }
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
