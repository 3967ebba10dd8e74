// Calls with an agent that come without LiveKit, over whatever carries 16 kHz audio both ways (serve/voice.h: a
// WebSocket): each is a room of two within this process, in which the same call session runs as in LiveKit's, with the
// same limits, prices, places of users and reports. One clock drives them all. Lives on the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "voicectl/agent/host.h"
#include "voicectl/audio/pcm.h"

namespace voicectl::agent {

struct VoiceTicket {
    std::string id;        // of the call: job_id of its records
    std::string room;      // the name it is stored under
    std::string caller;    // identity of who talks to the agent
    std::string metadata;  // as a dispatch would carry; its userId needs a place
};

struct VoiceCaption {
    bool agent = false;
    std::string id, text;  // all of it so far: each one replaces those of the same id
    bool final = false;
};

struct VoiceHandlers {
    /// The agent's voice at 16 kHz, at most 100 ms, up to 300 ms before its time.
    std::function<void(audio::SampleView samples)> on_audio;
    /// What of on_audio had not had its time yet is not said: the agent was interrupted.
    std::function<void()> on_clear;
    std::function<void(const VoiceCaption&)> on_caption;
    std::function<void(const std::string& state)> on_state;  // "listening", "thinking", "speaking"
    std::function<void(const CallOutcome&)> on_ended;        // last; the user's place is free
};

/// A call that goes on; gone with its on_ended.
class VoiceCall {
 public:
    virtual ~VoiceCall() = default;
    /// What the caller says next, mono at 16 kHz. It is heard in real time, what came late a little faster.
    virtual void hear(audio::SampleView samples) = 0;
    virtual void type(const std::string& text) = 0;
    /// One of 0-9 * # A-D.
    virtual void press(char key) = 0;
    /// The caller's connection is lost. The call goes on: the caller is silent, and what the agent says waits.
    virtual void lose() = 0;
    /// It is there again. The agent goes on after the last sample that was `received` of all that went to on_audio in this
    /// call, as far as the last 5 s are kept; absent: after what was handed out before lose(). Gives the place it goes on at.
    virtual std::uint64_t resume(std::optional<std::uint64_t> received) = 0;
    /// Samples handed out so far.
    virtual std::uint64_t position() const = 0;
    virtual void hang_up(const std::string& reason) = 0;
    /// After the sentence that is being said.
    virtual void say_goodbye(const std::string& words, const std::string& reason) = 0;
};

/// What a call may be at most, where the agent's own configuration allows more; 0: as it has it.
struct VoiceLimits {
    int calls_per_user = 3;
    std::chrono::milliseconds idle{600000}, max_duration{1800000};
};

class VoiceCalls {
 public:
    /// What is given outlives it; `config` is copied.
    static std::unique_ptr<VoiceCalls> create(Loop& loop, AgentConfig config, Stages& stages, store::AsyncStore& store, VoiceLimits limits);
    virtual ~VoiceCalls() = default;  // leaves all calls; nothing is told any more
    /// `done` later, once: the call, or Unreachable when the user has as many as a user may have.
    virtual void begin(VoiceTicket ticket, VoiceHandlers handlers, std::function<void(Result<VoiceCall*>)> done) = 0;
    virtual int active() const = 0;
    /// Of each call: what the agent's configuration and the VoiceLimits allow both.
    virtual const Limits& limits() const = 0;
    /// What sessions tell of themselves (CallHost::on_report).
    std::function<void(const nlohmann::json& report)> on_report;
};

}  // namespace voicectl::agent
