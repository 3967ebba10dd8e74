// The same cases for every voice behind a WebSocket, against a server that speaks its provider's format. A row for a new
// provider is a Speaker, below. What is said can be read from the sound: 10 ms at 100 times a letter's code for each.
#include <atomic>
#include <map>

#include "engines.h"
#include "fake_socket_server.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::speech;
using namespace std::chrono_literals;
using nlohmann::json;
using test::FakeSocketServer;
using Session = FakeSocketServer::Session;
using Message = FakeSocketServer::Message;

namespace {

constexpr std::size_t kLetter = 240;  // samples at 24 kHz

std::string sound_of(const std::string& text) {
    std::string out;
    for (const char letter : text)
        for (std::size_t i = 0; i < kLetter; ++i) {
            const int level = static_cast<unsigned char>(letter) * 100;
            out += static_cast<char>(level & 0xFF);
            out += static_cast<char>(level >> 8);
        }
    return out;
}

std::string letters_of(const audio::Samples& samples) {
    std::string out;
    for (std::size_t at = kLetter / 2; at < samples.size(); at += kLetter) out += static_cast<char>(samples[at] / 100);
    return out;
}

/// A text that the client has asked for.
struct Wish {
    std::string context, text;
};

/// A provider's words for what a voice sends and is sent.
struct Speaker {
    std::string name;
    json options;
    bool contexts = true;  // several texts at once on one connection
    bool text_cancels = true;
    /// Reads on until a text is whole; a cancel in between is given to `cancelled`.
    Wish (*listen)(Session& session, const std::function<void(const std::string& context)>& cancelled);
    Message (*audio)(const std::string& context, const std::string& pcm);
    Message (*done)(const std::string& context);
    struct Refusal {
        std::string message;  // CONTEXT stands for the context
        Errc code;
    };
    std::vector<Refusal> refusals = {};
    std::string broken_audio = {};  // base64 that is none; empty: audio is binary
};

Wish listen_deepgram(Session& session, const std::function<void(const std::string&)>& cancelled) {
    Wish wish;
    while (true) {
        const auto value = json::parse(session.read().bytes);
        const auto type = text_at(value, "type");
        if (type == "Speak") wish.text += text_at(value, "text");
        if (type == "Flush" && !wish.text.empty()) return wish;
        if (type == "Clear") {
            cancelled("");
            session.send(R"({"type":"Cleared","sequence_id":0})");
        }
    }
}
Wish listen_elevenlabs(Session& session, const std::function<void(const std::string&)>&) {
    static thread_local std::map<std::string, std::string> texts;
    while (true) {
        const auto value = json::parse(session.read().bytes);
        const auto context = text_at(value, "context_id");
        texts[context] += std::string(trim(text_at(value, "text")));
        if (!value.contains("close_context") || texts[context].empty()) continue;
        return {context, std::exchange(texts[context], {})};
    }
}
Wish listen_cartesia(Session& session, const std::function<void(const std::string&)>& cancelled) {
    while (true) {
        const auto value = json::parse(session.read().bytes);
        if (!value.contains("cancel")) return {text_at(value, "context_id"), text_at(value, "transcript")};
        cancelled(text_at(value, "context_id"));
    }
}

const std::vector<Speaker>& speakers() {
    static const std::vector<Speaker> all{
        {.name = "deepgram",
         .options = {{"provider", "deepgram"}},
         .contexts = false,
         .listen = &listen_deepgram,
         .audio = [](const std::string&, const std::string& pcm) { return Message{pcm, true}; },
         .done = [](const std::string&) { return Message{R"({"type":"Flushed","sequence_id":0})"}; },
         .refusals = {{R"({"type":"Error","code":"DATA-0001","description":"Input text exceeds maximum character limit"})", Errc::Rejected},
                      {R"({"type":"Error","code":"INVALID_AUTH","description":"not yours"})", Errc::Auth}},
         .broken_audio = {}},
        {.name = "elevenlabs",
         .options = {{"provider", "elevenlabs"}, {"voice", "Rachel"}},
         .text_cancels = false,
         .listen = &listen_elevenlabs,
         .audio = [](const std::string& id, const std::string& pcm) { return Message{json_text(json{{"audio", base64_encode(pcm)}, {"contextId", id}})}; },
         .done = [](const std::string& id) { return Message{json_text(json{{"isFinal", true}, {"contextId", id}})}; },
         .refusals = {{R"({"message":"This request exceeds your quota","error":"quota_exceeded","code":1008})", Errc::Auth},
                      {R"({"message":"no such voice","error":"voice_id_does_not_exist","code":1008})", Errc::Rejected}},
         .broken_audio = R"({"audio":"###","contextId":"CONTEXT"})"},
        {.name = "cartesia",
         .options = {{"provider", "cartesia"}, {"voice", "a0e9"}},
         .listen = &listen_cartesia,
         .audio = [](const std::string& id, const std::string& pcm) { return Message{json_text(json{{"type", "chunk"}, {"context_id", id}, {"data", base64_encode(pcm)}, {"done", false}, {"status_code", 206}})}; },
         .done = [](const std::string& id) { return Message{json_text(json{{"type", "done"}, {"context_id", id}, {"done", true}, {"status_code", 200}})}; },
         .refusals = {{R"({"type":"error","context_id":"CONTEXT","title":"Payment Required","message":"no credits","status_code":402})", Errc::Auth},
                      {R"({"type":"error","context_id":"CONTEXT","title":"Bad Request","message":"no such voice","status_code":400})", Errc::Rejected},
                      {R"({"type":"error","title":"Unauthorized","message":"wrong key","status_code":401})", Errc::Auth}},
         .broken_audio = R"({"type":"chunk","context_id":"CONTEXT","data":"###"})"},
    };
    return all;
}

void send(Session& session, const Message& message) { session.send(message.bytes, message.binary); }
std::string in_context(std::string message, const Wish& wish) {
    if (const auto at = message.find("CONTEXT"); at != std::string::npos) message.replace(at, 7, wish.context);
    return message;
}

/// Says a text in pieces that are no whole samples.
void say(Session& session, const Speaker& speaker, const Wish& wish, std::size_t piece = 1001) {
    const auto sound = sound_of(std::string(trim(wish.text)));
    for (std::size_t at = 0; at < sound.size(); at += piece) send(session, speaker.audio(wish.context, sound.substr(at, piece)));
    send(session, speaker.done(wish.context));
}
Wish listen(Session& session, const Speaker& speaker) {
    return speaker.listen(session, [](const std::string&) {});
}
FakeSocketServer::Script faithful(const Speaker& speaker) {
    return [&speaker](Session& session) {
        session.accept();
        while (true) say(session, speaker, listen(session, speaker));
    };
}

json options_of(const Speaker& speaker, const FakeSocketServer& server, const json& more = {}) {
    auto out = speaker.options;
    out["base_url"] = server.url();
    if (more.is_object()) out.update(more);
    return out;
}

/// One text on its way, and what came of it.
struct Speech {
    std::string order;  // a: audio, d: done, e: error
    audio::Samples samples;
    std::optional<Error> error;
    std::unique_ptr<TtsStream> stream;

    bool over() const { return order.ends_with('d') || order.ends_with('e'); }
    std::string letters() const { return letters_of(samples); }
};

struct Voice {
    std::unique_ptr<TextToSpeech> engine;
    test::LiveLoop loop;
    test::Waiter waiter;
    std::vector<std::unique_ptr<Speech>> speeches;

    explicit Voice(const json& options) : engine(test::must(build_tts(options, test::context()))) {}
    ~Voice() {
        loop.on_loop([this] { speeches.clear(); });
    }
    Speech& speak(const std::string& text) {
        auto& speech = *speeches.emplace_back(std::make_unique<Speech>());
        loop.on_loop([&] {
            speech.stream = engine->speak(loop.get(), text,
                                          {.on_audio = [this, &speech](const audio::Samples& chunk) {
                                               waiter.change([&] {
                                                   if (!speech.order.ends_with('a')) speech.order += 'a';
                                                   speech.samples.insert(speech.samples.end(), chunk.begin(), chunk.end());
                                               });
                                           },
                                           .on_done = [this, &speech] { waiter.change([&] { speech.order += 'd'; }); },
                                           .on_error = [this, &speech](const Error& why) { waiter.change([&] { speech.order += 'e', speech.error = why; }); }});
        });
        return speech;
    }
    bool wait(const Speech& speech) {
        return waiter.wait([&] { return speech.over(); });
    }
    /// To its end.
    Speech& spoken(const std::string& text) {
        auto& speech = speak(text);
        REQUIRE(wait(speech));
        return speech;
    }
    void drop(Speech& speech) {
        loop.on_loop([&] { speech.stream.reset(); });
    }
};

std::string why(const Speech& speech) { return speech.error ? speech.error->message : "no error"; }

}  // namespace

TEST_CASE("socket voices: text after text is spoken to its end, on one connection") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        FakeSocketServer server(faithful(speaker));
        Voice voice(options_of(speaker, server));
        CHECK(voice.engine->rate_hz() == 24000);
        for (const std::string text : {"Hello there.", "How can I help you?", "5"}) {
            const auto& speech = voice.spoken(text);
            CHECK_MESSAGE(speech.order == "ad", why(speech));
            CHECK(speech.letters() == text);
        }
        CHECK(server.connections() == 1);
    }
}

