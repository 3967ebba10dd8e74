// The same cases for every recogniser behind a WebSocket, against a server that speaks its provider's format. A row for a
// new provider is a Dialect, below. Words are told by the level of the sound: 100 ms at 100 times n are the word "w<n>".
#include <atomic>
#include <cmath>
#include <sstream>

#include "engines.h"
#include "fake_socket_server.h"
#include "support/fake_loop.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::speech;
using namespace std::chrono_literals;
using nlohmann::json;
using test::FakeSocketServer;
using Session = FakeSocketServer::Session;

namespace {

constexpr int kWordMs = 100;

std::string words(int first, int last) {
    std::string out;
    for (int n = first; n <= last; ++n) out += (out.empty() ? "w" : " w") + std::to_string(n);
    return out;
}

audio::Samples sound(int first, int last) {
    audio::Samples out;
    for (int n = first; n <= last; ++n) out.insert(out.end(), kWordMs * 16, static_cast<std::int16_t>(n * 100));
    return out;
}

/// What one connection has heard.
struct Ear {
    int rate_hz;
    audio::Samples samples;
    std::size_t read = 0;  // samples that became words

    int told_ms() const { return static_cast<int>(read * 1000 / static_cast<std::size_t>(rate_hz)); }
    int ms() const { return static_cast<int>(samples.size() * 1000 / static_cast<std::size_t>(rate_hz)); }
    void hear(std::string_view pcm) {
        for (std::size_t i = 0; i + 1 < pcm.size(); i += 2)
            samples.push_back(static_cast<std::int16_t>(static_cast<unsigned char>(pcm[i]) | static_cast<unsigned char>(pcm[i + 1]) << 8));
    }
    /// The next whole words; with `all` also one that is nearly whole, for a resampler may keep a sample or two.
    std::string take(bool all) {
        const auto word = static_cast<std::size_t>(rate_hz * kWordMs / 1000);
        std::string out;
        while (samples.size() >= read + word - (all ? word / 10 : 0)) {
            const auto n = std::lround(samples[read + word / 2] / 100.0);
            if (n > 0) out += (out.empty() ? "w" : " w") + std::to_string(n);
            read = std::min(read + word, samples.size());
        }
        return out;
    }
};

/// A provider's words for what a recogniser says.
struct Dialect {
    std::string name;
    json options;
    int rate_hz = 16000;
    std::vector<std::string> hello = {};
    std::string ask;        // what a client's request for the final has in it
    std::string keep_alive = {};  // in a message of a quiet client; empty: it may say nothing, or send silence
    /// Audio in a message, or nothing.
    std::optional<std::string> (*pcm)(const FakeSocketServer::Message& message) = nullptr;
    std::vector<std::string> (*partial)(const std::string& text);
    std::vector<std::string> (*piece)(const std::string& text, int start_ms, int end_ms, bool asked);
    struct Refusal {
        std::string message;
        Errc code;
    };
    std::vector<Refusal> refusals = {};  // error messages that end the stream
    bool has_usage = false;
    bool ends_of_speech = true;  // it tells them
    bool kept_alive = true;      // a quiet connection needs a message now and then
};

std::optional<std::string> binary_pcm(const FakeSocketServer::Message& message) {
    return message.binary ? std::optional(message.bytes) : std::nullopt;
}
std::optional<std::string> realtime_pcm(const FakeSocketServer::Message& message) {
    const auto value = json::parse(message.bytes);
    if (value.at("type") != "input_audio_buffer.append") return std::nullopt;
    return base64_decode(value.at("audio").get<std::string>()).value();
}

std::string deepgram_results(const std::string& text, int start_ms, int end_ms, bool final, bool asked) {
    return json_text(json{{"type", "Results"}, {"channel_index", {0, 1}}, {"start", start_ms / 1000.0}, {"duration", (end_ms - start_ms) / 1000.0}, {"is_final", final},
                          {"speech_final", final && !asked}, {"from_finalize", asked},
                          {"channel", {{"alternatives", {{{"transcript", text}, {"confidence", 0.99}, {"words", json::array()}}}}}}, {"metadata", {{"request_id", "r1"}}}});
}
std::string flux_turn(const std::string& event, const std::string& text, int end_ms) {
    json out{{"type", "TurnInfo"}, {"event", event}, {"turn_index", 0}, {"transcript", text}, {"words", json::array()}, {"end_of_turn_confidence", 0.5}};
    if (end_ms > 0) out["audio_window_end"] = end_ms / 1000.0;
    return json_text(out);
}
/// Items are named by their end, so that a server has nothing to count.
std::vector<std::string> realtime_piece(const std::string& text, int start_ms, int end_ms, bool asked) {
    const auto id = "item_" + std::to_string(end_ms);
    std::vector<std::string> out;
    if (!asked) {
        out.push_back(json_text(json{{"type", "input_audio_buffer.speech_started"}, {"item_id", id}, {"audio_start_ms", start_ms}}));
        out.push_back(json_text(json{{"type", "input_audio_buffer.speech_stopped"}, {"item_id", id}, {"audio_end_ms", end_ms}}));
    }
    out.push_back(json_text(json{{"type", "input_audio_buffer.committed"}, {"item_id", id}}));
    out.push_back(json_text(json{{"type", "conversation.item.input_audio_transcription.completed"}, {"item_id", id}, {"content_index", 0}, {"transcript", text},
                                 {"usage", {{"type", "tokens"}, {"input_tokens", 10}, {"output_tokens", 2}, {"total_tokens", 12}}}}));
    return out;
}

const std::vector<Dialect>& dialects() {
    static const std::vector<Dialect> all{
        {.name = "deepgram",
         .options = {{"provider", "deepgram"}},
         .hello = {},
         .ask = "Finalize",
         .keep_alive = "KeepAlive",
         .pcm = &binary_pcm,
         .partial = [](const std::string& text) { return std::vector{deepgram_results(text, 0, 0, false, false)}; },
         .piece = [](const std::string& text, int start, int end, bool asked) { return std::vector{deepgram_results(text, start, end, true, asked)}; },
         .refusals = {{R"({"type":"Error","variant":"INSUFFICIENT_CREDITS","description":"no credits left"})", Errc::Auth},
                      {R"({"type":"Error","variant":"BAD_REQUEST","description":"no such model"})", Errc::Rejected}}},
        {.name = "deepgram-flux",
         .options = {{"provider", "deepgram-flux"}},
         .hello = {R"({"type":"Connected","request_id":"r1","sequence_id":0})"},
         .ask = "ForceEndTurn",
         .pcm = &binary_pcm,
         .partial = [](const std::string& text) { return std::vector{flux_turn("Update", text, 0)}; },
         .piece = [](const std::string& text, int, int end, bool) { return std::vector{flux_turn("EndOfTurn", text, end)}; },
         .refusals = {{R"({"type":"FatalError","code":"INVALID_AUTH","description":"not yours"})", Errc::Auth},
                      {R"({"type":"FatalError","code":"BAD_QUERY","description":"no such model"})", Errc::Rejected}}},
        {.name = "openai-realtime",
         .options = {{"provider", "openai-realtime"}, {"model", "some-transcribe"}},
         .rate_hz = 24000,
         .hello = {R"({"type":"session.created","session":{"id":"s1"}})"},
         .ask = "input_audio_buffer.commit",
         .pcm = &realtime_pcm,
         .partial =
             [](const std::string& text) {
                 return std::vector{json_text(json{{"type", "conversation.item.input_audio_transcription.delta"}, {"item_id", "item_0"}, {"delta", text}}),
                                    json_text(json{{"type", "conversation.item.input_audio_transcription.completed"}, {"item_id", "item_0"}, {"transcript", ""}})};
             },
         .piece = &realtime_piece,
         .refusals = {{R"({"type":"error","error":{"type":"invalid_request_error","code":"insufficient_quota","message":"no quota left"}})", Errc::Auth},
                      {R"({"type":"error","error":{"type":"invalid_request_error","code":"invalid_api_key","message":"wrong key"}})", Errc::Auth},
                      {R"({"type":"error","error":{"type":"invalid_request_error","event_id":"session","message":"no such model"}})", Errc::Rejected}},
         .has_usage = true,
         .kept_alive = false},
    };
    return all;
}

const Dialect& dialect_of(const std::string& name) {
    return *std::find_if(dialects().begin(), dialects().end(), [&](const auto& one) { return one.name == name; });
}

void send_all(Session& session, const std::vector<std::string>& messages) {
    for (const auto& message : messages) session.send(message);
}

/// A server that hears: words in pieces of `piece` words, the rest when asked. `on_audio` may break things.
struct Recogniser {
    const Dialect& dialect;
    int piece = 5;
    std::function<void(Session& session, const Ear& ear)> on_audio = [](Session&, const Ear&) {};
    std::function<std::string(const std::string& text)> spell = [](const std::string& text) { return text; };

