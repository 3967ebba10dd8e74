#include "core/agent/metering.h"

#include <doctest/doctest.h>

#include "core/agent/history.h"
#include "support/fake_call.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;
using speech::ChatMessage;

namespace {

struct Studio {
    Studio() {
        stages.stt = std::unique_ptr<speech::SpeechToText>(ear = new test::FakeEar);
        stages.llm = std::unique_ptr<speech::LanguageModel>(model = new test::FakeModel);
        stages.tts = std::unique_ptr<speech::TextToSpeech>(voice = new test::FakeVoice);
    }
    speech::Usage used(Stage stage) const {
        for (const auto& line : ledger->lines())
            if (line.stage == stage) return line.usage;
        return {};
    }
    bool estimated() const { return ledger->lines().front().estimates > 0; }
    std::unique_ptr<speech::LlmStream> ask(speech::LanguageModel& from, const std::string& question) {
        return from.generate(loop, {{{ChatMessage::Role::User, question}}},
                             {.on_text = [this](const std::string& piece) { said += piece; },
                              .on_done = [this](const speech::LlmEnd&) { done = true; },
                              .on_error = [this](const Error&) { failed = true; }});
    }
    test::FakeLoop loop;
    AgentConfig config;
    Stages stages;
    test::FakeEar* ear;
    test::FakeModel* model;
    test::FakeVoice* voice;
    std::shared_ptr<Ledger> ledger = Ledger::create(config.prices, {Payee{"ear", ""}, Payee{"mind", ""}, Payee{"voice", ""}});
    std::string said;
    bool done = false, failed = false;
    int cuts = 0;
};

}  // namespace

TEST_CASE("audio that a recogniser was given is counted, to its last millisecond") {
    Studio studio;
    MeteredStt stt(*studio.stages.stt, studio.ledger);
    auto stream = stt.open(studio.loop, {});
    for (int i = 0; i < 250; ++i) stream->push(audio::Samples(160));
    CHECK(studio.used(Stage::Stt).audio_ms == 2000);  // whole seconds while it lasts
    stream->end_utterance();
    CHECK(studio.used(Stage::Stt).audio_ms == 2500);
    stream->push(audio::Samples(8000));
    stream.reset();
    CHECK(studio.used(Stage::Stt).audio_ms == 3000);
    CHECK(studio.ear->heard_samples == 48000);
    CHECK_FALSE(studio.estimated());
}

