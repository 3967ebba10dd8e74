// The engine of recognisers behind a WebSocket: one connection per stream, kept open between utterances, opened again when
// it breaks without a lost word. What a provider adds is a dialect: where to ask, and what the messages mean.
//
// Audio is counted from the start of the stream. What is not yet settled (its words are not told for good) is kept, 30 s at
// most, and sent again on the next connection. All of it on the stream's loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/speech/socket_link.h"
#include "voicectl/audio/pcm.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

/// What one message of the server says; any of it together.
struct SttNews {
    std::optional<std::string> partial = {};  // the words since the last piece; replaces the one before
    std::optional<std::string> piece = {};    // words that will not be revised
    /// Of the audio sent on this connection: all up to here is in pieces. A piece without it settles all that was sent.
    std::optional<std::chrono::milliseconds> settled = {};
    bool end_of_speech = false;  // by the server's own endpointing
    bool answered = false;       // what was asked at the end of an utterance has been told in full
    std::optional<Usage> usage = {};  // in addition to what was told before
    std::optional<SocketFailure> failure = {};
};

/// One connection of a dialect: what to say, and what was meant. Messages are not trusted; read() never throws.
class SttDialog {
 public:
    virtual ~SttDialog() = default;
    /// First of all, before any audio.
    virtual SocketMessages hello() { return {}; }
    /// At the dialect's rate; never empty.
    virtual SocketMessage audio(audio::SampleView samples) = 0;
    /// The utterance is over: what remains of its words, please.
    virtual SocketMessages end() = 0;
    /// It was waited for too long: what is still to come of it belongs to no utterance any more.
    virtual void forget() {}
    virtual SttNews read(std::string_view message) = 0;
    /// What else that message made known: one utterance is answered at a time.
    virtual std::optional<SttNews> more() { return std::nullopt; }
};

struct SttDialect {
    SocketAsk ask;
    std::function<std::unique_ptr<SttDialog>()> dialog;
    int rate_hz = audio::kSpeechRateHz;
    std::chrono::milliseconds keep_alive_every{0};  // zero: a quiet connection stays
    std::optional<SocketMessage> keep_alive;        // none: a little digital silence
    SocketMessages farewell;
    std::chrono::milliseconds max_age{0};            // another connection between two utterances; zero: any age
};

/// What a recogniser's server is asked for besides: its deadlines are `connect_timeout`, until a connection stands again, and
/// `final_timeout`, from the end of an utterance to its words.
RemoteDefaults recogniser_at(std::string_view provider, std::string_view base, std::string_view key_variable);

std::unique_ptr<SpeechToText> make_socket_stt(Remote remote, SttDialect dialect, const ProviderContext& context);

/// 16-bit samples as they are sent, little endian.
std::string pcm_bytes(audio::SampleView samples);

}  // namespace voicectl::speech