    void operator()(Session& session) const {
        session.accept();
        send_all(session, dialect.hello);
        Ear ear{dialect.rate_hz, {}};
        std::string heard;
        int count = 0, told_ms = 0;
        while (true) {
            const auto message = session.read();
            const bool asked = !message.binary && message.bytes.find(dialect.ask) != std::string::npos && !dialect.pcm(message);
            if (const auto pcm = message.binary || !asked ? dialect.pcm(message) : std::nullopt) {
                ear.hear(*pcm);
                on_audio(session, ear);
            }
            const auto more = ear.take(asked);
            if (!more.empty()) heard += (heard.empty() ? "" : " ") + more;
            count += static_cast<int>(std::count(more.begin(), more.end(), 'w'));
            if (asked || count >= piece) {
                const auto until = asked ? ear.ms() : ear.told_ms();
                send_all(session, dialect.piece(spell(heard), told_ms, until, asked));
                told_ms = until;
                heard.clear();
                count = 0;
            } else if (!more.empty() && dialect.name != "openai-realtime") {
                send_all(session, dialect.partial(heard));
            }
        }
    }
};

json options_of(const Dialect& dialect, const FakeSocketServer& server, const json& more = {}) {
    auto out = dialect.options;
    out["base_url"] = server.url();
    out["final_timeout"] = 10;  // for a busy machine
    if (more.is_object()) out.update(more);
    return out;
}

/// A stream and all that it told.
struct Hearing {
    std::unique_ptr<SpeechToText> engine;
    test::LiveLoop loop;
    test::Waiter waiter;
    std::vector<std::string> finals, partials;
    std::optional<Error> error;
    std::vector<Usage> usage;
    int ends_of_speech = 0, calls = 0;
    std::unique_ptr<SttStream> stream;

