// What servers of voices say over a WebSocket: base64 or binary sound, ends, errors, of this text or another, through the whole engine.
#include "fake_wire.h"

using namespace voicectl;
using namespace voicectl::fuzz;
using namespace voicectl::speech;

namespace {

constexpr const char* kTtsUrl = "ws://127.0.0.1:1/v1";

Built<TextToSpeech> build_voice(std::size_t which, const ProviderContext& with) {
    if (which == 0) return build_tts(with_url({{"provider", "deepgram"}}, kTtsUrl), with);
    return build_tts(with_url({{"provider", which == 1 ? "elevenlabs" : "cartesia"}, {"voice", "v"}}, kTtsUrl), with);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const auto [which, rest] = pick({data, size}, 3);
    FakeWires wires;
    test::FakeLoop loop;
    const auto with = context(wires.opener());
    const auto engine = *build_voice(which, with);
    struct Speech {
        bool over = false;
        std::unique_ptr<TtsStream> stream = {};
    };
    std::vector<std::unique_ptr<Speech>> all;
    std::size_t samples = 0;
    const auto speak = [&] {
        auto& one = *all.emplace_back(std::make_unique<Speech>());
        one.stream = engine->speak(loop, "Hello there. How are you?",
                                   {.on_audio = [&](const audio::Samples& chunk) { expect(!one.over && one.stream && !chunk.empty()), samples += chunk.size(); },
                                    .on_done = [&] { expect(!std::exchange(one.over, true) && one.stream); },
                                    .on_error = [&](const Error& error) { expect(!std::exchange(one.over, true) && one.stream), expect_error(error); }});
    };
    speak();
    loop.settle();
    for (const auto& step : steps_of(rest)) {
        if (step.what == 'd') all.back()->stream.reset();
        else if (step.what == 's' && all.size() < 8) speak();
        else if (!wires.answer(step)) loop.advance(step.time());
        loop.settle();
    }
    loop.advance(std::chrono::minutes(5));
    for (const auto& one : all) expect(one->over || !one->stream);
    expect(samples <= size);  // two bytes each
    all.clear();
    loop.advance(std::chrono::minutes(5));
    return 0;
}