TEST_CASE("socket voices: a long text is spoken as a whole") {
    std::string text;
    while (text.size() < 5000) text += "This is one of many sentences. ";
    text.pop_back();
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        FakeSocketServer server([&](Session& session) {
            session.accept();
            say(session, speaker, listen(session, speaker), 50'001);
            session.wait_for_end();
        });
        Voice voice(options_of(speaker, server));
        const auto& speech = voice.spoken(text);
        CHECK_MESSAGE(speech.order == "ad", why(speech));
        CHECK(speech.letters() == text);
    }
}

TEST_CASE("socket voices: text without words ends at once, and nobody is asked") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        FakeSocketServer server(faithful(speaker));
        Voice voice(options_of(speaker, server));
        for (const auto& text : {std::string(), std::string("  \n"), std::string(3, '\0'), std::string("..."), std::string("\xE2\x80\xA6 \xF0\x9F\x98\x80")})
            CHECK(voice.spoken(text).order == "d");
        CHECK(server.connections() == 0);
    }
}

TEST_CASE("socket voices: two texts at once are kept apart, on one connection where there are contexts") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        FakeSocketServer server([&](Session& session) {
            session.accept();
            if (!speaker.contexts) return say(session, speaker, listen(session, speaker));
            const auto first = listen(session, speaker), second = listen(session, speaker);
            for (const auto& wish : {second, first}) send(session, speaker.audio(wish.context, sound_of(wish.text.substr(0, 3))));
            for (const auto& wish : {second, first}) say(session, speaker, {wish.context, wish.text.substr(3)});
            session.wait_for_end();
        });
        Voice voice(options_of(speaker, server));
        auto& one = voice.speak("First text");
        auto& two = voice.speak("Second one");
        CHECK(voice.wait(one));
        CHECK(voice.wait(two));
        CHECK_MESSAGE(one.letters() == "First text", why(one));
        CHECK_MESSAGE(two.letters() == "Second one", why(two));
        CHECK(server.connections() == (speaker.contexts ? 1 : 2));
    }
}