    explicit Hearing(const json& options) : engine(test::must(build_stt(options, test::context()))) {
        const auto note = [this](auto change) {
            waiter.change([&] { ++calls, change(); });
        };
        loop.on_loop([&] {
            stream = engine->open(loop.get(), {.on_partial = [=, this](const std::string& text) { note([&] { partials.push_back(text); }); },
                                               .on_final = [=, this](const std::string& text) { note([&] { finals.push_back(text); }); },
                                               .on_error = [=, this](const Error& why) { note([&] { error = why; }); },
                                               .on_usage = [=, this](const Usage& total) { note([&] { usage.push_back(total); }); },
                                               .on_end_of_speech = [=, this] { note([&] { ++ends_of_speech; }); }});
        });
    }
    ~Hearing() {
        loop.on_loop([this] { stream.reset(); });
    }
    void push(const audio::Samples& samples) {
        loop.on_loop([&] {
            for (audio::SampleView rest(samples); !rest.empty(); rest = rest.subspan(std::min<std::size_t>(160, rest.size())))
                stream->push(rest.first(std::min<std::size_t>(160, rest.size())));
        });
    }
    void end() {
        loop.on_loop([this] { stream->end_utterance(); });
    }
    bool wait_for_finals(std::size_t count) {
        return waiter.wait([&] { return finals.size() >= count || error; }) && finals.size() == count && !error;
    }
    bool wait_for_error() {
        return waiter.wait([&] { return error.has_value(); });
    }
    std::string why() const { return error ? error->message : "no error"; }
};

}  // namespace

TEST_CASE("socket recognisers: utterance after utterance is heard on one connection, in pieces and partial words") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer server(Recogniser{dialect});
        Hearing hearing(options_of(dialect, server));
        int first = 1;
        for (const int count : {3, 12, 1}) {
            const auto before = hearing.finals.size();
            hearing.push(sound(first, first + count - 1));
            if (count > 10) CHECK(hearing.waiter.wait([&] { return dialect.ends_of_speech ? hearing.ends_of_speech > 0 : !hearing.partials.empty(); }));
            hearing.end();
            REQUIRE_MESSAGE(hearing.wait_for_finals(before + 1), hearing.why());
            CHECK(hearing.finals.back() == words(first, first + count - 1));
            first += count;
        }
        CHECK(!hearing.partials.empty());
        CHECK((hearing.ends_of_speech > 0) == dialect.ends_of_speech);
        CHECK(server.connections() == 1);
        CHECK(hearing.usage.empty() == !dialect.has_usage);
    }
}

