// Voice activity on real (synthetic) voices.
#include "voicectl/audio/voice_activity.h"

#include "engines.h"
#include "voicectl/audio/resampler.h"

using namespace voicectl;
using namespace voicectl::audio;
using Kind = VoiceActivity::Event::Kind;
using std::chrono::milliseconds;

namespace {

const std::vector<std::string> kTexts{"What are your opening hours?", "Yes.", "I would like to book a table for four people.",
                                      "She sells sea shells.", "Thanks, that was all, goodbye."};

/// 1 s of quiet, the text at 16 kHz, 1 s of quiet; over noise of that amplitude.
Pcm line(speech::TextToSpeech& voice, const std::string& text, int noise) {
    const auto said = resample(test::spoken(voice, text), 16000);
    Pcm pcm;
    pcm.samples.resize(16000);
    pcm.samples.insert(pcm.samples.end(), said.samples.begin(), said.samples.end());
    pcm.samples.resize(pcm.samples.size() + 16000);
    unsigned state = 7;
    for (auto& sample : pcm.samples) {
        state = state * 1664525u + 1013904223u;
        const int hiss = noise == 0 ? 0 : static_cast<int>(state >> 16) % (2 * noise) - noise;
        sample = static_cast<std::int16_t>(std::clamp(sample + hiss, -32768, 32767));
    }
    return pcm;
}

std::vector<VoiceActivity::Event> events_of(const Pcm& pcm, VoiceActivityOptions options) {
    VoiceActivity activity(options);
    std::vector<VoiceActivity::Event> events;
    Framer framer(160);
    framer.push(pcm.samples, [&](SampleView frame) {
        if (const auto event = activity.push(frame)) events.push_back(*event);
    });
    return events;
}

milliseconds at(std::size_t sample) { return milliseconds(static_cast<long>(sample / 16)); }

}  // namespace

TEST_CASE("each sentence is one utterance whose edges lie within 60 ms of the sound") {
    for (const int noise : {0, 60}) {
        for (auto* voice : {&test::flite(), &test::espeak()}) {
            for (const auto& text : kTexts) {
                CAPTURE(text);
                CAPTURE(noise);
                CAPTURE((voice == &test::flite()));
                const auto pcm = line(*voice, text, noise);
                const auto bounds = speech_bounds(pcm);
                const auto events = events_of(pcm, {.hangover = milliseconds{400}});
                REQUIRE(events.size() == 2);
                CHECK(events[0].kind == Kind::SpeechStarted);
                CHECK(events[1].kind == Kind::SpeechEnded);
                CHECK(std::abs((events[0].at - at(bounds.first)).count()) <= 60);
                CHECK(std::abs((events[1].at - at(bounds.last)).count()) <= 60);
            }
        }
    }
}

TEST_CASE("a gap inside a sentence that is shorter than the hangover does not end it, a longer one does") {
    const auto said = resample(test::spoken(test::flite(), "Table"), 16000);
    const auto bounds = speech_bounds(said);
    for (const int gap_ms : {100, 150, 190, 500}) {
        CAPTURE(gap_ms);
        Pcm pcm;
        pcm.samples.resize(8000);
        for (int i = 0; i < 3; ++i) {
            pcm.samples.insert(pcm.samples.end(), said.samples.begin() + static_cast<long>(bounds.first),
                               said.samples.begin() + static_cast<long>(bounds.last));
            pcm.samples.resize(pcm.samples.size() + static_cast<std::size_t>(gap_ms) * 16);
        }
        pcm.samples.resize(pcm.samples.size() + 16000);
        CHECK(events_of(pcm, {.hangover = milliseconds{260}}).size() == (gap_ms < 260 ? 2u : 6u));
    }
}

TEST_CASE("with the default hangover a short sentence is not torn apart") {
    for (auto* voice : {&test::flite(), &test::espeak()})
        for (const std::string text : {"What are your opening hours?", "Good morning", "Where can I find you?"}) {
            CAPTURE(text);
            CHECK(events_of(line(*voice, text, 0), {}).size() == 2);
        }
}

TEST_CASE("speech is found on a quiet line") {
    auto pcm = line(test::flite(), "What are your opening hours?", 0);
    for (auto& sample : pcm.samples) sample = static_cast<std::int16_t>(sample / 8);  // 18 dB down
    CHECK(events_of(pcm, {.hangover = milliseconds{400}}).size() == 2);
}
