// How the first choice comes back, and what is told of it, on virtual time.
#include "core/agent/recovery.h"

#include <doctest/doctest.h>

#include "support/fake_call.h"
#include "voicectl/agent/provider_states.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

const Error kDown{Errc::Unreachable, "down", ""};

struct Ward {
    explicit Ward(bool recover = true) {
        for (auto** ear : {&ear1, &ear2}) stages.stt.add(std::unique_ptr<speech::SpeechToText>(*ear = new test::FakeEar), {.provider = "ear"});
        stages.llm.add(std::unique_ptr<speech::LanguageModel>(model = new test::FakeModel), {.provider = "first"});
        stages.llm.add(std::unique_ptr<speech::LanguageModel>(second = new test::FakeModel), {.provider = "second"});
        stages.tts.add(std::unique_ptr<speech::TextToSpeech>(voice = new test::FakeVoice), {.provider = "voice"});
        stages.tts.add(std::unique_ptr<speech::TextToSpeech>(new test::FakeVoice), {.provider = "other"});
        recovery = std::make_unique<Recovery>(loop, stages, recover, Recovery::Handlers{.needed = [this] { return calls > 0; }, .on_report = [this](const nlohmann::json& report) {
                                                                                            reports.push_back(report);
                                                                                        }});
    }
    speech::Breaker& breaker() { return *stages.llm.all()[0].breaker; }
    void breaks(speech::Breaker& which) {
        for (int i = 0; i < 3; ++i) which.failed(loop.now(), kDown);
    }
    /// The states told of a provider, then the outcomes of tries.
    std::string told(const std::string& provider) {
        std::string out;
        for (const auto& report : reports)
            if (report["provider"] == provider) out += (out.empty() ? "" : " ") + report.value("state", report.value("outcome", ""));
        reports.clear();
        return out;
    }
    void answers(const std::optional<Error>& error = {}) {
        const auto sink = model->sink;
        if (error) sink.on_error(*error);
        else sink.on_text("OK");
        loop.settle();
    }
    test::FakeLoop loop;
    Stages stages;
    test::FakeEar *ear1, *ear2;
    test::FakeModel *model, *second;
    test::FakeVoice* voice;
    int calls = 1;
    std::vector<nlohmann::json> reports;
    std::unique_ptr<Recovery> recovery;
};

}  // namespace

TEST_CASE("a model whose time is over is tried every 30 s until it answers, and then asked as before") {
    Ward ward;
    ward.breaks(ward.breaker());
    CHECK(ward.told("first") == "open");
    ward.loop.advance(29s);
    CHECK(ward.model->asked.empty());
    ward.loop.advance(1s);
    CHECK(ward.told("first") == "half_open");
    REQUIRE(ward.model->asked.size() == 1);
    REQUIRE(ward.model->asked[0].size() == 1);
    CHECK(ward.model->asked[0][0].text == "Say OK.");
    CHECK_FALSE(ward.breaker().allows(ward.loop.now()));  // no caller tries beside us
    for (std::size_t tried = 2; tried < 5; ++tried) {
        ward.answers(kDown);
        CHECK(ward.told("first") == "failed open");
        ward.loop.advance(29s);
        CHECK(ward.model->asked.size() == tried - 1);
        ward.loop.advance(1s);
        CHECK(ward.model->asked.size() == tried);
        CHECK(ward.told("first") == "half_open");
    }
    ward.answers();
    CHECK(ward.told("first") == "ok closed");
    CHECK(ward.breaker().state(ward.loop.now()) == speech::Breaker::State::Closed);
    CHECK_FALSE(ward.model->sink.on_text);  // the rest of the answer is not waited for
    ward.loop.advance(10min);
    CHECK(ward.model->asked.size() == 4);
    CHECK(ward.second->asked.empty());
}

TEST_CASE("a try that gets no answer has failed, and one that is slow, too") {
    Ward ward;
    ward.breaks(ward.breaker());
    ward.loop.advance(30s);
    ward.told("first");
    ward.loop.advance(10s);
    CHECK(ward.told("first") == "failed open");
    CHECK_FALSE(ward.model->sink.on_text);
    ward.loop.advance(30s);
    ward.told("first");
    ward.loop.advance(5s);
    ward.answers();
    CHECK(ward.told("first") == "ok open");
}

TEST_CASE("nobody is tried while nobody calls; the next call brings the try") {
    Ward ward;
    ward.breaks(ward.breaker());
    ward.calls = 0;
    ward.loop.advance(10min);
    CHECK(ward.model->asked.empty());
    ward.calls = 1;
    ward.recovery->on_call();
    CHECK(ward.model->asked.size() == 1);
    ward.recovery->on_call();
    CHECK(ward.model->asked.size() == 1);
}