TEST_CASE("socket recognisers: a speech of a minute comes as a whole") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer server(Recogniser{dialect});
        Hearing hearing(options_of(dialect, server));
        std::string expected;
        for (int i = 0; i < 3; ++i) {
            const auto told = hearing.waiter.look([&] { return hearing.partials.size(); });
            hearing.push(sound(1, 200));
            expected += (i ? " " : "") + words(1, 200);
            REQUIRE(hearing.waiter.wait([&] { return hearing.partials.size() > told; }));  // no more than 30 s are kept unheard
        }
        hearing.end();
        REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
        CHECK(hearing.finals[0] == expected);
    }
}

TEST_CASE("socket recognisers: no audio and digital silence are final and empty") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer server(Recogniser{dialect});
        Hearing hearing(options_of(dialect, server));
        hearing.end();
        hearing.end();
        REQUIRE(hearing.wait_for_finals(2));
        hearing.push(audio::Samples(16000));
        hearing.end();
        REQUIRE_MESSAGE(hearing.wait_for_finals(3), hearing.why());
        hearing.push(sound(1, 3));
        hearing.end();
        REQUIRE_MESSAGE(hearing.wait_for_finals(4), hearing.why());
        CHECK(hearing.finals == std::vector<std::string>{"", "", "", words(1, 3)});
    }
}

TEST_CASE("socket recognisers: ends that come before the answers are answered in turn") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer server(Recogniser{dialect});
        Hearing hearing(options_of(dialect, server));
        for (int first : {1, 4, 7}) {
            hearing.push(sound(first, first + 2));
            hearing.end();
        }
        REQUIRE_MESSAGE(hearing.wait_for_finals(3), hearing.why());
        CHECK(hearing.finals == std::vector<std::string>{words(1, 3), words(4, 6), words(7, 9)});
    }
}

TEST_CASE("socket recognisers: what is said before the connection stands is heard") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        std::promise<void> go;
        FakeSocketServer server([&, wait = go.get_future().share()](Session& session) {
            wait.wait();
            Recogniser{dialect}(session);
        });
        Hearing hearing(options_of(dialect, server));
        hearing.push(sound(1, 8));
        hearing.end();
        CHECK(hearing.finals.empty());
        go.set_value();
        REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
        CHECK(hearing.finals[0] == words(1, 8));
    }
}

TEST_CASE("socket recognisers: a connection that breaks in mid-word loses none and doubles none") {
    for (const auto& dialect : dialects())
        for (const bool polite : {false, true})
            for (const int at_ms : {150, 640, 1260}) {  // before the first piece, after it, after two
                CAPTURE(dialect.name);
                CAPTURE(polite);
                CAPTURE(at_ms);
                Recogniser recogniser{dialect};
                recogniser.on_audio = [&](Session& session, const Ear& ear) {
                    if (session.number > 1 || ear.ms() < at_ms) return;
                    if (polite) session.close(1011, "NET-0001");
                    else session.drop();
                };
                FakeSocketServer server(recogniser);
                Hearing hearing(options_of(dialect, server));
                hearing.push(sound(1, 9));
                hearing.push(sound(10, 14));
                hearing.end();
                REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
                CHECK(hearing.finals[0] == words(1, 14));
                CHECK(server.connections() == 2);
            }
}

TEST_CASE("socket recognisers: a connection that breaks while nobody speaks is opened again without a word") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer server([&](Session& session) {
            if (session.number == 1) {
                session.accept();
                session.drop();
                return;
            }
            Recogniser{dialect}(session);
        });
        Hearing hearing(options_of(dialect, server));
        hearing.push(sound(1, 4));
        hearing.end();
        REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
        CHECK(hearing.finals[0] == words(1, 4));
    }
}

