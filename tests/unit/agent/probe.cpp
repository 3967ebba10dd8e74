// `agent check --probe`: what is asked of whom, and what is told of it. On virtual time.
#include "voicectl/agent/probe.h"

#include <doctest/doctest.h>

#include "core/agent/probe_plan.h"
#include "support/fake_call.h"
#include "support/fake_loop.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;
using ProbeState = ProbeReport::State;

namespace {

/// A voice that gives these samples, whatever it is to say.
class ToneVoice final : public speech::TextToSpeech {
 public:
    explicit ToneVoice(audio::Samples samples) : samples_(std::move(samples)) {}
    int rate_hz() const override { return 8000; }
    std::unique_ptr<speech::TtsStream> speak(Loop& loop, const std::string&, speech::TtsSink sink) override {
        loop.post([sink, samples = samples_] {
            if (!samples.empty()) sink.on_audio(samples);
            sink.on_done();
        });
        return std::make_unique<speech::TtsStream>();
    }

 private:
    audio::Samples samples_;
};

struct ProbeBench {
    ProbeBench() {
        config.stt = {{"provider", "ear"}};
        config.llm = {{"provider", "mind"}, {"model", "small"}};
        config.tts = {{"provider", "mouth"}};
        config.prices.set("mouth", {.million_characters = *parse_money("10"), .date = "2026-02-03", .source = "test"});
        config.prices.set("mind/small", {.million_input_tokens = *parse_money("1"), .date = "2026-02-04", .source = "test"});
    }
    test::FakeEar* hears(const nlohmann::json& options = {{"provider", "ear"}}) { return add<test::FakeEar>(stages.stt, options); }
    test::FakeModel* thinks(const nlohmann::json& options = {{"provider", "mind"}, {"model", "small"}}) { return add<test::FakeModel>(stages.llm, options); }
    test::FakeVoice* speaks(const nlohmann::json& options = {{"provider", "mouth"}}) { return add<test::FakeVoice>(stages.tts, options); }

    void start(ProbeOptions options = {}) {
        prober = Prober::start(loop, config, stages, context, options,
                               {.on_change = [this](const auto& now) { most = std::max(most, now.size()); }, .on_done = [this](auto all) { reports = std::move(all); }});
        loop.advance(100ms);  // the voices have spoken
    }
    /// What is said to a recogniser is said in real time.
    void speech_ends() { loop.advance(2s); }
    const ProbeReport& report(const std::string& place) const {
        for (const auto& one : reports)
            if (std::find(one.places.begin(), one.places.end(), place) != one.places.end()) return one;
        FAIL("no report of " << place);
        return reports.front();
    }
    static void hear(test::FakeEar* ear, const std::string& text) {
        const auto sink = ear->sink;
        REQUIRE(static_cast<bool>(sink.on_final));
        sink.on_final(text);
    }
    static void refuse(test::FakeModel* model, Errc code) {
        const auto sink = model->sink;
        sink.on_error({code, "refused", "do better"});
    }

    template<class Fake, class T>
    Fake* add(Choices<T>& choices, const nlohmann::json& options) {
        auto* fake = new Fake;
        choices.add(std::unique_ptr<T>(fake), payee_of(options));
        return fake;
    }

    test::FakeLoop loop;
    Workers workers{1, "test"};
    net::HttpClient http;
    speech::ProviderContext context{workers, http, [](const std::string&) { return std::nullopt; }, "."};
    AgentConfig config;
    Stages stages;
    std::vector<ProbeReport> reports;
    std::size_t most = 0;  // asked at once
    std::unique_ptr<Prober> prober;
};

}  // namespace

TEST_CASE("each provider is asked once, and told with its time, its use and its price") {
    ProbeBench bench;
    auto* ear = bench.hears();
    auto* mind = bench.thinks();
    auto* mouth = bench.speaks();
    bench.start();
    REQUIRE(mouth->spoken == std::vector<std::string>{"Good morning, how can I help you today?"});
    mind->answer("Yes.");
    CHECK(ear->utterances == 0);
    bench.speech_ends();
    REQUIRE(ear->utterances == 1);
    CHECK(ear->heard_samples == 8 * 1600 + 2 * 4800);  // what the voice said, and quiet around it
    ProbeBench::hear(ear, "good morning how can I help you");
    bench.loop.settle();
    REQUIRE(bench.reports.size() == 3);
    const auto& heard = bench.report("stt");
    CHECK(heard.state == ProbeState::Ok);
    CHECK(heard.by == "tts (mouth)");
    CHECK(heard.after_speech == 650ms);  // it was asked after 50 ms, and the speech took 1.4 s
    CHECK(*heard.word_error == doctest::Approx(1.0 / 8));
    CHECK_FALSE(heard.cost);  // nobody knows the price
    CHECK(bench.report("llm").answer == "Yes.");
    CHECK(bench.report("llm").model == "small");
    CHECK(bench.report("llm").total == 100ms);
    CHECK(bench.report("llm").usage[0]["priceDate"] == "2026-02-04");
    const auto& voice = bench.report("tts");
    CHECK(voice.first == 50ms);
    CHECK(voice.sound == 800ms);
    REQUIRE(voice.cost);
    CHECK(to_text(*voice.cost) == "0.00039");  // 39 characters
    CHECK(voice.usage[0]["priceDate"] == "2026-02-03");
    CHECK(verdict_of(bench.reports));
}