TEST_CASE("socket voices: ElevenLabs takes five texts on a connection, the sixth opens another") {
    const auto& speaker = speakers()[1];
    std::atomic<int> heard{0};
    std::promise<void> all;
    FakeSocketServer server([&](Session& session) {
        session.accept();
        while (true) {
            listen(session, speaker);
            if (++heard == 6) all.set_value();
        }
    });
    Voice voice(options_of(speaker, server));
    for (int i = 0; i < 6; ++i) voice.speak("Text");
    CHECK(all.get_future().wait_for(10s) == std::future_status::ready);
    CHECK(server.connections() == 2);
}

TEST_CASE("socket voices: a dropped text is cancelled, says nothing more, and is not heard in the next") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        std::atomic<int> cancelled{0};
        FakeSocketServer server([&](Session& session) {
            session.accept();
            bool first = session.number == 1;
            std::string old;
            while (true) {
                const auto wish = speaker.listen(session, [&](const std::string& context) {
                    ++cancelled;
                    if (context != old) return;
                    send(session, speaker.audio(old, sound_of("OLD")));  // it was on its way
                    if (speaker.contexts) return;
                    send(session, speaker.done(old));  // and so was its end: not yet that it is cleared
                    std::this_thread::sleep_for(300ms);
                });
                if (!std::exchange(first, false)) {
                    say(session, speaker, wish);
                    continue;
                }
                old = wish.context;
                send(session, speaker.audio(wish.context, sound_of(wish.text.substr(0, 4))));
            }
        });
        Voice voice(options_of(speaker, server));
        auto& speech = voice.speak("Never heard to its end.");
        REQUIRE(voice.waiter.wait([&] { return speech.letters() == "Neve"; }));
        voice.drop(speech);
        while (!speaker.contexts && cancelled == 0) std::this_thread::yield();
        if (!speaker.contexts) std::this_thread::sleep_for(100ms);
        for (const std::string text : {"Next.", "And after it."}) CHECK(voice.spoken(text).letters() == text);
        CHECK(speech.order == "a");
        CHECK(speech.letters() == "Neve");
        if (speaker.text_cancels) CHECK(cancelled == 1);
        CHECK(server.connections() <= (speaker.contexts ? 1 : 2));
    }
}