TEST_CASE("socket recognisers: a server that breaks every time is given up on in time") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer server([&](Session& session) {
            session.accept();
            session.drop();
        });
        Hearing hearing(options_of(dialect, server, {{"connect_timeout", 1}}));
        hearing.push(sound(1, 4));
        hearing.end();
        REQUIRE(hearing.wait_for_error());
        CHECK(hearing.error->code == Errc::Unreachable);
        CHECK(server.connections() <= 4);
        CHECK(hearing.finals.empty());
    }
}

TEST_CASE("socket recognisers: a server that hears and says nothing is a timeout; what it has said is given rather than nothing") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer mute([&](Session& session) {
            session.accept();
            session.wait_for_end();
        });
        Hearing hearing(options_of(dialect, mute, {{"final_timeout", 0.2}}));
        hearing.push(sound(1, 4));
        hearing.end();
        REQUIRE(hearing.wait_for_error());
        CHECK(hearing.error->code == Errc::Timeout);

        FakeSocketServer half([&](Session& session) {
            Recogniser recogniser{dialect};
            recogniser.on_audio = [&](Session& to, const Ear& ear) {
                if (ear.ms() < 900) return;
                to.wait_for_end();
            };
            recogniser(session);
        });
        Hearing rest(options_of(dialect, half, {{"final_timeout", 0.2}}));
        rest.push(sound(1, 12));
        REQUIRE(rest.waiter.wait([&] { return !rest.partials.empty() && rest.partials.back().starts_with(words(1, 5)); }));
        rest.end();
        REQUIRE_MESSAGE(rest.wait_for_finals(1), rest.why());
        CHECK(rest.finals[0].starts_with(words(1, 5)));
    }
}

TEST_CASE("words that come too late are not those of the next utterance") {
    const auto& dialect = dialect_of("deepgram");
    FakeSocketServer server([&](Session& session) {
        session.accept();
        Ear ear{dialect.rate_hz, {}};
        int asked = 0;
        bool late = false;
        while (true) {
            const auto message = session.read();
            if (const auto pcm = dialect.pcm(message)) ear.hear(*pcm);
            else if (message.bytes.find(dialect.ask) != std::string::npos) ++asked;
            if (asked == 0 && ear.take(false) == "w5") send_all(session, dialect.piece(words(1, 5), 0, 500, false));
            if (ear.ms() >= 800 && !std::exchange(late, true)) send_all(session, dialect.piece(words(6, 7), 500, 700, true));
            if (asked == 2) return send_all(session, dialect.piece(words(8, 10), 700, 1000, true)), session.wait_for_end();
        }
    });
    Hearing hearing(options_of(dialect, server, {{"final_timeout", 0.3}}));
    hearing.push(sound(1, 7));
    REQUIRE(hearing.waiter.wait([&] { return !hearing.partials.empty(); }));
    hearing.end();
    REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
    CHECK(hearing.finals[0] == words(1, 5));
    hearing.push(sound(8, 10));
    hearing.end();
    REQUIRE_MESSAGE(hearing.wait_for_finals(2), hearing.why());
    CHECK(hearing.finals[1] == words(8, 10));
}

TEST_CASE("socket recognisers: a refused handshake says what to do, and only what may pass is tried again") {
    struct Refused {
        unsigned status;
        std::string body;
        Errc code;
        bool again;
    };
    const Refused cases[] = {{401, R"({"err_code":"INVALID_AUTH","err_msg":"Invalid credentials."})", Errc::Auth, false},
                             {402, R"({"err_code":"ASR_PAYMENT_REQUIRED","err_msg":"Project does not have enough credits"})", Errc::Auth, false},
                             {403, R"({"error":{"message":"not allowed","type":"invalid_request_error"}})", Errc::Auth, false},
                             {429, R"({"error":{"message":"slow down","code":"rate_limit_exceeded"}})", Errc::Unreachable, true},
                             {503, "busy", Errc::Unreachable, true}};
    for (const auto& dialect : dialects())
        for (const auto& refused : cases) {
            CAPTURE(dialect.name);
            CAPTURE(refused.status);
            FakeSocketServer server([&](Session& session) { session.refuse(refused.status, refused.body); });
            Hearing hearing(options_of(dialect, server, {{"connect_timeout", 0.8}}));
            hearing.push(sound(1, 2));
            REQUIRE(hearing.wait_for_error());
            CHECK(hearing.error->code == refused.code);
            CHECK(!hearing.error->hint.empty());
            CHECK((server.connections() > 1) == refused.again);
            CHECK(server.connections() <= 4);
        }
}

