// Whose turn is it? Decides from voice activity alone when the caller has begun, has finished, and when
// the agent must fall silent. Pure: time is the audio's own, nothing waits. One owner, on the loop.
#pragma once

#include <chrono>
#include <optional>

#include "voicectl/agent/config.h"
#include "voicectl/audio/voice_activity.h"

namespace voicectl::agent {

class TurnTaking {
 public:
    enum class Event { None, SpeechStarted, Interrupted, TurnEnded };
    using AudioTime = std::chrono::milliseconds;  // since the caller's track began

    explicit TurnTaking(const TurnSettings& settings);

    /// 10 ms of 16 kHz mono. `agent_speaking`: something of ours is being played and may be interrupted.
    Event push(audio::SampleView frame, bool agent_speaking);

    /// The caller is within a turn: between SpeechStarted and TurnEnded.
    bool in_turn() const { return in_turn_; }
    /// Of the current or last turn.
    AudioTime turn_started() const { return started_; }
    AudioTime turn_ended() const { return ended_; }
    AudioTime now() const { return activity_.now(); }

 private:
    TurnSettings settings_;
    audio::VoiceActivity activity_;
    bool in_turn_ = false;
    bool interrupted_ = false;
    AudioTime started_{0}, ended_{0};
};

}  // namespace voicectl::agent