TEST_CASE("who does not answer in time has failed, and nobody waits for longer") {
    ProbeBench bench;
    auto* ear = bench.hears();
    bench.thinks();
    bench.speaks()->mute = true;
    bench.start({.timeout = 5s});
    bench.loop.advance(4800ms);
    CHECK(bench.reports.empty());
    bench.loop.advance(200ms);
    CHECK(ear->utterances == 0);  // waits for a voice of this machine, or has none
    bench.loop.advance(10s);
    while (bench.reports.empty() && bench.loop.await_post(5s)) bench.loop.advance(10s);
    CHECK(bench.report("llm").error->code == Errc::Timeout);
    CHECK(bench.report("llm").total == 5s);
    CHECK(bench.report("tts").error->code == Errc::Timeout);
    CHECK(bench.report("stt").state == ProbeState::Failed);
    CHECK_FALSE(bench.report("llm").error->hint.empty());
}

TEST_CASE("a voice without sound, with silence or without an end of it has failed") {
    for (const auto& [samples, words] : {std::pair{audio::Samples{}, "no sound came"}, {audio::Samples(8000, 3), "silence"}, {audio::Samples(8000 * 61, 900), "more than 60 s"}}) {
        ProbeBench bench;
        bench.stages.tts.add(std::make_unique<ToneVoice>(samples), {.provider = "mouth"});
        bench.start();
        const auto& voice = bench.report("tts");
        REQUIRE(voice.error);
        CHECK(voice.error->code == Errc::Protocol);
        CHECK_MESSAGE(voice.error->message.find(words) != std::string::npos, voice.error->message);
    }
}

TEST_CASE("a recogniser that understands nothing has failed, one with a grammar of its own has not") {
    for (const bool grammar : {false, true}) {
        ProbeBench bench;
        if (grammar) bench.config.stt["grammar"] = "numbers.gram";
        auto* ear = bench.hears();
        bench.speaks();
        bench.start();
        bench.speech_ends();
        ProbeBench::hear(ear, " .");
        bench.loop.settle();
        const auto& heard = bench.report("stt");
        CHECK((heard.state == ProbeState::Ok) == grammar);
        CHECK(heard.note.empty() != grammar);
        CHECK(heard.word_error.has_value() != grammar);
        CHECK((heard.error && heard.error->code == Errc::CheckFailed) != grammar);
    }
}

TEST_CASE("a recogniser that knows only some sentences hears one of them") {
    ProbeBench bench;
    bench.config.stt = {{"provider", "pocketsphinx"}, {"phrases", {"when are you open", "goodbye"}}};
    auto* ear = bench.hears(bench.config.stt);
    auto* mouth = bench.speaks();
    bench.start();
    CHECK(mouth->spoken == std::vector<std::string>{"when are you open"});
    bench.speech_ends();
    ProbeBench::hear(ear, "when are you open");
    bench.loop.settle();
    CHECK(bench.report("stt").word_error == 0.0);
}

TEST_CASE("the voice that a recogniser hears is the first that works") {
    ProbeBench bench;
    bench.config.tts = {{{"provider", "mouth"}}, {{"provider", "other"}}};
    auto* ear = bench.hears();
    bench.speaks()->broken = true;
    bench.speaks({{"provider", "other"}})->takes = 3s;
    bench.start();
    bench.speech_ends();
    CHECK(ear->heard_samples == 0);
    bench.loop.advance(1s);
    CHECK(ear->heard_samples > 0);
    bench.speech_ends();
    CHECK(ear->utterances == 1);
    ProbeBench::hear(ear, "good morning");
    bench.loop.settle();
    CHECK(bench.report("stt").by == "tts[1] (other)");
    CHECK(bench.report("tts[0]").error);
    CHECK(bench.report("tts[0]").cost == Money{});  // nobody asks money for that
}