TEST_CASE("without recover nobody is tried, and states are told all the same") {
    Ward ward(false);
    ward.breaks(ward.breaker());
    ward.loop.advance(30s);
    CHECK(ward.told("first") == "open half_open");
    ward.recovery->on_call();
    CHECK(ward.model->asked.empty());
    REQUIRE(ward.breaker().allows(ward.loop.now()));  // a caller's request
    ward.breaker().failed(ward.loop.now(), kDown);
    CHECK(ward.breaker().open_for(ward.loop.now()) == 60s);
}

TEST_CASE("a wrong key is tried after five minutes, a wish to wait is granted") {
    Ward ward;
    ward.breaker().failed(ward.loop.now(), Error{Errc::Auth, "wrong key", ""});
    ward.loop.advance(299s);
    CHECK(ward.model->asked.empty());
    ward.loop.advance(1s);
    CHECK(ward.model->asked.size() == 1);
    ward.answers(Error{Errc::Unreachable, "429", "", 70s});
    ward.loop.advance(69s);
    CHECK(ward.model->asked.size() == 1);
    ward.loop.advance(1s);
    CHECK(ward.model->asked.size() == 2);
}

TEST_CASE("a voice is tried by a word, and no sound is no answer") {
    Ward ward;
    auto& breaker = *ward.stages.tts.all()[0].breaker;
    ward.breaks(breaker);
    ward.voice->broken = true;
    ward.loop.advance(31s);
    CHECK(ward.voice->spoken == std::vector<std::string>{"Yes."});
    CHECK(ward.told("voice") == "open half_open failed open");
    ward.voice->broken = false;
    ward.loop.advance(30s);
    CHECK(ward.told("voice") == "half_open ok closed");
}

TEST_CASE("a recogniser is tried by a tone; of two of one name the worse is told") {
    Ward ward;
    ward.breaks(*ward.stages.stt.all()[0].breaker);
    ward.breaks(*ward.stages.stt.all()[1].breaker);
    CHECK(ward.told("ear") == "open");
    ward.loop.advance(30s);
    CHECK(ward.ear1->heard_samples == 9600);
    CHECK(ward.ear1->utterances == 1);
    CHECK(ward.told("ear") == "half_open");
    for (auto* ear : {ward.ear1, ward.ear2}) {
        const auto sink = ear->sink;
        sink.on_final("");
        ward.loop.settle();
    }
    CHECK(ward.told("ear") == "ok ok closed");
}

TEST_CASE("the end of the host in the middle of a try leaves nothing behind") {
    Ward ward;
    ward.breaks(ward.breaker());
    ward.loop.advance(30s);
    REQUIRE(ward.model->asked.size() == 1);
    ward.recovery.reset();
    CHECK_FALSE(ward.model->sink.on_text);
    CHECK_FALSE(ward.breaker().on_change);
    CHECK(ward.breaker().allows(ward.loop.now()));
    ward.loop.advance(10min);
    CHECK(ward.model->asked.size() == 1);
}

TEST_CASE("a call tells the states of all, once") {
    Ward ward;
    ward.recovery->on_call();
    CHECK(ward.reports.size() == 5);  // the two ears have one name
    CHECK(ward.told("voice") == "closed");
    ward.recovery->on_call();
    CHECK(ward.reports.empty());
}

TEST_CASE("states of several processes are counted, and those of dead ones are forgotten") {
    ProviderStates states;
    const auto tell = [&](int pid, const char* state) {
        states.take({{"kind", "breaker"}, {"stage", "llm"}, {"provider", "acme"}, {"state", state}, {"pid", pid}});
    };
    const auto shown = [&] {
        AgentMetrics metrics;
        states.show(metrics);
        return metrics.text();
    };
    const auto line = [](const char* state, int count) { return fmt::format("voicectl_provider_breakers{{provider=\"acme\",stage=\"llm\",state=\"{}\"}} {}\n", state, count); };
    states.take({{"kind", "usage"}});
    CHECK(shown().empty());
    tell(1, "closed");
    tell(2, "closed");
    CHECK(states.unwell().empty());
    tell(2, "open");
    tell(3, "half_open");
    for (const auto& wanted : {line("closed", 1), line("half_open", 1), line("open", 1)}) CHECK(shown().find(wanted) != std::string::npos);
    const nlohmann::json unwell{{"stage", "llm"}, {"provider", "acme"}, {"open", 1}, {"halfOpen", 1}, {"processes", 3}};
    CHECK(states.unwell() == nlohmann::json::array({unwell}));
    states.keep_only({1, 3});
    tell(3, "closed");
    CHECK(shown().find(line("open", 0)) != std::string::npos);
    CHECK(shown().find(line("closed", 2)) != std::string::npos);
    CHECK(states.unwell().empty());
}
