// Does the agent's store hold what was really said, both sides? Blocking; judging thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "checks.h"
#include "voicectl/speech/sounds.h"

namespace voicectl::e2e {

/// One turn as the caller knows it: what it said, or what it heard.
struct Spoken {
    bool agent = false;
    std::string text;
    bool perhaps = false;  // a word of agreement: stored or not, as the recogniser made it out
};

/// Waits up to `patience` for the last turn to be stored. Fails naming the first turn that is missing, too
/// many, of the wrong speaker, or of other words (word match below `tolerance`).
Result<Seen> check_transcript(const std::string& store_path, const std::string& room, const std::vector<Spoken>& spoken,
                              double tolerance, std::chrono::milliseconds patience,
                              const speech::Pronunciations& pronunciations);

/// The agent's first stored turn in that room; empty when there is none.
std::string stored_greeting(const std::string& store_path, const std::string& room);

}  // namespace voicectl::e2e
