// Whose turn is it? Decides from voice activity, and from what the words tell (Endpointing), when the caller has
// begun, pauses, has finished, and when the agent must fall silent. Pure: time is the audio's own, nothing waits.
// One owner, on the loop.
#pragma once

#include <chrono>
#include <memory>

#include "voicectl/agent/config.h"
#include "voicectl/agent/turn_judge.h"
#include "voicectl/audio/voice_activity.h"

namespace voicectl::agent {

class Endpointing;

class TurnTaking {
 public:
    enum class Event { None, SpeechStarted, Paused, Interrupted, TurnEnded };
    using AudioTime = std::chrono::milliseconds;  // since the caller's track began

    /// How voice activity is to be opened for these settings.
    static audio::VoiceActivityOptions activity_options(const TurnSettings& settings);

    /// `activity` null: the one that needs no model.
    explicit TurnTaking(const TurnSettings& settings, std::unique_ptr<audio::VoiceActivity> activity = nullptr);
    ~TurnTaking();

    /// 10 ms of 16 kHz mono. `agent_speaking`: something of ours is being played and may be interrupted.
    Event push(audio::SampleView frame, bool agent_speaking);
    /// What the words of the current turn tell; true until the caller goes on after a pause.
    void judged(Completeness words) { words_ = words; }
    /// The recogniser takes the words so far for all.
    void recogniser_done() { recogniser_done_ = true; }

    /// The caller is within a turn: between SpeechStarted and TurnEnded.
    bool in_turn() const { return in_turn_; }
    /// … and silent at this moment.
    bool pausing() const { return in_turn_ && !activity_->speaking(); }
    /// Of the current or last turn.
    AudioTime turn_started() const { return started_; }
    AudioTime turn_ended() const { return ended_; }
    AudioTime now() const { return activity_->now(); }

 private:
    void begin(AudioTime at);
    void go_on();

    TurnSettings settings_;
    std::unique_ptr<audio::VoiceActivity> activity_;
    std::unique_ptr<Endpointing> endpointing_;
    bool in_turn_ = false, interrupted_ = false;
    bool paused_ = false;  // and has not gone on yet
    bool fluent_ = false;  // no pause in the current or last turn, though there was room for one
    Completeness words_ = Completeness::Open;
    bool recogniser_done_ = false;
    AudioTime started_{0}, ended_{0};
    AudioTime reopens_until_{0};  // who speaks again before that had not finished
};

}  // namespace voicectl::agent
