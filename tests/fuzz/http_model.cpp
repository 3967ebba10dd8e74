// What servers of models answer by HTTP: events or a whole answer, refusals and broken connections, through the whole engine.
#include "fake_wire.h"

using namespace voicectl;
using namespace voicectl::fuzz;
using namespace voicectl::speech;

namespace {

LanguageModel& model(std::size_t which) {
    static const auto openai = *build_llm(with_url({{"provider", "openai"}, {"model", "m"}}, "http://127.0.0.1:1/v1"), context());
    static const auto anthropic = *build_llm(with_url({{"provider", "anthropic"}, {"model", "m"}}, "http://127.0.0.1:1"), context());
    return which == 0 ? *openai : *anthropic;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const auto [which, rest] = pick({data, size}, 2);
    test::FakeLoop loop;
    bool over = false;
    std::unique_ptr<LlmStream> stream;
    const auto ends = [&] {
        expect(!std::exchange(over, true) && stream);
    };
    stream = model(which).generate(loop, {.messages = {{ChatMessage::Role::User, "Hello."}}, .tools = {{"f", "d", "{}"}}},
                                   {.on_text = [&](const std::string& piece) { expect(!over && stream && !piece.empty()), expect_text(piece); },
                                    .on_done =
                                        [&](const LlmEnd& end) {
                                            ends();
                                            expect(end.calls.size() <= 64);
                                            for (const auto& call : end.calls) expect(!call.id.empty() && !call.name.empty()), expect_text(call.arguments);
                                        },
                                    .on_error = [&](const Error& error) { ends(), expect_error(error); },
                                    .on_usage = [](const Usage& usage) { expect(usage.input_tokens >= 0 && usage.output_tokens >= 0 && usage.cached_tokens >= 0); }});
    for (const auto& step : steps_of(rest)) {
        if (!answer(step)) loop.advance(step.time());
        if (step.what == 'd') stream.reset();
    }
    loop.advance(std::chrono::minutes(2));
    expect(over || !stream);  // some deadline ends it
    stream.reset();
    expect(transfers().empty());
    return 0;
}
