// What a call's metadata and its prompt do to the call itself.
#include <doctest/doctest.h>

#include "core/agent/call_session.h"
#include "support/buzz.h"
#include "support/fake_call.h"
#include "support/live_loop.h"
#include "support/temp_folder.h"
#include "voicectl/net/http_server.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

/// One call on virtual time; its backend, if it has one, on real time and a loop of its own.
struct PromptCall {
    PromptCall() {
        config.name = "front-desk";
        config.greeting = "Hello {{caller.name|there}}.";
        config.instructions = "You serve {{guest|guests}}.";
        stages.stt = std::unique_ptr<speech::SpeechToText>(ear = new test::FakeEar);
        stages.llm = std::unique_ptr<speech::LanguageModel>(model = new test::FakeModel);
        stages.tts = std::unique_ptr<speech::TextToSpeech>(voice = new test::FakeVoice);
        stages.languages["de"].tts = std::unique_ptr<speech::TextToSpeech>(german = new test::FakeVoice);
        config.languages["de"] = {.tag = "de", .greeting = "Guten Tag."};
    }
    ~PromptCall() {
        session.reset();
        store.reset();
        if (server) server_loop.on_loop([this] { server.reset(); });
    }
    void with_backend() {
        server = server_loop.on_loop([this] {
            return std::move(*net::HttpServer::listen(server_loop.get(), {}, [this](const net::ServedRequest&, const net::HttpServer::Respond& respond) {
                waiter.change([&] { waiting.push_back(respond); });
            }));
        });
        config.prompt_from = {"backend"};
        config.backend.url = fmt::format("http://127.0.0.1:{}", server->port());
        config.backend.timeout = 20s;
        stages.prompts = std::move(*PromptBackend::build(config, {workers, http, [](const std::string&) { return "a-service-key"; }, "."}));
    }
    void respond(int status, const std::string& body) {
        REQUIRE(waiter.wait([this] { return !waiting.empty(); }));
        server_loop.on_loop([&] { waiting.front()({status, body}); });
        waiting.erase(waiting.begin());
    }
    /// Until the backend's answer, which comes in real time, has done its work.
    template<class Condition>
    void await(Condition condition) {
        while (!condition()) {
            REQUIRE(loop.await_post());
            loop.settle();
        }
    }
    void start(const std::string& metadata) {
        store = std::make_unique<store::AsyncStore>(std::move(*store::Store::open(folder.file("s.db"))), loop);
        session = std::make_unique<CallSession>(HostParts{loop, config, stages, core, *store}, CallTicket{"AJ_1", "room", "ws://x", "token", metadata},
                                                [this](const CallOutcome& ended) { outcome = ended; });
        session->start();
        if (core.latest != nullptr) core.latest->join_done({});
        loop.settle();
    }
    void caller_comes(const std::string& name = "Ann") {
        core.latest->events().on_joined({"ann-1", "PA_1", name, "", rtc::ParticipantKind::Standard, {}});
        core.latest->events().on_track_subscribed({"TR_1", "mic", "ann-1", true, true});
        core.latest->events().on_own_track_heard("agent-voice");
        loop.advance(2s);
    }
    void caller_says(const std::string& text) {
        for (int i = 0; i < 150; ++i) {
            const auto frame = buzz.frame(i < 80);
            loop.advance(10ms);
            core.latest->hear({frame, 16000, loop.now()});
        }
        loop.settle();
        ear->sink.on_final(text);
        loop.settle();
    }

    test::TempFolder folder;
    test::FakeLoop loop;
    Workers workers{1, "test"};
    net::HttpClient http;
    AgentConfig config;
    Stages stages;
    test::FakeEar* ear;
    test::FakeModel* model;
    test::FakeVoice *voice, *german;
    test::FakeCore core{loop};
    test::Buzz buzz;
    test::Waiter waiter;
    std::vector<net::HttpServer::Respond> waiting;
    test::LiveLoop server_loop;
    std::unique_ptr<net::HttpServer> server;
    std::unique_ptr<store::AsyncStore> store;
    std::unique_ptr<CallSession> session;
    std::optional<CallOutcome> outcome;
};