TEST_CASE("what a file names in several places is asked once, and told with all of them") {
    ProbeBench bench;
    bench.config.languages["de"] = {.tag = "de", .llm = bench.config.llm, .tts = {{"provider", "mund"}}};
    bench.config.trouble.tts = bench.config.tts;
    bench.config.voices["ann"] = {{"voice", "ann"}};
    auto* mind = bench.thinks();
    auto* again = bench.add<test::FakeModel>(bench.stages.languages["de"].llm, bench.config.llm);
    auto* german = bench.add<test::FakeVoice>(bench.stages.languages["de"].tts, {{"provider", "mund"}});
    auto* mouth = bench.speaks();
    auto* apology = bench.add<test::FakeVoice>(bench.stages.apology, bench.config.tts);
    auto* ann = bench.add<test::FakeVoice>(bench.stages.voices["ann"], {{"provider", "mouth"}, {"voice", "ann"}});
    bench.start();
    mind->answer("Yes.");
    bench.loop.settle();
    REQUIRE(bench.reports.size() == 4);
    CHECK(bench.report("llm").places == std::vector<std::string>{"llm", "languages.de.llm"});
    CHECK(bench.report("tts").places == std::vector<std::string>{"tts", "trouble.tts"});
    CHECK(again->asked.empty());
    CHECK(apology->spoken.empty());
    CHECK(mouth->spoken.size() == 1);
    CHECK(ann->spoken.size() == 1);
    REQUIRE(german->spoken.size() == 1);
    CHECK(german->spoken[0].starts_with("Guten Morgen"));
}

TEST_CASE("only so many are asked at once") {
    ProbeBench bench;
    bench.config.llm = nlohmann::json::array();
    std::vector<test::FakeModel*> minds;
    for (int i = 0; i < 7; ++i) {
        bench.config.llm.push_back({{"provider", "mind"}, {"model", std::to_string(i)}});
        minds.push_back(bench.thinks(bench.config.llm.back()));
    }
    bench.start({.at_once = 3});
    CHECK(minds[2]->asked.size() == 1);
    CHECK(minds[3]->asked.empty());
    for (auto* mind : minds) {
        REQUIRE(mind->asked.size() == 1);
        mind->answer("Yes.");
        bench.loop.settle();
    }
    CHECK(bench.most == 3);
    CHECK(bench.reports.size() == 7);
}

TEST_CASE("the cause that a script sees is the one that all failures have, else whether another try may help") {
    const auto code_of = [](std::vector<Errc> codes) {
        ProbeBench bench;
        bench.config.llm = nlohmann::json::array();
        std::vector<test::FakeModel*> minds;
        for (std::size_t i = 0; i < codes.size(); ++i) {
            bench.config.llm.push_back({{"provider", "mind"}, {"model", std::to_string(i)}});
            minds.push_back(bench.thinks(bench.config.llm.back()));
        }
        bench.start();
        for (std::size_t i = 0; i < codes.size(); ++i) ProbeBench::refuse(minds[i], codes[i]);
        bench.loop.settle();
        const auto verdict = verdict_of(bench.reports);
        REQUIRE_FALSE(verdict);
        CHECK(verdict.error().hint == "do better");
        CHECK(verdict.error().message.find("first llm mind/0: refused") != std::string::npos);
        return verdict.error().code;
    };
    CHECK(code_of({Errc::Auth}) == Errc::Auth);
    CHECK(code_of({Errc::Auth, Errc::Auth}) == Errc::Auth);
    CHECK(code_of({Errc::Timeout, Errc::Unreachable}) == Errc::Unreachable);
    CHECK(code_of({Errc::Unreachable, Errc::Auth}) == Errc::CheckFailed);
}

TEST_CASE("HTTP tools are not called, and a URL's secrets are not told") {
    ProbeBench bench;
    ToolSettings settings;
    settings.http.push_back({.name = "book", .description = "Books.", .parameters = {}, .server = {.key = "tools[0]", .url = "https://tools.example.com/book?key=s3cret", .headers = {}, .allowed_hosts = {}}});
    bench.stages.tools = std::move(*Toolbox::build(std::move(settings), bench.context));
    bench.start();
    const auto& tool = bench.report("tools[0]");
    CHECK(tool.state == ProbeState::Skipped);
    CHECK(tool.provider == "http tools.example.com");
    CHECK(tool.note.find("not called") != std::string::npos);
    CHECK(verdict_of(bench.reports));
}

TEST_CASE("who stops asking is told nothing more") {
    ProbeBench bench;
    auto* mind = bench.thinks();
    bench.speaks();
    bench.start();
    bench.prober.reset();
    CHECK_FALSE(static_cast<bool>(mind->sink.on_text));
    bench.loop.advance(60s);
    CHECK(bench.reports.empty());
}