TEST_CASE("socket recognisers: a refusal that passes is overcome") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer server([&](Session& session) {
            if (session.number == 1) return session.refuse(429, "{}");
            Recogniser{dialect}(session);
        });
        Hearing hearing(options_of(dialect, server));
        hearing.push(sound(1, 6));
        hearing.end();
        REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
        CHECK(hearing.finals[0] == words(1, 6));
    }
}

TEST_CASE("socket recognisers: every documented error message ends the stream with its cause") {
    for (const auto& dialect : dialects())
        for (const auto& refusal : dialect.refusals) {
            CAPTURE(dialect.name);
            CAPTURE(refusal.message);
            FakeSocketServer server([&](Session& session) {
                session.accept();
                session.send(refusal.message);
                session.wait_for_end();
            });
            Hearing hearing(options_of(dialect, server));
            hearing.push(sound(1, 2));
            REQUIRE(hearing.wait_for_error());
            CHECK(hearing.error->code == refusal.code);
            CHECK(server.connections() == 1);
        }
}

TEST_CASE("socket recognisers: messages that are no JSON, of the wrong kind or endless harm nobody") {
    const std::string deep = std::string(100'000, '['), huge(10 * 1024 * 1024, ' ');
    for (const auto& dialect : dialects()) {
        for (const auto& bad : {std::string("{\"type\":"), std::string("[]"), std::string("\x01\xFF"), deep}) {
            CAPTURE(dialect.name);
            CAPTURE(bad.substr(0, 20));
            // Once: another connection hears all again.
            FakeSocketServer once([&](Session& session) {
                Recogniser recogniser{dialect};
                recogniser.on_audio = [&](Session& to, const Ear& ear) {
                    if (to.number == 1 && ear.ms() >= 300) to.send(bad, true);
                };
                recogniser(session);
            });
            Hearing hearing(options_of(dialect, once));
            hearing.push(sound(1, 4));
            hearing.end();
            REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
            CHECK(hearing.finals[0] == words(1, 4));
        }
        FakeSocketServer always([&](Session& session) {
            session.accept();
            session.send(huge);
            session.wait_for_end();
        });
        Hearing hearing(options_of(dialect, always));
        hearing.push(sound(1, 4));
        hearing.end();
        REQUIRE(hearing.wait_for_error());
        CHECK(hearing.error->code == Errc::Protocol);
    }
}

TEST_CASE("socket recognisers: odd values in their messages are taken for nothing") {
    const char* const odd[] = {R"({"type":"Results","is_final":"yes","channel":{"alternatives":[{"transcript":7}]}})",
                               R"({"type":"Results","is_final":true,"start":-1e300,"duration":1e308,"channel":[]})",
                               R"({"type":"Results","is_final":true,"start":null,"channel":{"alternatives":[]}})",
                               R"({"type":"TurnInfo","event":7,"transcript":null,"audio_window_end":"x"})",
                               R"({"type":"conversation.item.input_audio_transcription.completed","item_id":7,"transcript":{}, "usage":{"seconds":-1e300,"input_tokens":1e300}})",
                               R"({"type":"input_audio_buffer.speech_stopped","audio_end_ms":1e300})", R"({"type":7})", R"({})"};
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer server([&](Session& session) {
            Recogniser recogniser{dialect};
            bool sent = false;
            recogniser.on_audio = [&](Session& to, const Ear&) {
                if (std::exchange(sent, true)) return;
                for (const auto* message : odd) to.send(message);
            };
            recogniser(session);
        });
        Hearing hearing(options_of(dialect, server));
        hearing.push(sound(1, 4));
        hearing.end();
        REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
        CHECK(!hearing.error);
    }
}

TEST_CASE("socket recognisers: broken UTF-8 and control characters in words are mended") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        FakeSocketServer server([&](Session& session) {
            session.accept();
            while (true) {
                const auto message = session.read();
                if (dialect.pcm(message) || message.bytes.find(dialect.ask) == std::string::npos) continue;
                for (auto answer : dialect.piece("one MARK two", 0, 300, true)) {
                    if (const auto at = answer.find("MARK"); at != std::string::npos) answer.replace(at, 4, "\xC3(\\u001b[31m");
                    session.send(answer, true);  // Beast refuses to take it as text
                }
            }
        });
        Hearing hearing(options_of(dialect, server));
        hearing.push(sound(1, 3));
        hearing.end();
        REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
        CHECK(hearing.finals[0].starts_with("one "));
        CHECK(hearing.finals[0].ends_with(" two"));
        CHECK(valid_utf8(hearing.finals[0]) == hearing.finals[0]);
        CHECK(hearing.finals[0].find('\x1B') == std::string::npos);
    }
}

