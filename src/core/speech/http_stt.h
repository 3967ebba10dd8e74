// Recognisers behind one HTTP request for each utterance: its audio goes as a WAV, its text comes back. Asked already
// when the caller pauses, so that the answer is there when the turn is decided. A provider is a HearingDialect.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/speech/remote.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

/// One configured recogniser. Values, shared by its streams; any thread.
struct HearingDialect {
    Remote remote;
    std::function<net::HttpRequest(const HearingDialect& dialect, const std::string& wav)> request;
    bool ahead = true;  // ask at a pause, not only at the end of a turn
};

std::unique_ptr<SpeechToText> make_http_recogniser(net::HttpClient& http, HearingDialect dialect);

}  // namespace voicectl::speech