TEST_CASE("socket voices: a text that is dropped before the connection stands is never asked for") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        std::promise<void> go;
        std::promise<std::string> asked;
        FakeSocketServer server([&, wait = go.get_future().share()](Session& session) {
            wait.wait();
            session.accept();
            const auto wish = listen(session, speaker);
            asked.set_value(wish.text);
            say(session, speaker, wish);
            session.wait_for_end();
        });
        Voice voice(options_of(speaker, server));
        voice.drop(voice.speak("Never."));
        auto& next = voice.speak("This one.");
        go.set_value();
        REQUIRE(voice.wait(next));
        CHECK(next.letters() == "This one.");
        CHECK(trim(asked.get_future().get()) == "This one.");
        CHECK(server.connections() == 1);
    }
}

TEST_CASE("socket voices: a server without a sound is a timeout, and its connection is not used again") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        FakeSocketServer server([&](Session& session) {
            session.accept();
            if (session.number == 1) session.wait_for_end();
            while (true) say(session, speaker, listen(session, speaker));
        });
        Voice voice(options_of(speaker, server, {{"first_audio_timeout", 0.3}}));
        const auto& speech = voice.spoken("Hello.");
        REQUIRE(speech.error);
        CHECK(speech.error->code == Errc::Timeout);
        CHECK(speech.order == "e");
        CHECK(voice.spoken("Again.").letters() == "Again.");
    }
}

TEST_CASE("socket voices: a server that stops in mid-text is a timeout") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        FakeSocketServer server([&](Session& session) {
            session.accept();
            const auto wish = listen(session, speaker);
            send(session, speaker.audio(wish.context, sound_of("Hel")));
            session.wait_for_end();
        });
        Voice voice(options_of(speaker, server, {{"stall_timeout", 0.2}}));
        const auto& speech = voice.spoken("Hello.");
        REQUIRE(speech.error);
        CHECK(speech.error->code == Errc::Timeout);
        CHECK(speech.order == "ae");
    }
}

TEST_CASE("socket voices: a connection that breaks before any sound is opened again; afterwards nothing is said twice") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        FakeSocketServer before([&](Session& session) {
            session.accept();
            const auto wish = listen(session, speaker);
            if (session.number == 1) return session.drop();
            say(session, speaker, wish);
            session.wait_for_end();
        });
        Voice voice(options_of(speaker, before));
        const auto& whole = voice.spoken("Hello.");
        CHECK_MESSAGE(whole.letters() == "Hello.", why(whole));
        CHECK(before.connections() == 2);

        FakeSocketServer within([&](Session& session) {
            session.accept();
            const auto wish = listen(session, speaker);
            send(session, speaker.audio(wish.context, sound_of("Hel")));
            session.close(1011, "sorry");
        });
        Voice other(options_of(speaker, within));
        const auto& half = other.spoken("Hello.");
        CHECK(half.order == "ae");
        CHECK(half.letters() == "Hel");
        REQUIRE(half.error);
        CHECK(half.error->code == Errc::Unreachable);
        CHECK(within.connections() == 1);
    }
}

TEST_CASE("socket voices: a warm connection that the server has closed meanwhile costs the next text nothing but time") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        std::atomic<int> closed{0};
        FakeSocketServer server([&](Session& session) {
            session.accept();
            say(session, speaker, listen(session, speaker));
            session.close(1000, "idle");
            ++closed;
        });
        Voice voice(options_of(speaker, server));
        for (const std::string text : {"One.", "Two.", "Three."}) CHECK(voice.spoken(text).letters() == text);
        CHECK(server.connections() == 3);
    }
}

TEST_CASE("socket voices: warming up opens the connection that the first text uses") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        std::promise<void> open;
        FakeSocketServer server([&](Session& session) {
            session.accept();
            if (session.number == 1) open.set_value();
            while (true) say(session, speaker, listen(session, speaker));
        });
        Voice voice(options_of(speaker, server));
        auto warm = voice.loop.on_loop([&] { return voice.engine->warm_up(voice.loop.get()); });
        REQUIRE(open.get_future().wait_for(10s) == std::future_status::ready);
        CHECK(voice.spoken("Hello.").letters() == "Hello.");
        CHECK(server.connections() == 1);
        voice.loop.on_loop([&] { warm.reset(); });
    }
}

