// Voices behind one HTTP request for each text (or each part of a long one), whose answer is the sound. A provider is a
// VoiceDialect: how its server is asked. Reading the answer, cutting texts, deadlines and retries are here.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/speech/remote.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

/// One configured voice. Values, shared by its streams; any thread.
struct VoiceDialect {
    Remote remote;
    /// The whole request for one text. Valid UTF-8 without control characters, at most `longest` characters, never empty.
    std::function<net::HttpRequest(const VoiceDialect& dialect, const std::string& text)> request;
    int raw_hz = 24000;          // of samples that come without a header
    int out_hz = 24000;          // as callers of speak() get it
    std::size_t longest = 4096;  // characters in one request
    std::string warm_up_text;    // spoken to nobody before the first call, when the first synthesis is slow; empty: not needed
};

std::unique_ptr<TextToSpeech> make_http_voice(net::HttpClient& http, VoiceDialect dialect);

/// Pieces of at most `longest` characters, cut at ends of sentences where there are any.
std::vector<std::string> pieces_of(std::string_view text, std::size_t longest);
/// Something to say: letters or digits of any script, not signs and pictures alone.
bool has_words(std::string_view text);

}  // namespace voicectl::speech
