#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "support/fake_loop.h"
#include "support/temp_folder.h"
#include "voicectl/audio/file.h"
#include "voicectl/speech/providers.h"

using namespace voicectl;
using namespace voicectl::speech;
using nlohmann::json;

namespace {

struct VoiceHouse {
    test::TempFolder folder;
    Workers workers{1, "test"};
    net::HttpClient http;
    ProviderContext context{workers, http, [](const std::string&) { return std::nullopt; }, folder.path()};

    /// A recording whose samples all have one value.
    void record(const std::string& name, int rate_hz, std::size_t samples, std::int16_t value) {
        REQUIRE(audio::write_file(folder.path() + "/" + name, {rate_hz, 1, audio::Samples(samples, value)}));
    }
};

struct Heard {
    audio::Samples samples;
    std::string order;
    TtsSink sink() {
        return {.on_audio = [this](const audio::Samples& chunk) { order += 'a', samples.insert(samples.end(), chunk.begin(), chunk.end()); },
                .on_done = [this] { order += 'd'; },
                .on_error = [this](const Error&) { order += 'e'; }};
    }
};

json prompt(const std::string& text, const std::string& file) { return {{"text", text}, {"file", file}}; }

std::string fault_key(VoiceHouse& house, const json& options) {
    auto built = build_tts(options, house.context);
    REQUIRE(!built);
    return built.error().key;
}

}  // namespace

TEST_CASE("a recorded text is played as it is, whatever its spelling, second by second") {
    VoiceHouse house;
    house.record("hello.wav", 16000, 40000, 1000);
    const auto voice = build_tts({{"provider", "recorded"}, {"prompts", json::array({prompt("Hello. This is the garden!", "hello.wav")})}}, house.context);
    REQUIRE(voice);
    CHECK((*voice)->rate_hz() == 16000);
    CHECK((*voice)->speaks_whole("hello, this is the garden"));
    CHECK(!(*voice)->speaks_whole("hello"));
    test::FakeLoop loop;
    Heard heard;
    const auto stream = (*voice)->speak(loop, "hello this is THE garden", heard.sink());
    CHECK(heard.order.empty());
    loop.advance(std::chrono::milliseconds(1));
    CHECK(heard.order == "aaad");
    CHECK(heard.samples == audio::Samples(40000, 1000));
}

TEST_CASE("what was not recorded is an error, or is left to another engine at its rate") {
    VoiceHouse house;
    house.record("hello.wav", 8000, 8000, 1000);
    const json prompts = json::array({prompt("Hello.", "hello.wav")});
    const auto alone = build_tts({{"provider", "recorded"}, {"prompts", prompts}}, house.context);
    REQUIRE(alone);
    test::FakeLoop loop;
    Heard other, nothing;
    const auto stream = (*alone)->speak(loop, "Goodbye.", other.sink());
    const auto empty = (*alone)->speak(loop, " ", nothing.sink());
    loop.advance(std::chrono::milliseconds(1));
    CHECK(other.order == "e");
    CHECK(nothing.order == "d");

    const auto both = build_tts({{"provider", "recorded"}, {"prompts", prompts}, {"otherwise", {{"provider", "espeak-ng"}}}}, house.context);
    REQUIRE(both);
    CHECK((*both)->rate_hz() == 22050);
    Heard hello;
    const auto resampled = (*both)->speak(loop, "Hello.", hello.sink());
    loop.advance(std::chrono::milliseconds(1));
    CHECK(hello.order.ends_with("d"));
    CHECK(static_cast<double>(hello.samples.size()) == doctest::Approx(22050).epsilon(0.01));

    Heard goodbye;
    Usage used;
    auto sink = goodbye.sink();
    sink.on_usage = [&](const Usage& total) { used = total; };
    const auto made = (*both)->speak(loop, "Goodbye.", std::move(sink));
    while (!goodbye.order.ends_with('d')) {
        REQUIRE(loop.await_post());
        loop.settle();
    }
    CHECK(used.provider == "espeak-ng");  // it is to be paid, not the recording
    CHECK(used.characters == 8);
}

TEST_CASE("a recording that is dropped while it is played says nothing more") {
    VoiceHouse house;
    house.record("long.wav", 8000, 80000, 1000);
    const auto voice = build_tts({{"provider", "recorded"}, {"prompts", json::array({prompt("Long.", "long.wav")})}}, house.context);
    REQUIRE(voice);
    test::FakeLoop loop;
    int calls = 0;
    std::unique_ptr<TtsStream> stream;
    stream = (*voice)->speak(loop, "Long.", {.on_audio = [&](const audio::Samples&) { ++calls, stream.reset(); }, .on_done = [&] { calls += 100; }, .on_error = {}});
    loop.advance(std::chrono::milliseconds(1));
    CHECK(calls == 1);
}

TEST_CASE("wrong recordings are found when the voice is built, with the key named") {
    VoiceHouse house;
    house.record("hello.wav", 16000, 1600, 1000);
    const auto with = [](const json& prompts) { return json{{"provider", "recorded"}, {"prompts", prompts}}; };
    CHECK(fault_key(house, {{"provider", "recorded"}}) == "prompts");
    CHECK(fault_key(house, with(json::array())) == "prompts");
    CHECK(fault_key(house, with(json::array({prompt("Hello.", "absent.wav")}))) == "prompts[0].file");
    CHECK(fault_key(house, with(json::array({prompt("...", "hello.wav")}))) == "prompts[0].text");
    CHECK(fault_key(house, with(json::array({prompt("Hello.", "hello.wav"), prompt("hello", "hello.wav")}))) == "prompts[1].text");
    auto other = with(json::array({prompt("Hello.", "hello.wav")}));
    other["otherwise"] = {{"provider", "flite"}, {"voice", "nobody"}};
    CHECK(fault_key(house, other) == "otherwise.voice");
    other["otherwise"] = "gramophone";
    CHECK(fault_key(house, other) == "otherwise.provider");
}
