// Voice over a WebSocket with real parts: the HTTP server on a real socket, a recogniser and a voice that compute, and our
// own client, which speaks in real time.
#include "voicectl/serve/voice.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "cuttable_wire.h"
#include "support/live_loop.h"
#include "support/temp_folder.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/json.h"
#include "voicectl/serve/voice_client.h"
#include "voicectl/speech/compare.h"
#include "voicectl/speech/recognise.h"

using namespace voicectl;
using namespace std::chrono_literals;
using Json = nlohmann::json;

namespace {

constexpr const char* kAgent = R"(name: receptionist
greeting: Hello, this is the garden restaurant.
stt:
  provider: pocketsphinx
  grammar: |
    #JSGF V1.0;
    grammar receptionist;
    public <turn> = when are you open | where are you | stop please;
llm:
  provider: script
  rules:
    - match: (when are you)
      answer: We are open from nine in the morning until ten in the evening.
    - match: (where are you)
      answer: Our address is twelve market street, next to the old church. From the station you walk down the long road to the river, cross the bridge, and turn left at the mill.
    - match: stop
      answer: Very well.
  default: I did not understand you.
tts: {provider: flite, voice: slt}
)";

class UserGate final : public serve::Gate {
 public:
    void identify(const net::ServedRequest& request, std::function<void(Result<serve::Caller>)> done) override {
        const auto given = request.header("authorization");
        if (!given.starts_with("Bearer user-")) return done(fail(Errc::Auth, "the token is not good"));
        done(serve::Caller{serve::Who::User, std::string(given.substr(std::string_view("Bearer ").size()))});
    }
};

/// Loaded once: models take their time.
struct Engines {
    Engines() : loaded(agent::parse_config(kAgent, "agent.yaml")) {
        auto built = agent::build_stages(loaded, context());
        REQUIRE(built);
        stages = std::move(*built);
    }
    speech::ProviderContext context() {
        return {workers, http, [](const std::string&) { return std::nullopt; }, "."};
    }
    audio::Samples spoken(const std::string& text) {
        auto engine = speech::build_tts({{"provider", "flite"}, {"voice", "rms"}}, context());
        REQUIRE(engine);
        const auto pcm = speech::synthesise(**engine, text);
        REQUIRE(pcm);
        return audio::resample(*pcm, audio::kSpeechRateHz).samples;
    }
    /// By a recogniser of free speech.
    std::string words_in(const audio::Samples& samples) {
        auto engine = speech::build_stt({{"provider", "pocketsphinx"}}, context());
        REQUIRE(engine);
        const auto text = speech::recognise(**engine, {audio::kSpeechRateHz, 1, samples});
        REQUIRE(text);
        return *text;
    }
    Workers workers{2, "vc-speech"};
    net::HttpClient http;
    agent::LoadedConfig loaded;
    agent::Stages stages;
};

Engines& engines() {
    static Engines all;
    return all;
}

struct VoiceServer {
    explicit VoiceServer(serve::VoiceOptions options = {}) {
        loop.on_loop([&] {
            store = std::make_unique<store::AsyncStore>(std::move(*store::Store::open(folder.file("s.db"))), loop.get());
            desk = serve::VoiceDesk::create(loop.get(), {engines().loaded.config, engines().stages, *store}, gate, std::move(options));
            net::HttpServerOptions http;
            http.upgrades = [this](const net::ServedRequest& request) { return desk->wants(request); };
            http.on_upgrade = [this](const net::ServedRequest& request, std::unique_ptr<net::Upgrade> upgrade) { desk->take(request, std::move(upgrade)); };
            auto made = net::HttpServer::listen(loop.get(), http, [](const net::ServedRequest&, const net::HttpServer::Respond& respond) { respond({404, "no\n"}); });
            REQUIRE(made);
            server = std::move(*made);
            port = server->port();
        });
    }
    ~VoiceServer() {
        loop.on_loop([&] {
            server.reset();
            desk.reset();
            store.reset();
        });
    }
    serve::VoiceCounts counts() {
        return loop.on_loop([&] { return desk->counts(); });
    }
    test::LiveLoop loop;
    test::TempFolder folder;
    UserGate gate;
    std::unique_ptr<store::AsyncStore> store;
    std::unique_ptr<serve::VoiceDesk> desk;
    std::unique_ptr<net::HttpServer> server;
    int port = 0;
};

