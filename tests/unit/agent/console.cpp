// The room of `voicectl agent console`: is what happens in it what happens in LiveKit's?
#include "voicectl/agent/console.h"

#include <doctest/doctest.h>

#include "support/buzz.h"
#include "support/fake_call.h"
#include "support/temp_folder.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

struct Talk {
    Talk() {
        config.name = "front-desk";
        config.greeting = "Hello {{guest|there}}.";
        stages.stt = std::unique_ptr<speech::SpeechToText>(ear = new test::FakeEar);
        stages.llm = std::unique_ptr<speech::LanguageModel>(model = new test::FakeModel);
        stages.tts = std::unique_ptr<speech::TextToSpeech>(voice = new test::FakeVoice);
    }
    ~Talk() {
        console.reset();
        store.reset();
    }
    void start(ConsoleOptions options = {}) {
        store = std::make_unique<store::AsyncStore>(std::move(*store::Store::open(folder.file("s.db"))), loop);
        ConsoleHandlers handlers;
        handlers.on_turn = [this](const store::Turn& turn) { said.push_back((turn.speaker == store::Speaker::Agent ? "agent: " : "user: ") + turn.text); };
        handlers.on_state = [this](const std::string& state) { states.push_back(state); };
        handlers.on_audio = [this](audio::SampleView samples) { heard.insert(heard.end(), samples.begin(), samples.end()); };
        handlers.on_ready = [this] { ++ready; };
        handlers.on_ended = [this](const CallOutcome& ended) { outcome = ended; };
        console = Console::create(loop, config, stages, *store, std::move(options), std::move(handlers));
        loop.advance(100ms);
    }

    test::TempFolder folder;
    test::FakeLoop loop;
    AgentConfig config;
    Stages stages;
    test::FakeEar* ear;
    test::FakeModel* model;
    test::FakeVoice* voice;
    std::unique_ptr<store::AsyncStore> store;
    std::unique_ptr<Console> console;
    std::vector<std::string> said, states;
    audio::Samples heard;
    int ready = 0;
    std::optional<CallOutcome> outcome;
};

using Said = std::vector<std::string>;

}  // namespace

TEST_CASE("a typing caller is greeted, answered, and asked again each time") {
    Talk talk;
    talk.start({.metadata = R"({"variables":{"guest":"Ann"}})"});
    CHECK(talk.said == Said{"agent: Hello Ann."});
    CHECK(talk.ready == 1);
    talk.console->type("when are you open");
    talk.loop.advance(1s);
    CHECK(talk.ready == 1);  // the model thinks
    REQUIRE(talk.model->asked.size() == 1);
    CHECK(talk.model->asked[0].back().text == "when are you open");
    talk.model->answer("At nine. Come in.");
    talk.loop.advance(100ms);
    CHECK(talk.said == Said{"agent: Hello Ann.", "user: when are you open", "agent: At nine. Come in."});
    CHECK(talk.ready == 2);
    CHECK(talk.heard.empty());
    talk.console->hang_up();
    talk.loop.advance(100ms);
    REQUIRE(talk.outcome);
    CHECK(talk.outcome->good);
    CHECK(talk.outcome->turns == 3);
}

TEST_CASE("without a greeting the caller begins") {
    Talk talk;
    talk.config.greeting.clear();
    talk.start();
    CHECK(talk.said.empty());
    CHECK(talk.ready == 1);
}

TEST_CASE("the agent's goodbye ends the call") {
    Talk talk;
    talk.start();
    talk.console->type("bye");
    talk.loop.advance(50ms);
    talk.model->answer("Goodbye.", /*end_call=*/true);
    talk.loop.advance(2s);
    REQUIRE(talk.outcome);
    CHECK(talk.outcome->reason == "agent said goodbye");
    CHECK(talk.said.back() == "agent: Goodbye.");
}

TEST_CASE("whoever wants to hear it gets the voice as fast as it is made") {
    Talk talk;
    talk.start({.speaks = true});
    talk.loop.advance(200ms);
    CHECK(talk.heard.size() == 2400 + 2 * 1600);  // what a greeting begins with, and two words
    CHECK(talk.voice->spoken == Said{"Hello there."});
}

TEST_CASE("a recording is the caller: heard once the greeting is over, and answered") {
    Talk talk;
    test::Buzz buzz;
    audio::Samples question;
    for (int i = 0; i < 90; ++i) {
        const auto frame = buzz.frame(i < 80);
        question.insert(question.end(), frame.begin(), frame.end());
    }
    talk.start({.audio = question});
    talk.loop.advance(400ms);
    CHECK(talk.said == Said{"agent: Hello there."});
    CHECK(talk.ear->utterances == 0);
    talk.loop.advance(2s);
    CHECK(talk.ear->utterances == 1);
    CHECK(talk.ear->heard_samples >= 80 * 160);
    CHECK(talk.ready == 0);
    talk.loop.advance(5s);
    CHECK(talk.ready == 0);  // the recogniser is at work
    talk.ear->sink.on_final("when are you open");
    talk.loop.advance(100ms);
    REQUIRE(talk.model->asked.size() == 1);
    talk.model->answer("At nine.");
    talk.loop.advance(400ms);
    CHECK(talk.said == Said{"agent: Hello there.", "user: when are you open", "agent: At nine."});
    CHECK(talk.ready == 0);
    talk.loop.advance(2s);
    CHECK(talk.ready == 1);
    CHECK(talk.heard.size() > 5 * 16000);  // in real time, silence and all
}

TEST_CASE("a recording interrupts as a caller does") {
    Talk talk;
    talk.config.greeting.clear();
    test::Buzz buzz;
    audio::Samples speech;
    for (int i = 0; i < 400; ++i) {
        const auto frame = buzz.frame(i < 80 || (i > 250 && i < 330));
        speech.insert(speech.end(), frame.begin(), frame.end());
    }
    talk.start({.audio = speech});
    talk.loop.advance(1500ms);
    REQUIRE(talk.ear->utterances == 1);
    talk.ear->sink.on_final("tell me everything");
    talk.loop.advance(50ms);
    talk.model->answer("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty "
                       "twentyone twentytwo twentythree twentyfour twentyfive twentysix twentyseven twentyeight twentynine thirty.");
    talk.loop.advance(2500ms);
    REQUIRE(talk.ear->utterances == 2);
    talk.ear->sink.on_final("stop please");
    talk.loop.advance(100ms);
    REQUIRE(talk.said.size() == 3);
    CHECK(talk.said[1].starts_with("agent: one two three"));
    CHECK(talk.said[1].find("thirty") == std::string::npos);
    CHECK(talk.said[2] == "user: stop please");
}