constexpr const char* kScenario = R"({"scenarioId":"s-1"})";

}  // namespace

TEST_CASE("greeting and instructions speak of who calls") {
    PromptCall call;
    call.start(R"({"variables":{"guest":"Ann Smith"}})");
    call.caller_comes("Ann");
    CHECK(call.voice->spoken == std::vector<std::string>{"Hello Ann."});
    call.caller_says("when are you open");
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].front().role == speech::ChatMessage::Role::System);
    CHECK(call.model->asked[0].front().text == "You serve Ann Smith.");
}

TEST_CASE("a call with broken metadata is served with the defaults") {
    for (const std::string metadata : {"{", "\xff\xfe", "[[[[[[[[[[[[", "{\"variables\":7,\"language\":[]}"}) {
        CAPTURE(metadata);
        PromptCall call;
        call.start(metadata);
        call.caller_comes("");
        CHECK(call.voice->spoken == std::vector<std::string>{"Hello there."});
        CHECK_FALSE(call.outcome);
    }
}

TEST_CASE("strict metadata that are wrong end the call before it joins") {
    PromptCall call;
    call.config.strict_metadata = true;
    call.start("{}");
    REQUIRE(call.outcome);
    CHECK_FALSE(call.outcome->good);
    CHECK(call.outcome->reason == "bad metadata: userId is missing");
    CHECK(call.core.latest == nullptr);
}

TEST_CASE("a call speaks the language that its dispatch asks for") {
    PromptCall call;
    call.start(R"({"language":"de"})");
    call.caller_comes();
    CHECK(call.german->spoken == std::vector<std::string>{"Guten Tag."});
    CHECK(call.voice->spoken.empty());
}

TEST_CASE("the prompt is fetched beside joining, and the greeting waits for it alone") {
    PromptCall call;
    call.with_backend();
    call.start(kScenario);
    call.caller_comes();
    CHECK(call.voice->spoken.empty());
    call.respond(200, R"({"ok":true,"data":{"prompt":"You are a pirate.","greeting":"Ahoy {{caller.name}}!"}})");
    call.await([&] { return !call.voice->spoken.empty(); });
    call.loop.advance(2s);
    CHECK(call.voice->spoken == std::vector<std::string>{"Ahoy Ann!"});
    call.caller_says("who are you");
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].front().text == "You are a pirate.");
}

TEST_CASE("what is said before the prompt is there is answered with it") {
    PromptCall call;
    call.config.greeting.clear();
    call.with_backend();
    call.start(kScenario);
    call.caller_comes();
    call.caller_says("who are you");
    CHECK(call.model->asked.empty());
    call.respond(200, R"({"ok":true,"data":{"prompt":"You are a pirate."}})");
    call.await([&] { return !call.model->asked.empty(); });
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].front().text == "You are a pirate.");
    CHECK(call.model->asked[0].back().text == "who are you");
}

TEST_CASE("a backend that fails leaves the file's own instructions") {
    PromptCall call;
    call.with_backend();
    call.start(kScenario);
    call.caller_comes();
    call.respond(401, "no");
    call.await([&] { return !call.voice->spoken.empty(); });
    call.loop.advance(2s);
    CHECK(call.voice->spoken == std::vector<std::string>{"Hello Ann."});
    call.caller_says("who are you");
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].front().text == "You serve guests.");
}

TEST_CASE("without a scenario nobody asks the backend") {
    PromptCall call;
    call.with_backend();
    call.start("{}");
    call.caller_comes();
    CHECK(call.voice->spoken == std::vector<std::string>{"Hello Ann."});
    CHECK(call.waiting.empty());
}

TEST_CASE("a call that ends while its prompt is on the way ends cleanly") {
    PromptCall call;
    call.with_backend();
    call.start(kScenario);
    REQUIRE(call.waiter.wait([&] { return !call.waiting.empty(); }));
    call.session->end(true, "enough");
    call.loop.settle();
    REQUIRE(call.outcome);
    call.session.reset();
    call.respond(200, R"({"ok":true,"data":{"prompt":"x"}})");
}
