// Talking to an agent without LiveKit (`voicectl agent console`): a room of two within this process, in which the same
// call session runs as in a call. Lives on the loop; owned by the command.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "voicectl/agent/config.h"
#include "voicectl/agent/host.h"
#include "voicectl/audio/pcm.h"
#include "voicectl/base/loop.h"
#include "voicectl/store/store.h"

namespace voicectl::agent {

struct ConsoleOptions {
    std::string metadata;           // as a dispatch would carry
    std::string caller = "caller";  // identity and name of who talks to the agent
    /// What the caller says, mono at 16 kHz, played in real time once the greeting is over. Without it the caller types.
    std::optional<audio::Samples> audio;
    bool speaks = false;            // a typing caller hears the agent's voice too: it goes to on_audio, as fast as it is made
};

struct ConsoleHandlers {
    std::function<void(const store::Turn& turn)> on_turn;    // of both sides, as they are stored
    std::function<void(const std::string& state)> on_state;  // "listening", "thinking", "speaking"
    std::function<void(audio::SampleView samples)> on_audio; // the agent's voice at rate_hz(); with `audio` as it sounds, silence and all
    /// A tool was called: its name, "ok" or what went wrong ("timeout", …), and how long it took.
    std::function<void(const std::string& tool, const std::string& outcome, std::chrono::milliseconds took)> on_tool;
    std::function<void()> on_ready;                          // the agent waits for the caller: after the greeting, and after each answer
    std::function<void(const CallOutcome&)> on_ended;        // last call
};

class Console {
 public:
    /// `stages` are changed: whoever types without `speaks` gets no voices made.
    static std::unique_ptr<Console> create(Loop& loop, AgentConfig config, Stages& stages, store::AsyncStore& store, ConsoleOptions options,
                                           ConsoleHandlers handlers);
    virtual ~Console() = default;
    /// A turn of the caller.
    virtual void type(const std::string& text) = 0;
    /// The caller goes; on_ended follows.
    virtual void hang_up() = 0;
    virtual int rate_hz() const = 0;
};

}  // namespace voicectl::agent