TEST_CASE("a recogniser that tells its own figures is believed") {
    Studio studio;
    MeteredStt stt(*studio.stages.stt, studio.ledger);
    auto stream = stt.open(studio.loop, {});
    stream->push(audio::Samples(16000));
    studio.ear->sink.on_usage({.audio_ms = 10'000});
    stream->push(audio::Samples(16000));
    CHECK(studio.used(Stage::Stt).audio_ms == 10'000);
}

TEST_CASE("a model that tells nothing is guessed at, and marked so") {
    Studio studio;
    MeteredLlm llm(*studio.stages.llm, studio.ledger);
    auto stream = studio.ask(llm, "a question of 30 characters...");
    studio.model->answer("twelve chars");
    CHECK(studio.done);
    CHECK(studio.used(Stage::Llm).input_tokens == 8);
    CHECK(studio.used(Stage::Llm).output_tokens == 3);
    CHECK(studio.estimated());
}

TEST_CASE("a model's own figures count, also after the stream is gone") {
    Studio studio;
    MeteredLlm llm(*studio.stages.llm, studio.ledger);
    auto stream = studio.ask(llm, "hello");
    const auto tell = studio.model->sink.on_usage;
    studio.model->answer("yes");
    stream.reset();
    CHECK(studio.estimated());
    for (int i = 0; i < 2; ++i) tell({.input_tokens = 500, .output_tokens = 20});
    CHECK(studio.used(Stage::Llm).input_tokens == 500);
    CHECK(studio.used(Stage::Llm).output_tokens == 20);
    CHECK_FALSE(studio.estimated());
}

TEST_CASE("an answer that is cut off is paid for as far as it came; one that failed at once is not") {
    Studio studio;
    MeteredLlm llm(*studio.stages.llm, studio.ledger);
    auto stream = studio.ask(llm, "12345678");
    studio.model->sink.on_text("half of");
    stream.reset();
    CHECK(studio.used(Stage::Llm).input_tokens == 2);
    CHECK(studio.used(Stage::Llm).output_tokens == 2);
    stream = studio.ask(llm, "12345678");
    const auto sink = studio.model->sink;
    sink.on_error({Errc::Unreachable, "refused", ""});
    stream.reset();
    CHECK(studio.failed);
    CHECK(studio.used(Stage::Llm).input_tokens == 2);
}

TEST_CASE("what is spoken and then cut is paid for as a whole, what cannot be made is not") {
    Studio studio;
    MeteredTts tts(*studio.stages.tts, studio.ledger);
    auto stream = tts.speak(studio.loop, "Grüß Gott", {.on_audio = [](const audio::Samples&) {}, .on_done = [] {}, .on_error = [](const Error&) {}});
    stream.reset();  // before its first sound
    CHECK(studio.used(Stage::Tts).characters == 9);
    studio.voice->broken = true;
    stream = tts.speak(studio.loop, "not to be heard", {.on_audio = [](const audio::Samples&) {}, .on_done = [] {}, .on_error = [](const Error&) {}});
    studio.loop.advance(1s);
    stream.reset();
    CHECK(studio.used(Stage::Tts).characters == 9);
}

TEST_CASE("a voice that has a text as one recording says so through its meter") {
    struct Recordings final : speech::TextToSpeech {
        int rate_hz() const override { return 8000; }
        bool speaks_whole(const std::string& text) const override { return text == "Hello. You."; }
        std::unique_ptr<speech::TtsStream> speak(Loop&, const std::string&, speech::TtsSink) override { return nullptr; }
    } recordings;
    Studio studio;
    const MeteredTts tts(recordings, studio.ledger);
    CHECK(tts.rate_hz() == 8000);
    CHECK(tts.speaks_whole("Hello. You."));
    CHECK_FALSE(tts.speaks_whole("Hello."));
}

TEST_CASE("a model that does not stop is stopped at the end of a sentence") {
    Studio studio;
    const AnswerLimit limit{.characters = 20, .time = 0ms, .words = "That is all."};
    BoundedLlm llm(*studio.stages.llm, limit, [&] { ++studio.cuts; });
    auto stream = studio.ask(llm, "go on");
    for (const char* piece : {"One two three ", "four five ", "six seven. Eight", " nine"}) {
        if (studio.model->sink.on_text) studio.model->sink.on_text(piece);
        studio.loop.settle();
    }
    CHECK(studio.said == "One two three four five six seven. That is all.");
    CHECK(studio.done);
    CHECK(studio.cuts == 1);
    CHECK_FALSE(studio.model->sink.on_text);  // its stream is dropped
}

TEST_CASE("one without an end of a sentence is stopped soon after, one that is too slow after its time") {
    Studio studio;
    AnswerLimit limit{.characters = 20, .time = 0ms, .words = ""};
    BoundedLlm llm(*studio.stages.llm, limit, [&] { ++studio.cuts; });
    auto stream = studio.ask(llm, "go on");
    for (int i = 0; i < 1000 && studio.model->sink.on_text; ++i) {
        studio.model->sink.on_text("endless ");
        studio.loop.settle();
    }
    CHECK(studio.done);
    CHECK(studio.said.size() < 400);

    studio.done = false;
    limit = {.characters = 0, .time = 5s, .words = "Enough."};
    stream = studio.ask(llm, "slowly");
    studio.said.clear();
    for (int i = 0; i < 100 && studio.model->sink.on_text; ++i) {
        studio.model->sink.on_text("la ");
        studio.loop.advance(100ms);
    }
    CHECK(studio.done);
    CHECK(studio.said.ends_with("Enough."));
    CHECK(studio.cuts == 2);
}

TEST_CASE("an answer within its limits is left alone") {
    Studio studio;
    const AnswerLimit limit{.characters = 20, .time = 5s, .words = "That is all."};
    BoundedLlm llm(*studio.stages.llm, limit, [&] { ++studio.cuts; });
    auto stream = studio.ask(llm, "go on");
    studio.model->answer("Twenty characters ok", true);
    studio.loop.advance(1min);
    CHECK(studio.said == "Twenty characters ok");
    CHECK(studio.cuts == 0);
}

TEST_CASE("the history keeps the instructions and the newest part") {
    using Role = ChatMessage::Role;
    std::vector<ChatMessage> history{{Role::System, "be kind"}};
    for (int i = 0; i < 10; ++i) history.push_back({Role::User, fmt::format("message {}", i)});
    auto kept = history;
    trim_history(kept, {.messages = 4, .tokens = 0});
    REQUIRE(kept.size() == 4);
    CHECK(kept[0].text == "be kind");
    CHECK(kept[1].text == "message 7");
    kept = history;
    trim_history(kept, {.messages = 200, .tokens = 10});
    REQUIRE(kept.size() == 3);
    CHECK(kept[0].text == "be kind");
    CHECK(kept[2].text == "message 9");
    kept = {{Role::User, "first"}, {Role::User, std::string(100'000, 'x')}};  // no instructions; the last one stays
    trim_history(kept, {.messages = 2, .tokens = 10});
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].text.size() == 100'000);
    kept = history;
    trim_history(kept, {.messages = 11, .tokens = 1000});
    CHECK(kept.size() == 11);
    kept.clear();
    trim_history(kept, {});
    CHECK(kept.empty());
}
