// What the contract tests of speech engines share: providers built once per program (models are slow to
// load), and a loop on which their streams live.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "support/live_loop.h"
#include "voicectl/speech/providers.h"
#include "voicectl/speech/recognise.h"

namespace voicectl::test {

inline speech::ProviderContext& context() {
    static Workers workers(4, "speech-test");
    static net::HttpClient http;
    static speech::ProviderContext context{workers, http, [](const std::string&) { return std::nullopt; }, "."};
    return context;
}

template<class T>
std::unique_ptr<T> must(speech::Built<T> built) {
    REQUIRE_MESSAGE(built, (built ? "" : built.error().key + ": " + built.error().message));
    return std::move(*built);
}

inline speech::TextToSpeech& flite() {
    static const auto engine = must(speech::build_tts({{"provider", "flite"}}, context()));
    return *engine;
}
inline speech::TextToSpeech& espeak() {
    static const auto engine = must(speech::build_tts({{"provider", "espeak-ng"}}, context()));
    return *engine;
}
/// Free speech, no grammar.
inline speech::SpeechToText& full_model() {
    static const auto engine = must(speech::build_stt({{"provider", "pocketsphinx"}}, context()));
    return *engine;
}

/// The same samples each time: both voices take the noise of their consonants from rand(), and a tail that
/// fades through a threshold moves by tens of milliseconds with it.
inline audio::Pcm spoken(speech::TextToSpeech& engine, const std::string& text) {
    std::srand(1);
    auto pcm = speech::synthesise(engine, text);
    REQUIRE_MESSAGE(pcm, (pcm ? "" : pcm.error().message));
    return std::move(*pcm);
}

inline std::string heard(speech::SpeechToText& engine, const audio::Pcm& clip) {
    auto text = speech::recognise(engine, clip);
    REQUIRE_MESSAGE(text, (text ? "" : text.error().message));
    return std::move(*text);
}

}  // namespace voicectl::test
