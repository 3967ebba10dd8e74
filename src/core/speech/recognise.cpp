#include "voicectl/speech/recognise.h"

#include <optional>

#include "voicectl/audio/resampler.h"

namespace voicectl::speech {
namespace {

template<class T>
struct Outcome {
    T value{};
    std::optional<Error> error;
};

/// Runs the loop until somebody stops it or time is over.
template<class T>
Result<T> finish(AsioLoop& loop, Outcome<T>& outcome, const char* what, std::chrono::milliseconds timeout) {
    if (!loop.run_until(Clock::now() + timeout)) return fail(Errc::Timeout, "{} took more than {} ms", what, timeout.count());
    if (outcome.error) return std::unexpected(std::move(*outcome.error).while_doing(what));
    return std::move(outcome.value);
}

audio::Samples padded(const audio::Pcm& clip) {
    constexpr std::size_t kRoom = audio::kSpeechRateHz * 3 / 10;
    const auto speech = audio::resample(audio::to_mono(clip), audio::kSpeechRateHz).samples;
    audio::Samples out(kRoom);
    out.insert(out.end(), speech.begin(), speech.end());
    out.resize(out.size() + kRoom);
    return out;
}

}  // namespace

Result<std::string> recognise(SpeechToText& engine, const audio::Pcm& clip, std::chrono::milliseconds timeout) {
    AsioLoop loop;
    Outcome<std::string> outcome;
    std::unique_ptr<SttStream> stream;  // dies before the loop does, which is what streams ask for
    loop.post([&] {
        stream = engine.open(loop, {.on_partial = {},
                                    .on_final = [&](const std::string& text) { outcome.value = text, loop.stop(); },
                                    .on_error = [&](const Error& error) { outcome.error = error, loop.stop(); }});
        stream->push(padded(clip));
        stream->end_utterance();
    });
    return finish(loop, outcome, "recognising speech", timeout);
}

Result<audio::Pcm> synthesise(TextToSpeech& engine, const std::string& text, std::chrono::milliseconds timeout) {
    AsioLoop loop;
    Outcome<audio::Pcm> outcome;
    outcome.value.rate_hz = engine.rate_hz();
    std::unique_ptr<TtsStream> stream;
    loop.post([&] {
        stream = engine.speak(loop, text,
                              {.on_audio =
                                   [&](const audio::Samples& chunk) {
                                       auto& all = outcome.value.samples;
                                       all.insert(all.end(), chunk.begin(), chunk.end());
                                   },
                               .on_done = [&] { loop.stop(); },
                               .on_error = [&](const Error& error) { outcome.error = error, loop.stop(); }});
    });
    return finish(loop, outcome, "speaking", timeout);
}

Result<std::string> answer(LanguageModel& engine, const Chat& chat, std::chrono::milliseconds timeout) {
    AsioLoop loop;
    Outcome<std::string> outcome;
    std::unique_ptr<LlmStream> stream;
    const auto give_up = [&](Error error) {
        outcome.error = std::move(error);
        loop.stop();
    };
    loop.post([&] {
        stream = engine.generate(loop, chat,
                                 {.on_text =
                                      [&](const std::string& piece) {
                                          outcome.value += piece;
                                          if (outcome.value.size() > kLongestAnswer) give_up({Errc::Protocol, "the model's answer has no end", {}});
                                      },
                                  .on_done = [&](const LlmEnd&) { loop.stop(); },
                                  .on_error = give_up});
    });
    return finish(loop, outcome, "asking the model", timeout);
}

}  // namespace voicectl::speech