TEST_CASE("socket recognisers: a dropped stream says nothing more and hangs up") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        std::promise<void> hung_up;
        FakeSocketServer server([&](Session& session) {
            try {
                Recogniser{dialect}(session);
            } catch (const std::exception&) {
                hung_up.set_value();
            }
        });
        Hearing hearing(options_of(dialect, server));
        hearing.push(sound(1, 12));
        REQUIRE(hearing.waiter.wait([&] { return hearing.calls > 0; }));
        const int calls = hearing.loop.on_loop([&] {
            hearing.stream->end_utterance();
            hearing.stream.reset();
            return hearing.calls;
        });
        CHECK(hung_up.get_future().wait_for(10s) == std::future_status::ready);
        CHECK(hearing.loop.on_loop([&] { return hearing.calls; }) == calls);
    }
}

TEST_CASE("socket recognisers: a stream may be dropped from each of its callbacks") {
    for (const auto& dialect : dialects())
        for (const std::string at : {"partial", "final", "error", "end of speech"}) {
            CAPTURE(dialect.name);
            CAPTURE(at);
            if (at == "end of speech" && !dialect.ends_of_speech) continue;
            FakeSocketServer server([&](Session& session) {
                if (at == "error") return session.refuse(401, "{}");
                Recogniser{dialect}(session);
            });
            const auto engine = test::must(build_stt(options_of(dialect, server), test::context()));
            test::SelfDropping<SttStream> stream(at);
            stream.open([&](Loop& loop) {
                return engine->open(loop, {.on_partial = [&](const std::string&) { stream.called("partial"); },
                                           .on_final = [&](const std::string&) { stream.called("final"); },
                                           .on_error = [&](const Error&) { stream.called("error"); },
                                           .on_end_of_speech = [&] { stream.called("end of speech"); }});
            }, [&](SttStream& opened) {
                opened.push(sound(1, 7));
                if (at == "final") opened.end_utterance();
            });
            CHECK(stream.was_dropped());
            CHECK(stream.is_silent_since());
        }
}

// ---- a minute of silence, in virtual time ----

namespace {

/// Sockets that a test holds both ends of.
struct FakeSockets {
    struct Line {
        net::WebSocketOptions options;
        net::WebSocketHandlers handlers;
        std::vector<std::string> sent;
        bool dropped = false;
    };
    class Socket final : public net::WebSocket {
     public:
        explicit Socket(std::shared_ptr<Line> line) : line_(std::move(line)) {}
        ~Socket() override { line_->dropped = true; }
        void send(std::string message, bool) override { line_->sent.push_back(std::move(message)); }
        void close() override {}

     private:
        std::shared_ptr<Line> line_;
    };
    std::vector<std::shared_ptr<Line>> lines;
    net::WebSocketOpener opener() {
        return [this](Loop&, net::WebSocketOptions options, net::WebSocketHandlers handlers) {
            lines.push_back(std::make_shared<Line>(Line{std::move(options), std::move(handlers), {}}));
            return std::make_unique<Socket>(lines.back());
        };
    }
};

struct QuietCall {
    FakeSockets sockets;
    test::FakeLoop loop;
    std::unique_ptr<SpeechToText> engine;
    std::vector<std::string> finals;
    int errors = 0;
    std::unique_ptr<SttStream> stream;

    explicit QuietCall(const Dialect& dialect) {
        auto context = test::context();
        context.open_socket = sockets.opener();
        auto options = dialect.options;
        options["base_url"] = "ws://127.0.0.1:1";
        engine = test::must(build_stt(options, context));
        stream = engine->open(loop, {.on_partial = {},
                                     .on_final = [this](const std::string& text) { finals.push_back(text); },
                                     .on_error = [this](const Error&) { ++errors; }});
    }
    FakeSockets::Line& line() { return *sockets.lines.back(); }
};

}  // namespace

