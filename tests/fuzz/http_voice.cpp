// What servers of voices answer by HTTP: raw samples, WAVs, events with base64, refusals, through the whole engine.
#include "fake_wire.h"

using namespace voicectl;
using namespace voicectl::fuzz;
using namespace voicectl::speech;

namespace {

TextToSpeech& voice(std::size_t which) {
    constexpr const char* kUrl = "http://127.0.0.1:1/v1";
    static const std::unique_ptr<TextToSpeech> all[] = {
        *build_tts(with_url({{"provider", "openai"}, {"model", "m"}}, kUrl), context()),
        *build_tts(with_url({{"provider", "azure"}}, kUrl), context()),
        *build_tts(with_url({{"provider", "zonos"}}, kUrl), context()),
    };
    return *all[which];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const auto [which, rest] = pick({data, size}, 3);
    test::FakeLoop loop;
    bool over = false;
    std::size_t samples = 0;
    std::unique_ptr<TtsStream> stream;
    const auto ends = [&] {
        expect(!std::exchange(over, true) && stream);
    };
    stream = voice(which).speak(loop, "Hello there. How are you?",
                                {.on_audio = [&](const audio::Samples& chunk) { expect(!over && stream && !chunk.empty()), samples += chunk.size(); },
                                 .on_done = [&] { ends(), expect(samples > 0); },
                                 .on_error = [&](const Error& error) { ends(), expect_error(error); },
                                 .on_usage = [](const Usage& usage) { expect(usage.input_tokens >= 0 && usage.characters >= 0); }});
    for (const auto& step : steps_of(rest)) {
        if (!answer(step)) loop.advance(step.time());
        if (step.what == 'd') stream.reset();
    }
    loop.advance(std::chrono::minutes(2));
    expect(over || !stream);
    expect(samples <= 12 * size + 48'000);  // 4 kHz of a byte a sample at the most, at 48 kHz
    stream.reset();
    expect(transfers().empty());
    return 0;
}
