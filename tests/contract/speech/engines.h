// What the contract tests of speech engines share: providers built once per program (models are slow to
// load), and a loop on which their streams live.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

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

/// A stream that is dropped from one of its own callbacks. Its loop comes first: the stream lives there.
template<class Stream>
class SelfDropping {
 public:
    explicit SelfDropping(std::string at) : at_(std::move(at)) {}
    ~SelfDropping() {
        loop_.on_loop([this] { stream_.reset(); });
    }
    /// `use`, if any, before any of its callbacks.
    void open(std::function<std::unique_ptr<Stream>(Loop&)> make, std::function<void(Stream&)> use = {}) {
        loop_.on_loop([&] {
            stream_ = make(loop_.get());
            if (use) use(*stream_);
        });
    }
    /// On the loop, from each callback.
    void called(const std::string& what) {
        if (what == at_) stream_.reset();
        waiter_.change([&] { calls_.push_back(what); });
    }
    bool was_dropped() {
        return waiter_.wait([this] { return std::count(calls_.begin(), calls_.end(), at_) > 0; });
    }
    bool is_silent_since() {
        return loop_.on_loop([this] { return !calls_.empty() && calls_.back() == at_ && std::count(calls_.begin(), calls_.end(), at_) == 1; });
    }

 private:
    std::string at_;
    LiveLoop loop_;
    Waiter waiter_;
    std::vector<std::string> calls_;
    std::unique_ptr<Stream> stream_;
};

}  // namespace voicectl::test