TEST_CASE("socket recognisers: a minute of silence costs no connection, for it is kept alive") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        QuietCall call(dialect);
        call.line().handlers.on_open();
        const auto before = call.line().sent.size();
        call.loop.advance(60s);
        const auto messages = call.line().sent.size() - before;
        if (dialect.kept_alive) {
            CHECK(messages >= 12);
            CHECK(messages <= 20);
        }
        for (auto at = before; at < call.line().sent.size(); ++at) {
            if (!dialect.keep_alive.empty()) CHECK(call.line().sent[at].find(dialect.keep_alive) != std::string::npos);
            CHECK(!call.line().sent[at].empty());
        }
        CHECK(call.errors == 0);
        CHECK(call.sockets.lines.size() == 1);
    }
}

TEST_CASE("socket recognisers: a server that is gone while nobody speaks is no error until somebody does") {
    for (const auto& dialect : dialects()) {
        CAPTURE(dialect.name);
        QuietCall call(dialect);
        for (int i = 0; i < 100; ++i) {
            const auto line = call.sockets.lines.back();
            if (line->dropped) break;
            line->handlers.on_close({Errc::Unreachable, "gone", {}});
            call.loop.advance(10s);
        }
        CHECK(call.errors == 0);
        const auto tried = call.sockets.lines.size();
        CHECK(tried <= 4);
        call.stream->push(sound(1, 1));
        CHECK(call.sockets.lines.size() == tried + 1);
    }
}

TEST_CASE("socket recognisers: an old Realtime connection is replaced between utterances, never within one") {
    const auto& dialect = dialect_of("openai-realtime");
    QuietCall call(dialect);
    call.line().handlers.on_open();
    call.loop.advance(9min);
    call.stream->push(sound(1, 3));
    call.stream->end_utterance();
    call.loop.advance(0s);
    const auto first = call.sockets.lines[0];
    call.loop.advance(1500ms);
    CHECK(call.sockets.lines.size() == 1);
    for (const auto& message : dialect.piece(words(1, 3), 0, 300, true)) first->handlers.on_message(message, false);
    REQUIRE(call.finals.size() == 1);
    call.loop.advance(1min);
    CHECK(call.sockets.lines.size() == 2);
    CHECK(call.errors == 0);
}

TEST_CASE("what a Realtime transcription has used is added up over its stretches") {
    const auto& dialect = dialect_of("openai-realtime");
    FakeSocketServer server(Recogniser{dialect});
    Hearing hearing(options_of(dialect, server));
    hearing.push(sound(1, 12));  // two stretches of five, and the rest
    hearing.end();
    REQUIRE_MESSAGE(hearing.wait_for_finals(1), hearing.why());
    REQUIRE(!hearing.usage.empty());
    CHECK(hearing.usage.back().input_tokens == 30);
    CHECK(hearing.usage.back().output_tokens == 6);
}

TEST_CASE("socket recognisers ask as their configuration says, and the key is in no address") {
    std::promise<std::string> seen;
    FakeSocketServer server([&](Session& session) {
        seen.set_value(session.target() + " " + session.header("Authorization") + " " + session.header("X-More"));
        session.refuse(401, "{}");
    });
    auto context = test::context();
    context.environment = [](const std::string& name) { return name == "DG" ? std::optional<std::string>("sesame-opens") : std::nullopt; };
    const json options{{"provider", "deepgram"}, {"base_url", server.url() + "/v1/"}, {"api_key_env", "DG"}, {"language", "de"}, {"keyterms", {"Müller & Co"}},
                       {"endpointing", 0}, {"headers", {{"X-More", "yes"}}}};
    const auto engine = test::must(build_stt(options, context));
    CHECK_FALSE(recognise(*engine, {.samples = audio::Samples(1600)}));
    const auto asked = seen.get_future().get();
    CHECK(asked.starts_with("/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&"));
    for (const auto* part : {"language=de", "keyterm=M%C3%BCller%20%26%20Co", "endpointing=false", "interim_results=true"}) CHECK_MESSAGE(asked.find(part) != std::string::npos, part);
    CHECK(asked.ends_with(" Token sesame-opens yes"));
    CHECK(asked.find("sesame") > asked.find(' '));
}
