// Keeps both sides of a call as audio on one time line: caller.wav, agent.wav, and call.wav with the caller
// left and the agent right. Judging thread.
#pragma once

#include <string>
#include <vector>

#include "caller.h"
#include "checks.h"

namespace voicectl::e2e {

class Recorder {
 public:
    void add(Said said) { said_.push_back(std::move(said)); }
    /// Fails when one side holds no sound: that would be no recording.
    Result<Seen> write(const std::string& folder, Ears& ears) const;

 private:
    audio::Samples caller_track(TimePoint began, std::size_t length) const;
    std::vector<Said> said_;
};

}  // namespace voicectl::e2e
