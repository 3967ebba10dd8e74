// Every provider of voice activity against the same cases, with real (synthetic) speech. Silero's library and model are
// what scripts/setup fetches.
#include <cstdlib>
#include <filesystem>

#include "engines.h"
#include "voicectl/audio/resampler.h"

using namespace voicectl;
using namespace voicectl::audio;
using Kind = VoiceActivity::Event::Kind;
using std::chrono::milliseconds;

namespace {

const std::string kSherpa = VC_SOURCE_DIR "/.cache/sherpa/";

nlohmann::json silero_options() {
    return {{"provider", "silero"},
            {"model", kSherpa + "silero_vad_16k_op15.onnx"},
            {"library", kSherpa + "lib/libsherpa-onnx-c-api.so"}};
}

struct Row {
    const char* name;
    nlohmann::json options;
    milliseconds tolerance;
};

std::vector<Row> rows() {
    return {{"energy", {{"provider", "energy"}}, milliseconds{60}}, {"silero", silero_options(), milliseconds{120}}};
}

speech::VoiceModel& model_of(const Row& row) {
    static std::map<std::string, std::unique_ptr<speech::VoiceModel>> built;
    auto& model = built[row.name];
    if (!model) model = test::must(speech::build_vad(row.options, test::context()));
    return *model;
}

std::vector<VoiceActivity::Event> events_of(const Row& row, const Samples& samples, milliseconds hangover = milliseconds{400}) {
    auto activity = model_of(row).open({.hangover = hangover});
    REQUIRE_MESSAGE(activity, (activity ? "" : activity.error().message));
    std::vector<VoiceActivity::Event> events;
    Framer framer(160);
    framer.push(samples, [&](SampleView frame) {
        if (const auto event = (*activity)->push(frame)) events.push_back(*event);
    });
    return events;
}

Samples quiet(double seconds) { return Samples(static_cast<std::size_t>(seconds * 16000), 0); }

Samples& operator+=(Samples& to, const Samples& more) {
    to.insert(to.end(), more.begin(), more.end());
    return to;
}

Samples hiss(double seconds, int amplitude) {
    Samples out = quiet(seconds);
    unsigned state = 7;
    for (auto& sample : out) {
        state = state * 1664525u + 1013904223u;
        sample = static_cast<std::int16_t>(static_cast<int>(state >> 16) % (2 * amplitude) - amplitude);
    }
    return out;
}

Samples said(speech::TextToSpeech& voice, const std::string& text) { return resample(test::spoken(voice, text), 16000).samples; }

milliseconds at(std::size_t sample) { return milliseconds(static_cast<long>(sample / 16)); }

}  // namespace

TEST_CASE("speech is found, once and where it is") {
    for (const auto& row : rows())
        for (auto* voice : {&test::flite(), &test::espeak()})
            for (const std::string text :
                 {"What are your opening hours?", "I would like to book a table for four people.", "Good morning to you."}) {
                CAPTURE(row.name);
                CAPTURE(text);
                CAPTURE((voice == &test::flite()));
                Pcm line;
                line.samples = quiet(1);
                line.samples += said(*voice, text);
                line.samples += quiet(1);
                const auto bounds = speech_bounds(line);
                const auto events = events_of(row, line.samples);
                REQUIRE(events.size() == 2);
                CHECK(events[0].kind == Kind::SpeechStarted);
                CHECK(events[1].kind == Kind::SpeechEnded);
                CHECK(std::abs((events[0].at - at(bounds.first)).count()) <= row.tolerance.count());
                CHECK(std::abs((events[1].at - at(bounds.last)).count()) <= row.tolerance.count());
            }
}

TEST_CASE("two sentences with a second between them are two") {
    for (const auto& row : rows()) {
        CAPTURE(row.name);
        auto line = quiet(1);
        for (const auto* text : {"When are you open?", "Thank you very much."}) {
            line += said(test::flite(), text);
            line += quiet(1);
        }
        CHECK(events_of(row, line).size() == 4);
    }
}

TEST_CASE("silence, noise and hum are no speech") {
    for (const auto& row : rows()) {
        CAPTURE(row.name);
        CHECK(events_of(row, quiet(5)).empty());
        CHECK(events_of(row, hiss(5, 100)).empty());
        auto sudden = quiet(4);
        sudden += hiss(4, 100);
        CHECK(events_of(row, sudden).empty());
    }
}

TEST_CASE("callers of one model do not disturb each other, and the next one starts afresh") {
    for (const auto& row : rows()) {
        CAPTURE(row.name);
        auto speaking = model_of(row).open({}), silent = model_of(row).open({});
        REQUIRE(speaking);
        REQUIRE(silent);
        const auto speech = said(test::flite(), "What are your opening hours?");
        const auto nothing = quiet(1);
        for (std::size_t from = 0; from + 160 <= std::min(speech.size(), nothing.size()); from += 160) {
            (*speaking)->push(SampleView(speech).subspan(from, 160));
            CHECK_FALSE((*silent)->push(SampleView(nothing).subspan(from, 160)));
        }
        CHECK((*speaking)->speaking());
        speaking->reset();  // in mid-speech
        CHECK(events_of(row, quiet(1)).empty());
    }
}

TEST_CASE("Silero keeps to loud noise being none, where level alone is fooled") {
    auto burst = quiet(4);
    burst += hiss(1.5, 8000);
    burst += quiet(1);
    CHECK(events_of(rows()[1], burst).empty());
}

TEST_CASE("speech without an end is no trouble") {
    const auto sentence = said(test::flite(), "She sells sea shells and we would like to book a table for four people");
    Samples line = quiet(1);
    while (line.size() < 40 * 16000) line += sentence;
    const auto events = events_of(rows()[1], line, milliseconds{800});
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == Kind::SpeechStarted);
}

TEST_CASE("what is missing is told where it is missing") {
    const auto fault = [](nlohmann::json options) {
        const auto built = speech::build_vad(options, test::context());
        REQUIRE_FALSE(built);
        return built.error().key + ": " + built.error().message;
    };
    auto options = silero_options();
    options["model"] = "/nowhere/silero.onnx";
    CHECK(fault(options) == "model: /nowhere/silero.onnx is not there");
    options = silero_options();
    options["model"] = VC_SOURCE_DIR "/README.md";
    CHECK(fault(options).find("is no model that sherpa-onnx") != std::string::npos);
    options = silero_options();
    options["threshold"] = 2;
    CHECK(fault(options).starts_with("threshold: "));
    options = silero_options();
    options.erase("model");
    CHECK(fault(options).starts_with("model: missing"));
    options = {{"provider", "energy"}, {"model", "x"}};
    CHECK(fault(options).starts_with("model: "));
}