/// A caller with a microphone that is never off.
struct Caller {
    explicit Caller(VoiceServer& of, const std::string& token = "user-ann", int port = 0) : server(of), microphone(of.loop.get()) {
        server.loop.on_loop([&] {
            serve::VoiceClientHandlers handlers;
            handlers.on_message = [this](const Json& message) { on_message(message); };
            handlers.on_audio = [this](audio::SampleView samples) { waiter.change([&] { heard.insert(heard.end(), samples.begin(), samples.end()); }); };
            handlers.on_cut = [this](const Error&) { waiter.change([&] { ++cuts; }); };
            handlers.on_end = [this](Result<void> result) { waiter.change([&] { end = std::move(result); }); };
            serve::VoiceClientOptions options;
            options.url = "ws://127.0.0.1:" + std::to_string(port == 0 ? server.port : port) + "/v1/voice";
            options.token = token;
            client = serve::VoiceClient::open(server.loop.get(), std::move(options), std::move(handlers));
            microphone.every(100ms, [this] {
                if (!client->there()) return;
                audio::Samples piece(1600);
                const auto count = std::min(piece.size(), to_say.size());
                std::copy_n(to_say.begin(), count, piece.begin());
                to_say.erase(to_say.begin(), to_say.begin() + static_cast<std::ptrdiff_t>(count));
                client->speak(piece);
            });
        });
    }
    ~Caller() {
        server.loop.on_loop([&] {
            microphone.cancel();
            client.reset();
        });
    }
    void on_message(const Json& message) {
        waiter.change([&] {
            messages.push_back(message);
            const auto type = text_at(message, "type");
            if (type == "state") state = text_at(message, "state");
            if (type == "clear") ++clears;
            if (type == "ready") ++readies;
            if (type == "caption" && message["final"]) (message["who"] == "agent" ? agent_said : user_said).push_back(message["text"]);
        });
    }
    void say(const std::string& text) {
        auto samples = engines().spoken(text);
        server.loop.on_loop([&] { to_say = std::move(samples); });
    }
    void type(const std::string& text) {
        server.loop.on_loop([&] { client->type(text); });
    }
    void hang_up() {
        server.loop.on_loop([&] { client->hang_up(); });
    }
    template<class Condition>
    bool wait(Condition condition) {
        return waiter.wait(condition, 60s);
    }

    VoiceServer& server;
    test::Waiter waiter;
    std::vector<Json> messages;
    std::vector<std::string> agent_said, user_said;
    audio::Samples heard;
    std::string state;
    int clears = 0, readies = 0, cuts = 0;
    std::optional<Result<void>> end;
    audio::Samples to_say;  // the loop's
    std::unique_ptr<serve::VoiceClient> client;
    Timer microphone;
};

double share_heard(const std::string& expected, const audio::Samples& samples) {
    return speech::compare_words(expected, engines().words_in(samples), speech::Extent::Part).score;
}

}  // namespace

TEST_CASE("a caller hears the greeting, asks, is understood and answered") {
    VoiceServer server;
    Caller caller(server);
    REQUIRE(caller.wait([&] { return caller.agent_said.size() == 1 && caller.state == "listening"; }));
    CHECK(caller.agent_said[0] == "Hello, this is the garden restaurant.");
    const auto greeting = caller.waiter.look([&] { return std::exchange(caller.heard, {}); });
    CHECK(share_heard("this is the garden restaurant", greeting) >= 0.6);
    caller.say("when are you open");
    REQUIRE(caller.wait([&] { return caller.agent_said.size() == 2; }));
    CHECK(caller.user_said == std::vector<std::string>{"when are you open"});
    CHECK(caller.agent_said[1] == "We are open from nine in the morning until ten in the evening.");
    const auto answer = caller.waiter.look([&] { return caller.heard; });
    CHECK(share_heard("open from nine in the morning until ten in the evening", answer) >= 0.6);
    caller.hang_up();
    REQUIRE(caller.wait([&] { return caller.end.has_value(); }));
    CHECK(*caller.end);
    CHECK(caller.messages.back()["reason"] == "the caller hung up");
    CHECK(caller.messages.back()["turns"] == 3);
    CHECK(server.counts().calls == 0);
}

