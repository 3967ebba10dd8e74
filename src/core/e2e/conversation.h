// What is said in a test call, turn by turn, and what must be heard of it. Blocks; judging thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "caller.h"
#include "checks.h"
#include "engines.h"
#include "recorder.h"
#include "transcript_check.h"
#include "voicectl/e2e/call_test.h"

namespace voicectl::e2e {

inline constexpr int kLongestClipSeconds = 120;  // of what a caller plays

class Conversation {
 public:
    /// All of these outlive it. `expected_greeting` is asked when the greeting was heard and the script has none; empty: any words.
    Conversation(const Script& script, const CallTestOptions& options, Caller& caller, const Engines& engines, Recorder& recorder, Checks& checks,
                 std::function<std::string()> expected_greeting)
        : script_(script), options_(options), caller_(caller), engines_(engines), recorder_(recorder), checks_(checks),
          expected_greeting_(std::move(expected_greeting)) {}

    static void plan(const Script& script, Checks& checks);
    /// False: a check did not hold, and the rest was not reached.
    bool run();
    /// What was said and heard, in the order in which it ended.
    std::vector<Spoken> take_spoken() { return std::move(spoken_); }

 private:
    /// Something that the agent says, and is judged by `check` once it is over.
    struct Utterance {
        std::string check, expected;
        std::size_t from = 0;  // where in the recording it may begin
        bool greeting = false;
        bool last = false;     // of the call
    };
    bool turn(std::size_t index);
    bool say(std::size_t index);
    bool stopped(std::size_t index);
    bool went_on(std::size_t index);
    bool answer(std::size_t index);
    bool in_time(std::size_t index, TimePoint first_sound);
    bool hear(Utterance utterance, std::chrono::milliseconds start_in, std::size_t next, TimePoint& first_sound);
    Result<Seen> judge(const Heard& heard, const Utterance& utterance);
    bool end_was_heard(const std::string& expected, const std::string& words) const;
    Result<audio::Pcm> clip_of(const ScriptTurn& turn);

    const Script& script_;
    const CallTestOptions& options_;
    Caller& caller_;
    const Engines& engines_;
    Recorder& recorder_;
    Checks& checks_;
    std::function<std::string()> expected_greeting_;
    std::vector<Spoken> spoken_;
    std::optional<Utterance> open_;  // goes on while the next turn is spoken over it
    Said said_{};                    // by the caller, last
    std::size_t from_ = 0;           // where in the recording the answer to it may begin
};

}  // namespace voicectl::e2e