TEST_CASE("socket voices: a refused handshake says what to do, and only what may pass is tried again") {
    struct Refused {
        unsigned status;
        std::string body;
        Errc code;
        bool again;
    };
    const Refused cases[] = {{401, R"({"detail":{"status":"invalid_api_key","message":"Invalid API key"}})", Errc::Auth, false},
                             {402, R"({"title":"Payment required","message":"no credits"})", Errc::Auth, false},
                             {403, "no", Errc::Auth, false},
                             {429, R"({"err_code":"TOO_MANY_REQUESTS","err_msg":"slow down"})", Errc::Unreachable, true},
                             {500, "", Errc::Unreachable, true}};
    for (const auto& speaker : speakers())
        for (const auto& refused : cases) {
            CAPTURE(speaker.name);
            CAPTURE(refused.status);
            FakeSocketServer server([&](Session& session) { session.refuse(refused.status, refused.body); });
            Voice voice(options_of(speaker, server, {{"first_audio_timeout", 0.8}}));
            const auto& speech = voice.spoken("Hello.");
            REQUIRE(speech.error);
            CHECK(speech.error->code == refused.code);
            CHECK(!speech.error->hint.empty());
            CHECK((server.connections() > 1) == refused.again);
            CHECK(server.connections() <= 3);
        }
}

TEST_CASE("socket voices: one that is busy is asked again as often as the configuration says") {
    for (const auto& speaker : speakers())
        for (const int retries : {0, 1}) {
            CAPTURE(speaker.name);
            FakeSocketServer server([&](Session& session) { session.refuse(429, "{}"); });
            Voice voice(options_of(speaker, server, {{"first_audio_timeout", 20}, {"retries", retries}}));
            CHECK(voice.spoken("Hello.").error);
            CHECK(server.connections() == retries + 1);
        }
}

TEST_CASE("socket voices: every documented error message ends the text with its cause") {
    for (const auto& speaker : speakers())
        for (const auto& refusal : speaker.refusals) {
            CAPTURE(speaker.name);
            CAPTURE(refusal.message);
            FakeSocketServer server([&](Session& session) {
                session.accept();
                const auto wish = listen(session, speaker);
                session.send(in_context(refusal.message, wish));
                session.wait_for_end();
            });
            Voice voice(options_of(speaker, server));
            const auto& speech = voice.spoken("Hello.");
            REQUIRE(speech.error);
            CHECK(speech.error->code == refusal.code);
            CHECK(speech.order == "e");
            CHECK(server.connections() == 1);
        }
}

TEST_CASE("socket voices: an end without a sound is an error") {
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        FakeSocketServer server([&](Session& session) {
            session.accept();
            send(session, speaker.done(listen(session, speaker).context));
            session.wait_for_end();
        });
        Voice voice(options_of(speaker, server));
        const auto& speech = voice.spoken("Hello.");
        REQUIRE(speech.error);
        CHECK(speech.error->code == Errc::Protocol);
    }
}

