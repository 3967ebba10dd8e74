// The other end of voice.h: a caller over a WebSocket, who comes back after a cut (docs/voice.md). Lives on the loop; may be
// dropped in any of its own calls.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "voicectl/audio/pcm.h"
#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::serve {

struct VoiceClientOptions {
    std::string url;    // ws://host:port/v1/voice
    std::string token;  // of a user
    nlohmann::json metadata = nlohmann::json::object();
    std::chrono::milliseconds connect_timeout{10000};  // until the call is there
};

struct VoiceClientHandlers {
    /// Every message of the server, but for the secret in "ready". The first "ready" begins the call.
    std::function<void(const nlohmann::json& message)> on_message;
    std::function<void(audio::SampleView samples)> on_audio;  // the agent's voice at 16 kHz, to be played one after the other
    std::function<void(const Error& why)> on_cut;             // what is said now is lost; "ready" with "resumed" follows, or on_end
    /// Once, last: nothing after "ended", else why there is no call or no more (Auth, Rejected, Unreachable, Timeout).
    std::function<void(Result<void> result)> on_end;
};

class VoiceClient {
 public:
    static std::unique_ptr<VoiceClient> open(AsioLoop& loop, VoiceClientOptions options, VoiceClientHandlers handlers);
    virtual ~VoiceClient() = default;
    /// At 16 kHz, 50 samples and more at a time, in real time. Lost while there is no connection.
    virtual void speak(audio::SampleView samples) = 0;
    virtual void type(const std::string& text) = 0;
    virtual void press(char key) = 0;
    virtual void hang_up() = 0;
    /// In a call, and connected.
    virtual bool there() const = 0;
};

}  // namespace voicectl::serve
