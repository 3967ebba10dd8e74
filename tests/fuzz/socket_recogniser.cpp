// What servers of recognisers say over a WebSocket, in any order with what callers say, through the whole engine.
#include "fake_wire.h"

using namespace voicectl;
using namespace voicectl::fuzz;
using namespace voicectl::speech;

namespace {

constexpr const char* kSttUrl = "ws://127.0.0.1:1/v1";

Built<SpeechToText> build_recogniser(std::size_t which, const ProviderContext& with) {
    if (which == 0) return build_stt(with_url({{"provider", "deepgram"}}, kSttUrl), with);
    if (which == 1) return build_stt(with_url({{"provider", "deepgram-flux"}}, kSttUrl), with);
    return build_stt(with_url({{"provider", "openai-realtime"}, {"model", "m"}}, kSttUrl), with);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const auto [which, rest] = pick({data, size}, 3);
    FakeWires wires;
    static const audio::Samples kTenth(1600, 3000);
    test::FakeLoop loop;
    const auto with = context(wires.opener());
    const auto engine = *build_recogniser(which, with);
    std::size_t asked = 0, told = 0;
    bool over = false;
    std::unique_ptr<SttStream> stream;
    stream = engine->open(loop, {.on_partial = [&](const std::string& text) { expect(!over && stream), expect_text(text); },
                                 .on_final = [&](const std::string& text) { expect(!over && stream && ++told <= asked), expect_text(text); },
                                 .on_error = [&](const Error& error) { expect(!std::exchange(over, true) && stream), expect_error(error); },
                                 .on_usage = [](const Usage& usage) { expect(usage.audio_ms >= 0 && usage.input_tokens >= 0); },
                                 .on_end_of_speech = [&] { expect(!over && stream); }});
    loop.settle();
    for (const auto& step : steps_of(rest)) {
        if (step.what == 'd') stream.reset();
        else if (step.what == 'p' && stream && !over) stream->push(kTenth);
        else if (step.what == 'u' && stream && !over) ++asked, stream->end_utterance();
        else if (step.what == 's' && stream && !over) std::ignore = stream->tell_so_far();
        else if (!wires.answer(step)) loop.advance(step.time());
        loop.settle();
    }
    loop.advance(std::chrono::minutes(5));
    expect(over || !stream || told == asked);
    stream.reset();
    loop.advance(std::chrono::seconds(5));
    return 0;
}
