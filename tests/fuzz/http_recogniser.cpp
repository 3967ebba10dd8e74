// What servers of transcriptions answer by HTTP, through the whole engine; and any cut of a body is the same body.
#include "core/speech/heard_answer.h"
#include "fake_wire.h"

using namespace voicectl;
using namespace voicectl::fuzz;
using namespace voicectl::speech;

namespace {

constexpr const char* kTypes[] = {"application/json", "text/plain", "text/event-stream", ""};

std::optional<std::string> heard_in(std::string_view bytes, const char* type, std::size_t piece) {
    HeardAnswer answer(type);
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        if (!answer.push(bytes.substr(at, piece))) return std::nullopt;
    auto text = answer.finish();
    if (!text) return std::nullopt;
    expect_text(*text);
    return std::move(*text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const auto [which, rest] = pick({data, size}, 8);
    if (which < 4) {
        expect(heard_in(rest, kTypes[which], size) == heard_in(rest, kTypes[which], 1));
        return 0;
    }
    static const auto engine = *build_stt(with_url({{"provider", "openai"}, {"model", "m"}}, "http://127.0.0.1:1/v1"), context());
    static const audio::Samples kTenth(1600, 3000);
    test::FakeLoop loop;
    std::size_t asked = 0, told = 0;
    bool over = false;
    std::unique_ptr<SttStream> stream;
    stream = engine->open(loop, {.on_partial = [&](const std::string& text) { expect(!over && stream), expect_text(text); },
                                 .on_final = [&](const std::string& text) { expect(!over && stream && ++told <= asked), expect_text(text); },
                                 .on_error = [&](const Error& error) { expect(!std::exchange(over, true) && stream), expect_error(error); },
                                 .on_usage = [](const Usage& usage) { expect(usage.audio_ms >= 0 && usage.input_tokens >= 0); }});
    for (const auto& step : steps_of(rest)) {
        if (step.what == 'd') stream.reset();
        else if (step.what == 'p' && stream && !over) stream->push(kTenth);
        else if (step.what == 'u' && stream && !over) ++asked, stream->end_utterance();
        else if (step.what == 's' && stream && !over) std::ignore = stream->tell_so_far();
        else if (!answer(step)) loop.advance(step.time());
        loop.settle();
    }
    loop.advance(std::chrono::minutes(5));
    expect(over || !stream || told == asked);  // one for each, whatever the server does
    stream.reset();
    expect(transfers().empty());
    return 0;
}