TEST_CASE("socket voices: messages that are no JSON, endless or with broken audio are errors and no more") {
    for (const auto& speaker : speakers())
        for (const auto& bad : {std::string("{\"type\":"), std::string("[]"), std::string(100'000, '['), std::string(10 * 1024 * 1024, ' '), speaker.broken_audio}) {
            if (bad.empty()) continue;
            CAPTURE(speaker.name);
            CAPTURE(bad.substr(0, 30));
            FakeSocketServer server([&](Session& session) {
                session.accept();
                const auto wish = listen(session, speaker);
                send(session, speaker.audio(wish.context, sound_of("He")));
                session.send(in_context(bad, wish));
                session.wait_for_end();
            });
            Voice voice(options_of(speaker, server));
            const auto& speech = voice.spoken("Hello.");
            REQUIRE(speech.error);
            CHECK(speech.error->code == Errc::Protocol);
            CHECK(speech.letters() == "He");
        }
}

TEST_CASE("socket voices: odd values and messages for others are taken for nothing") {
    const char* const odd[] = {R"({"type":7})", R"({"type":"chunk","context_id":7,"data":7})", R"({"type":"timestamps","context_id":"x","word_timestamps":null})", R"({"audio":null,"contextId":"x"})",
                               R"({"type":"flush_done"})", R"({"type":"Warning","warn_msg":"slow"})", R"({"isFinal":"yes","contextId":7})", R"({})"};
    for (const auto& speaker : speakers()) {
        CAPTURE(speaker.name);
        FakeSocketServer server([&](Session& session) {
            session.accept();
            const auto wish = listen(session, speaker);
            for (const auto* message : odd) session.send(message);
            say(session, speaker, wish);
            session.wait_for_end();
        });
        Voice voice(options_of(speaker, server));
        const auto& speech = voice.spoken("Hello.");
        CHECK_MESSAGE(speech.letters() == "Hello.", why(speech));
    }
}

TEST_CASE("socket voices: a stream may be dropped from each of its callbacks, and text of any bytes is sent as JSON") {
    for (const auto& speaker : speakers())
        for (const std::string at : {"audio", "done", "error"}) {
            CAPTURE(speaker.name);
            CAPTURE(at);
            FakeSocketServer server([&](Session& session) {
                if (at == "error") return session.refuse(401, "{}");
                faithful(speaker)(session);
            });
            const auto engine = test::must(build_tts(options_of(speaker, server), test::context()));
            test::SelfDropping<TtsStream> stream(at);
            stream.open([&](Loop& loop) {
                return engine->speak(loop, "Odd \"text\" \xFF\xFE <b>\x01 here \xC3\xA9.",
                                     {.on_audio = [&](const audio::Samples&) { stream.called("audio"); },
                                      .on_done = [&] { stream.called("done"); },
                                      .on_error = [&](const Error&) { stream.called("error"); }});
            });
            CHECK(stream.was_dropped());
            CHECK(stream.is_silent_since());
        }
}

TEST_CASE("socket voices ask as their configuration says, and the key is in no address") {
    struct Asked {
        json options;
        std::string target, header, value;
    };
    const Asked cases[] = {
        {{{"provider", "deepgram"}, {"model", "aura-2-x"}}, "/speak?model=aura-2-x&encoding=linear16&sample_rate=24000", "Authorization", "Token sesame-opens"},
        {{{"provider", "elevenlabs"}, {"voice", "a/b"}}, "/text-to-speech/a%2Fb/multi-stream-input?model_id=eleven_flash_v2_5&output_format=pcm_24000&auto_mode=true&inactivity_timeout=180", "xi-api-key", "sesame-opens"},
        {{{"provider", "cartesia"}, {"voice", "x"}, {"version", "2026-01-01"}}, "/tts/websocket?cartesia_version=2026-01-01", "X-API-Key", "sesame-opens"}};
    for (auto asked : cases) {
        std::promise<std::pair<std::string, std::string>> seen;
        FakeSocketServer server([&](Session& session) {
            seen.set_value({session.target(), session.header(asked.header)});
            session.refuse(401, "{}");
        });
        auto context = test::context();
        context.environment = [](const std::string& name) { return name == "KEY" ? std::optional<std::string>("sesame-opens") : std::nullopt; };
        asked.options.update({{"base_url", server.url()}, {"api_key_env", "KEY"}});
        const auto engine = test::must(build_tts(asked.options, context));
        CHECK_FALSE(synthesise(*engine, "Hello."));
        CHECK(seen.get_future().get() == std::pair(asked.target, asked.value));
    }
}

TEST_CASE("wrong options of voices behind a socket are found when they are built, with the key named") {
    const auto fault = [](json options) {
        options["base_url"] = "ws://127.0.0.1:1";
        auto built = build_tts(options, test::context());
        REQUIRE(!built);
        CHECK(!built.error().message.empty());
        return built.error().key;
    };
    CHECK(fault({{"provider", "elevenlabs"}}) == "voice");
    CHECK(fault({{"provider", "elevenlabs"}, {"voice", "x"}, {"voice_settings", {{"stability", 2}}}}) == "voice_settings.stability");
    CHECK(fault({{"provider", "elevenlabs"}, {"voice", "x"}, {"voice_settings", {{"stable", 1}}}}) == "voice_settings.stable");
    CHECK(fault({{"provider", "cartesia"}}) == "voice");
    CHECK(fault({{"provider", "cartesia"}, {"voice", "x"}, {"sped", 1}}) == "sped");
    CHECK(fault({{"provider", "deepgram"}, {"stall_timeout", 0}}) == "stall_timeout");
    const auto no_key = build_tts({{"provider", "deepgram"}}, test::context());
    REQUIRE(!no_key);
    CHECK(no_key.error().key == "api_key_env");
}