TEST_CASE("a caller who speaks over the agent silences it") {
    VoiceServer server;
    Caller caller(server);
    REQUIRE(caller.wait([&] { return caller.agent_said.size() == 1 && caller.state == "listening"; }));
    caller.say("where are you");
    const auto before = caller.waiter.look([&] { return caller.heard.size(); });
    REQUIRE(caller.wait([&] { return caller.heard.size() > before + 24'000; }));  // some words of it
    CHECK(caller.clears == 0);
    caller.say("stop please");
    REQUIRE(caller.wait([&] { return caller.clears == 1; }));
    REQUIRE(caller.wait([&] { return caller.agent_said.size() == 3; }));
    CHECK(caller.agent_said[1].starts_with("Our address"));
    CHECK(caller.agent_said[1].find("mill") == std::string::npos);
    CHECK(caller.agent_said[2] == "Very well.");
}

TEST_CASE("a call outlives its connection, and nothing of what the agent says is lost or doubled") {
    VoiceServer server;
    test::CuttableWire wire(server.port);
    Caller caller(server, "user-ann", wire.port());
    REQUIRE(caller.wait([&] { return caller.agent_said.size() == 1 && caller.state == "listening"; }));
    caller.waiter.change([&] { caller.heard.clear(); });
    caller.type("when are you open");  // a spoken end that comes late interrupts the answer for a moment
    REQUIRE(caller.wait([&] { return caller.heard.size() > 8000; }));
    wire.cut();
    REQUIRE(caller.wait([&] { return caller.cuts == 1; }));
    REQUIRE(caller.wait([&] { return caller.readies == 2; }));
    wire.cut();  // the second token is good, too
    REQUIRE(caller.wait([&] { return caller.readies == 3; }));
    REQUIRE(caller.wait([&] { return caller.agent_said.size() == 2; }));
    CHECK(caller.agent_said[1] == "We are open from nine in the morning until ten in the evening.");
    const auto resumed = server.counts();
    CHECK(resumed.resumed == 2);
    CHECK(resumed.cut == 2);
    // As long as the same answer is without a cut.
    Caller other(server, "user-bob");
    REQUIRE(other.wait([&] { return other.agent_said.size() == 1 && other.state == "listening"; }));
    other.waiter.change([&] { other.heard.clear(); });
    other.type("when are you open");
    REQUIRE(other.wait([&] { return other.agent_said.size() == 2; }));
    CHECK(caller.clears == 0);
    CHECK(caller.waiter.look([&] { return caller.heard.size(); }) == other.waiter.look([&] { return other.heard.size(); }));
}

TEST_CASE("a connection that hangs is noticed on both sides") {
    VoiceServer server({.ping_every = 500ms, .resume_within = 300ms});
    test::CuttableWire wire(server.port);
    Caller caller(server, "user-ann", wire.port());
    REQUIRE(caller.wait([&] { return caller.readies == 1; }));
    wire.hang();
    while (server.counts().calls > 0) std::this_thread::sleep_for(20ms);
    CHECK(server.counts().cut == 1);
}

TEST_CASE("the fourth call of a user is refused, and so is a bad token") {
    VoiceServer server;
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < 3; ++i) {
        callers.push_back(std::make_unique<Caller>(server));
        auto& caller = *callers.back();
        REQUIRE(caller.wait([&] { return caller.readies == 1; }));
    }
    Caller fourth(server);
    REQUIRE(fourth.wait([&] { return fourth.end.has_value(); }));
    REQUIRE_FALSE(*fourth.end);
    CHECK(fourth.end->error().code == Errc::Unreachable);
    CHECK(fourth.end->error().message == "the user has 3 calls already");
    Caller stranger(server, "nobody");
    REQUIRE(stranger.wait([&] { return stranger.end.has_value(); }));
    REQUIRE_FALSE(*stranger.end);
    CHECK(stranger.end->error().code == Errc::Auth);
    callers.clear();
}
