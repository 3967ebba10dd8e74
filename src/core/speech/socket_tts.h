// The engine of voices behind a WebSocket: warm connections per provider and loop, shared by its streams as far as the
// protocol lets them (contexts), opened again when they break. A text is said again only when nothing of it was heard yet.
// What a provider adds is a dialect: pure functions of texts and messages.
//
// The connections live on the loop and belong to it; they end when unused for minutes, with the provider or with the loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/speech/socket_link.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

/// What one message of the server says.
struct TtsNews {
    std::string context = {};              // "": of what is being spoken, or of the connection as a whole
    std::string audio = {};                // raw s16le at the dialect's rate; an odd byte goes on in the next message
    bool done = false;                     // all of the context's audio was sent
    bool cleared = false;                  // what was to be cancelled is
    std::optional<SocketFailure> failure = {};  // of the context, or of all on this connection
};

struct TtsDialect {
    SocketAsk ask;
    int rate_hz = 24000;
    std::size_t contexts = 1;  // texts at once on one connection
    std::chrono::milliseconds max_age{0};  // zero: any
    SocketMessages farewell;
    /// All that makes it say `text`, to its end.
    std::function<SocketMessages(const std::string& context, const std::string& text)> say;
    std::function<SocketMessages(const std::string& context)> cancel;
    /// Messages are not trusted; never throws.
    std::function<TtsNews(std::string_view message, bool binary)> read;
};

/// The deadlines: `first_audio_timeout` and `stall_timeout`.
RemoteDefaults voice_at(std::string_view provider, std::string_view base, std::string_view key_variable);

std::unique_ptr<TextToSpeech> make_socket_tts(Remote remote, TtsDialect dialect, const ProviderContext& context);

}  // namespace voicectl::speech
