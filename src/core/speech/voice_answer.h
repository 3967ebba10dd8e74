// The body of an answer that should be speech, read as sound: raw 16-bit samples, a WAV, or server-sent events with
// base64 in them, by its Content-Type. Foreign bytes, in any cut: bounded, never throws. One owner, any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "voicectl/net/sse.h"
#include "voicectl/audio/pcm_stream.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

class VoiceAnswer {
 public:
    /// `raw_hz`: of samples without a header, where the Content-Type says no other (`audio/pcm;rate=16000`). All sound is
    /// given at `out_hz`.
    VoiceAnswer(std::string_view content_type, int raw_hz, int out_hz);

    /// Mono sound so far; may be none yet. Protocol: what came is no sound that can be read.
    Result<audio::Samples> push(std::string_view bytes);
    /// The body is over: what was held back. Protocol: there was no sound in it, or not all of it.
    Result<audio::Samples> finish();
    /// The server's own figures, when it told any.
    const std::optional<Usage>& usage() const { return usage_; }

 private:
    enum class Form { Sound, Events, Other } form_;
    Result<audio::Samples> to_sound(std::string_view bytes);
    Result<audio::Samples> take();
    Result<void> read_event(const std::string& data);

    std::string type_;  // as the server names it
    int out_hz_;
    audio::PcmStream pcm_;
    std::optional<audio::Resampler> resampler_;
    std::optional<net::SseParser> sse_;
    std::string decoded_;              // sound of the events of one push()
    std::optional<Error> event_error_;
    std::optional<Usage> usage_;
    std::string other_;                // the start of a body that is no sound
    bool any_ = false, told_end_ = false;
};

}  // namespace voicectl::speech
