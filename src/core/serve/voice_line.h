// One client's socket: what comes is held to the limits before anybody else sees it. Lives on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "voice_protocol.h"
#include "voicectl/audio/pcm.h"
#include "voicectl/serve/voice.h"

namespace voicectl::serve::voice {

class Line {
 public:
    struct Handlers {
        std::function<void(Line& line, const ClientMessage& message)> on_message;
        std::function<void(Line& line, audio::SampleView samples)> on_audio;
        std::function<void(const char* code)> on_refused;                      // the client was told
        std::function<void(Line& line)> on_too_many_errors;                    // it is being closed
        std::function<void(Line& line, const net::SocketEnd& end)> on_close;   // last
    };
    Line(Loop& loop, const VoiceOptions& options, Caller caller, net::Upgrade& upgrade, const std::string& protocol, Handlers handlers);

    const Caller& caller() const { return caller_; }
    void tell(const nlohmann::json& message);
    void play(audio::SampleView samples);
    /// Tells the client; counts as an error of its own.
    void refuse(const char* code, const std::string& message);
    void close(int code, const std::string& reason);
    /// It has a call.
    void settled() { start_timer_.cancel(); }

 private:
    void on_message(const std::string& message, bool binary);
    void on_audio(const std::string& bytes);
    bool too_fast(std::size_t samples);

    Loop& loop_;
    const VoiceOptions& options_;
    Caller caller_;
    Handlers handlers_;
    Duration ahead_{0};           // audio that came before its time
    TimePoint ahead_at_;
    /// Counts what happens within a while.
    struct Window {
        int count = 0;
        TimePoint since{};
    };
    int count(Window& window) const;
    Window errors_, messages_;
    Timer start_timer_;
    bool closing_ = false;
    std::unique_ptr<net::ServerSocket> socket_;
};

}  // namespace voicectl::serve::voice
