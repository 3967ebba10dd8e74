// The same cases for every recogniser over HTTP, on a server that sends what the test says; then how each one asks.
#include <map>

#include "engines.h"
#include "fake_model_server.h"
#include "voicectl/audio/pcm_stream.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::speech;
using test::FakeModelServer;
using Connection = FakeModelServer::Connection;
using nlohmann::json;

namespace {

struct EarRow {
    const char* name;
    json options;
    bool streams;
};
const std::vector<EarRow> kEarRows{
    {"openai", {{"provider", "openai"}, {"model", "test-ear"}}, false},
    {"openai, streamed", {{"provider", "openai"}, {"model", "test-ear"}, {"stream", true}}, true},
};

std::unique_ptr<SpeechToText> ear_of(const EarRow& row, const FakeModelServer& server, const json& more = json::object()) {
    auto options = row.options;
    options.update(more);
    options["base_url"] = server.url();
    return test::must(build_stt(options, test::context()));
}

const audio::Samples& spoken_words() {
    static const auto samples = audio::resample(test::spoken(test::flite(), "What are your opening hours?"), 16000).samples;
    return samples;
}
audio::Samples quiet_for(double seconds) { return audio::Samples(static_cast<std::size_t>(seconds * 16000), 0); }

struct HttpListener {
    test::LiveLoop loop;
    test::Waiter waiter;
    std::vector<std::string> finals, partials;
    std::string order;  // p: partial, f: final, e: error
    Error error;
    Usage usage;
    int usages = 0;
    bool off_loop = false;
    std::unique_ptr<SttStream> stream;

    explicit HttpListener(SpeechToText& engine) {
        const auto note = [this](char what) { order += what, off_loop = off_loop || !loop.get().is_current(); };
        SttSink sink{.on_partial = [=, this](const std::string& text) { waiter.change([&] { note('p'), partials.push_back(text); }); },
                     .on_final = [=, this](const std::string& text) { waiter.change([&] { note('f'), finals.push_back(text); }); },
                     .on_error = [=, this](const Error& what) { waiter.change([&] { note('e'), error = what; }); },
                     .on_usage = [this](const Usage& total) { waiter.change([&] { usage = total, ++usages; }); }};
        loop.on_loop([&] { stream = engine.open(loop.get(), std::move(sink)); });
    }
    void push(const audio::Samples& samples) {
        loop.on_loop([&] { stream->push(samples); });
    }
    bool pause() {
        return loop.on_loop([&] { return stream->tell_so_far(); });
    }
    void end() {
        loop.on_loop([&] { stream->end_utterance(); });
    }
    HttpListener& say_it() {
        push(spoken_words());
        push(quiet_for(0.3));
        end();
        return *this;
    }
    HttpListener& wait_for(std::size_t count) {
        REQUIRE(waiter.wait([&] { return finals.size() >= count || order.ends_with('e'); }));
        return *this;
    }
    void drop() {
        loop.on_loop([this] { stream.reset(); });
    }
    ~HttpListener() { drop(); }
};

std::string sse(const json& value) { return "data: " + value.dump() + "\n\n"; }
/// The answer in the form that the row asks for.
std::pair<std::string, std::string> answer_of(const EarRow& row, const std::string& text, const json& usage = nullptr) {
    if (!row.streams) {
        json body{{"text", text}};
        if (!usage.is_null()) body["usage"] = usage;
        return {"application/json", body.dump()};
    }
    json done{{"type", "transcript.text.done"}, {"text", text}};
    if (!usage.is_null()) done["usage"] = usage;
    const auto half = text.size() / 2;
    return {"text/event-stream", sse({{"type", "transcript.text.delta"}, {"delta", text.substr(0, half)}}) +
                                     sse({{"type", "transcript.text.delta"}, {"delta", text.substr(half)}}) + sse(done) + "data: [DONE]\n\n"};
}
void answer(const Connection& connection, const EarRow& row, const std::string& text, const json& usage = nullptr) {
    const auto [type, body] = answer_of(row, text, usage);
    connection.head("200 OK", type);
    connection.send(body);
}

template<class Case>
void with_every_ear(Case run) {
    for (const auto& row : kEarRows) {
        CAPTURE(row.name);
        run(row);
    }
}

void every_ear_fails(const FakeModelServer::Answer& how, Errc code, const std::string& words, const json& more = json::object(), int requests = 1) {
    with_every_ear([&](const EarRow& row) {
        FakeModelServer server(how);
        const auto engine = ear_of(row, server, more);
        HttpListener listener(*engine);
        listener.say_it().wait_for(1);
        CAPTURE(listener.error.message);
        CHECK(listener.order.ends_with('e'));
        CHECK(listener.finals.empty());
        CHECK(to_string(listener.error.code) == to_string(code));
        CHECK(listener.error.message.find(words) != std::string::npos);
        CHECK(listener.error.message.find("openai") != std::string::npos);
        CHECK(listener.error.message.find('\n') == std::string::npos);
        CHECK(server.requests() == requests);
    });
}

FakeModelServer::Answer says(std::string type, std::string bytes, std::string status = "200 OK", std::string more = {}) {
    return [=](const Connection& connection, int) { connection.head(status, type, more), connection.send(bytes); };
}

/// The parts of a multipart body by name.
std::map<std::string, std::string> fields_of(const std::string& request) {
    std::map<std::string, std::string> out;
    const auto at = request.find("boundary=") + 9;
    const auto line = "--" + request.substr(at, request.find("\r\n", at) - at);
    for (auto begin = request.find(line + "\r\n"); begin != std::string::npos; begin = request.find(line + "\r\n", begin + 1)) {
        const auto head = begin + line.size() + 2, body = request.find("\r\n\r\n", head) + 4, end = request.find("\r\n" + line, body);
        const auto name = request.find("name=\"", head) + 6;
        out[request.substr(name, request.find('"', name) - name)] = request.substr(body, end - body);
    }
    return out;
}
audio::Samples sound_of(const std::string& wav) {
    audio::PcmStream pcm(1, 1);
    REQUIRE(pcm.push(wav));
    CHECK(pcm.rate_hz() == 16000);
    CHECK(pcm.channels() == 1);
    CHECK(pcm.ended());
    return pcm.take();
}

}  // namespace

TEST_CASE("recognisers over HTTP: one final for each utterance, on the loop, and the words while they come") {
    with_every_ear([&](const EarRow& row) {
        FakeModelServer server([&](const Connection& connection, int number) { answer(connection, row, number == 1 ? " When do you open? " : "Bye."); });
        const auto engine = ear_of(row, server);
        HttpListener listener(*engine);
        listener.say_it().wait_for(1);
        listener.say_it().wait_for(2);
        CHECK(listener.finals == std::vector<std::string>{"When do you open?", "Bye."});
        CHECK(!listener.off_loop);
        if (row.streams) CHECK(listener.partials.size() >= 2);
        else CHECK(listener.order == "ff");
    });
}

TEST_CASE("recognisers over HTTP: bytes may be cut anywhere, and broken UTF-8 is replaced") {
    with_every_ear([&](const EarRow& row) {
        FakeModelServer server([&](const Connection& connection, int) {
            auto [type, bytes] = answer_of(row, "a caf\xC3\xA9 Q!");
            for (auto at = bytes.find('Q'); at != std::string::npos; at = bytes.find('Q')) bytes[at] = '\xFF';
            connection.head("200 OK", type);
            for (const char byte : bytes) connection.send({&byte, 1});
        });
        HttpListener listener(*ear_of(row, server));
        listener.say_it().wait_for(1);
        CHECK(listener.finals == std::vector<std::string>{"a caf\xC3\xA9 \xEF\xBF\xBD!"});
    });
}

TEST_CASE("recognisers over HTTP: silence, and nothing at all, is nothing, and nobody is asked") {
    with_every_ear([&](const EarRow& row) {
        FakeModelServer server([&](const Connection& connection, int) { answer(connection, row, "Thank you for watching."); });
        HttpListener listener(*ear_of(row, server));
        listener.end();
        listener.wait_for(1);
        listener.push(quiet_for(60));
        CHECK(!listener.pause());
        listener.end();
        listener.wait_for(2);
        CHECK(listener.finals == std::vector<std::string>{"", ""});
        CHECK(server.requests() == 0);
    });
}

TEST_CASE("recognisers over HTTP: answers come in the order of the utterances, whichever is ready first") {
    with_every_ear([&](const EarRow& row) {
        test::Waiter waiter;
        bool second_done = false;
        FakeModelServer server([&](const Connection& connection, int) {
            const auto length = sound_of(fields_of(connection.request())["file"]).size();
            const bool first = length < 5 * 16000;
            if (first) waiter.wait([&] { return second_done; });
            answer(connection, row, first ? "first" : "second");
            if (!first) waiter.change([&] { second_done = true; });
        });
        HttpListener listener(*ear_of(row, server));
        listener.say_it();
        for (int i = 0; i < 5; ++i) listener.push(spoken_words());
        listener.end();
        listener.end();  // and one without a word
        listener.wait_for(3);
        CHECK(listener.finals == std::vector<std::string>{"first", "second", ""});
    });
}

TEST_CASE("recognisers over HTTP: who speaks for minutes is asked about in parts, cut where it is quiet") {
    audio::Samples speech;
    while (speech.size() < 130 * 16000) {
        speech.insert(speech.end(), spoken_words().begin(), spoken_words().end());
        const auto gap = quiet_for(0.2);
        speech.insert(speech.end(), gap.begin(), gap.end());
    }
    with_every_ear([&](const EarRow& row) {
        std::mutex mutex;
        audio::Samples heard;
        FakeModelServer server([&](const Connection& connection, int number) {
            const auto sound = sound_of(fields_of(connection.request())["file"]);
            std::lock_guard lock(mutex);
            CHECK(sound.size() <= 60 * 16000);
            heard.insert(heard.end(), sound.begin(), sound.end());
            if (number < 3) CHECK(audio::speech_bounds({16000, 1, audio::Samples(sound.end() - 400, sound.end())}).empty());
            answer(connection, row, fmt::format("part{}", number));
        });
        HttpListener listener(*ear_of(row, server));
        for (std::size_t at = 0; at < speech.size(); at += 16000) {
            const auto end = std::min(at + 16000, speech.size());
            listener.push(audio::Samples(speech.begin() + static_cast<long>(at), speech.begin() + static_cast<long>(end)));
            if (at == 64 * 16000 || at == 124 * 16000)  // so that the parts come in order
                REQUIRE(listener.waiter.wait([&] { return listener.usages >= (at > 100 * 16000 ? 2 : 1); }));
        }
        listener.end();
        listener.wait_for(1);
        CHECK(listener.finals == std::vector<std::string>{"part1 part2 part3"});
        CHECK(heard.size() > speech.size() - 160);
        CHECK(std::equal(heard.begin(), heard.end(), speech.begin()));
    });
}

TEST_CASE("recognisers over HTTP: silence before the words is not sent, and not paid for") {
    with_every_ear([&](const EarRow& row) {
        std::size_t sent = 0;
        FakeModelServer server([&](const Connection& connection, int) {
            sent = sound_of(fields_of(connection.request())["file"]).size();
            answer(connection, row, "yes");
        });
        HttpListener listener(*ear_of(row, server));
        for (int i = 0; i < 50; ++i) listener.push(quiet_for(1));
        listener.say_it().wait_for(1);
        CHECK(sent >= spoken_words().size());
        CHECK(sent < spoken_words().size() + 3 * 16000);
    });
}

TEST_CASE("recognisers over HTTP: asked at a pause, the answer serves the end of the turn too") {
    with_every_ear([&](const EarRow& row) {
        FakeModelServer server([&](const Connection& connection, int) { answer(connection, row, "opening hours"); });
        HttpListener listener(*ear_of(row, server));
        listener.push(spoken_words());
        listener.push(quiet_for(0.3));
        CHECK(listener.pause());
        REQUIRE(listener.waiter.wait([&] { return !listener.partials.empty() && listener.partials.back() == "opening hours" && listener.usages == 1; }));
        const auto before = listener.waiter.look([&] { return listener.partials.size(); });
        CHECK(listener.pause());  // told again, and not asked again
        REQUIRE(listener.waiter.wait([&] { return listener.partials.size() > before; }));
        listener.push(quiet_for(0.4));
        listener.end();
        listener.wait_for(1);
        CHECK(listener.finals == std::vector<std::string>{"opening hours"});
        CHECK(server.requests() == 1);
    });
}

TEST_CASE("recognisers over HTTP: who goes on after a pause is heard out") {
    with_every_ear([&](const EarRow& row) {
        std::mutex mutex;
        std::vector<std::size_t> sent;
        FakeModelServer server([&](const Connection& connection, int) {
            const auto size = sound_of(fields_of(connection.request())["file"]).size();
            {
                std::lock_guard lock(mutex);
                sent.push_back(size);
            }
            if (size < spoken_words().size() * 2) return connection.wait_for_hang_up();  // in vain: let go
            answer(connection, row, "all of it");
        });
        HttpListener listener(*ear_of(row, server));
        listener.push(spoken_words());
        listener.push(quiet_for(0.3));
        CHECK(listener.pause());
        listener.say_it().wait_for(1);
        CHECK(listener.finals == std::vector<std::string>{"all of it"});
    });
}

TEST_CASE("recognisers over HTTP: a question ahead that fails is no failure") {
    with_every_ear([&](const EarRow& row) {
        FakeModelServer server([&](const Connection& connection, int number) {
            if (number == 1) return void(connection.head("400 Bad Request", "text/plain"));
            answer(connection, row, "at last");
        });
        HttpListener listener(*ear_of(row, server));
        listener.push(spoken_words());
        listener.push(quiet_for(0.3));
        while (server.requests() < 2 && !listener.loop.on_loop([&] { return listener.order.ends_with('e'); })) CHECK(listener.pause());  // asks anew once it has failed
        listener.end();
        listener.wait_for(1);
        REQUIRE(listener.order.ends_with('f'));
        CHECK(listener.finals.back() == "at last");
    });
    FakeModelServer server([&](const Connection& connection, int) { answer(connection, kEarRows[0], "yes"); });
    HttpListener listener(*ear_of(kEarRows[0], server, {{"ahead", false}}));
    listener.push(spoken_words());
    CHECK(!listener.pause());
    listener.end();
    listener.wait_for(1);
    CHECK(server.requests() == 1);
}

TEST_CASE("recognisers over HTTP: dropping the stream hangs up, and nothing is told any more") {
    with_every_ear([&](const EarRow& row) {
        test::Waiter waiter;
        int asked = 0, hung_up = 0;
        FakeModelServer server([&](const Connection& connection, int) {
            waiter.change([&] { ++asked; });
            connection.wait_for_hang_up();
            waiter.change([&] { ++hung_up; });
        });
        HttpListener listener(*ear_of(row, server));
        listener.say_it();
        REQUIRE(waiter.wait([&] { return asked == 1; }));
        listener.drop();
        CHECK(waiter.wait([&] { return hung_up == 1; }));
        CHECK(listener.loop.on_loop([&] { return listener.order; }).empty());
    });
}

TEST_CASE("recognisers over HTTP: a stream may be dropped from each of its callbacks") {
    with_every_ear([&](const EarRow& row) {
        FakeModelServer good([&](const Connection& connection, int) { answer(connection, row, "two words"); });
        FakeModelServer bad(says("text/html", "<html>"));
        for (const std::string at : {"partial", "final", "error"}) {
            CAPTURE(at);
            if (at == "partial" && !row.streams) continue;
            const auto engine = ear_of(row, at == "error" ? bad : good);
            test::SelfDropping<SttStream> stream(at);
            stream.open([&](Loop& loop) {
                return engine->open(loop, {.on_partial = [&](const std::string&) { stream.called("partial"); },
                                           .on_final = [&](const std::string&) { stream.called("final"); },
                                           .on_error = [&](const Error&) { stream.called("error"); }});
            }, [&](SttStream& opened) {
                opened.push(spoken_words());
                opened.end_utterance();
                opened.end_utterance();
            });
            REQUIRE(stream.was_dropped());
            HttpListener(*engine).say_it().wait_for(1);
            CHECK(stream.is_silent_since());
        }
    });
}

TEST_CASE("recognisers over HTTP: no answer in time is an error, and so is one that stops coming") {
    every_ear_fails([](const Connection& connection, int) { connection.wait_for_hang_up(); }, Errc::Timeout, "200 ms", {{"answer_timeout", 0.2}});
    every_ear_fails([](const Connection& connection, int) { connection.head("200 OK", "application/json"), connection.wait_for_hang_up(); }, Errc::Timeout, "200 ms", {{"answer_timeout", 0.2}});
    every_ear_fails(
        [](const Connection& connection, int) {
            connection.head("200 OK", "text/event-stream");
            connection.send(sse({{"type", "transcript.text.delta"}, {"delta", "When"}}));
            connection.wait_for_hang_up();
        },
        Errc::Timeout, "nothing more", {{"stall_timeout", 0.2}});
}

TEST_CASE("recognisers over HTTP: half an answer is an error") {
    every_ear_fails(says("text/event-stream", sse({{"type", "transcript.text.delta"}, {"delta", "When do"}})), Errc::Protocol, "broke off");
    every_ear_fails(says("application/json", "{\"text\": \"When do"), Errc::Protocol, "JSON");
    every_ear_fails(says("application/json", "{\"text\": \"When do", "200 OK", "Content-Length: 100\r\n"), Errc::Protocol, "too early", {{"answer_timeout", 0.3}});
}

TEST_CASE("recognisers over HTTP: refusals tell their cause") {
    const auto refused = [](const std::string& status, const std::string& body, Errc code, const std::string& words) {
        every_ear_fails(says("application/json", body, status), code, words);
    };
    refused("401 Unauthorized", R"({"error":{"message":"Incorrect API key","code":"invalid_api_key"}})", Errc::Auth, "Incorrect");
    refused("403 Forbidden", R"({"detail":"no"})", Errc::Auth, "no");
    refused("429 Too Many Requests", R"({"error":{"message":"pay","code":"insufficient_quota"}})", Errc::Auth, "pay");
    refused("400 Bad Request", R"({"error":{"message":"audio too short"}})", Errc::Rejected, "too short");
    refused("413 Payload Too Large", "", Errc::Rejected, "413");
    refused("404 Not Found", "<html></html>", Errc::NotFound, "404");
}

TEST_CASE("recognisers over HTTP: a busy or broken server is asked again when there is time for it") {
    with_every_ear([&](const EarRow& row) {
        FakeModelServer server([&](const Connection& connection, int number) {
            if (number == 1) return void(connection.head("429 Too Many Requests", "text/plain", "Retry-After: 0\r\n"));
            if (number == 2) return void(connection.head("502 Bad Gateway", "text/plain"));
            answer(connection, row, "third time");
        });
        HttpListener listener(*ear_of(row, server));
        listener.say_it().wait_for(1);
        CHECK(listener.finals == std::vector<std::string>{"third time"});
        CHECK(server.requests() == 3);
    });
    every_ear_fails(says("text/plain", "", "503 Busy", "Retry-After: 0\r\n"), Errc::Unreachable, "503", json::object(), 3);
    every_ear_fails(says("text/plain", "", "429 Too Many Requests", "Retry-After: 600\r\n"), Errc::Unreachable, "429");
}

TEST_CASE("recognisers over HTTP: an answer that is no text is an error and no silence") {
    every_ear_fails(says("text/html", "<html><title>Sign in</title></html>"), Errc::Protocol, "Sign in");
    every_ear_fails(says("audio/wav", "RIFF"), Errc::Protocol, "audio/wav");
    every_ear_fails(says("application/json", "{}"), Errc::Protocol, "without a text");
    every_ear_fails(says("application/json", "{\"text\":null}"), Errc::Protocol, "without a text");
    every_ear_fails(says("application/json", R"({"error":{"message":"model is loading"}})"), Errc::Protocol, "model is loading");
    every_ear_fails(says("application/json", ""), Errc::Protocol, "");
    every_ear_fails(says("application/json", "[\"text\"]"), Errc::Protocol, "object");
    every_ear_fails(says("application/json", "{\"text\":\"" + std::string(10'000'000, 'a') + "\"}"), Errc::Protocol, "bytes");
    every_ear_fails(says("text/event-stream", "data: " + std::string(10'000'000, 'a') + "\n\n"), Errc::Protocol, "bytes");
    every_ear_fails(says("text/event-stream", "data: {\"type\":\n\n"), Errc::Protocol, "JSON");
    every_ear_fails(says("text/event-stream", sse({{"type", "error"}, {"error", {{"message", "overloaded"}}}})), Errc::Unreachable, "overloaded");
    every_ear_fails(says("application/json", std::string(100'000, '[')), Errc::Protocol, "");
    with_every_ear([&](const EarRow& row) {
        FakeModelServer server(says("text/plain; charset=utf-8", "  plain words \n"));
        HttpListener listener(*ear_of(row, server));
        CHECK(listener.say_it().wait_for(1).finals == std::vector<std::string>{"plain words"});
    });
}

TEST_CASE("recognisers over HTTP: what was used is told as a total, by the server's figures or by the clock") {
    with_every_ear([&](const EarRow& row) {
        FakeModelServer server([&](const Connection& connection, int number) {
            if (number == 1) return answer(connection, row, "one", {{"type", "duration"}, {"seconds", 9}});
            if (number == 2) return answer(connection, row, "two", {{"type", "tokens"}, {"input_tokens", 14}, {"output_tokens", 45}, {"total_tokens", 59}});
            if (number == 3) return answer(connection, row, "three", {{"type", 3}, {"seconds", "x"}, {"input_tokens", -1e99}});
            answer(connection, row, "four");
        });
        HttpListener listener(*ear_of(row, server));
        const auto one = static_cast<std::int64_t>((spoken_words().size() + 4800) / 160 * 10);
        const auto told = [&](std::size_t count) { return listener.say_it().wait_for(count).usage; };
        CHECK(told(1).audio_ms == 9000);
        const auto second = told(2);
        CHECK(std::abs(second.audio_ms - 9000 - one) <= 20);
        CHECK(second.input_tokens == 14);
        CHECK(second.output_tokens == 45);
        CHECK(told(3).input_tokens == 14);
        CHECK(std::abs(told(4).audio_ms - 9000 - 3 * one) <= 60);
        CHECK(listener.usages == 4);
    });
}

TEST_CASE("recognisers over HTTP: the request is a form with the audio and the settings") {
    std::string seen;
    FakeModelServer server([&](const Connection& connection, int) {
        seen = connection.request();
        answer(connection, kEarRows[0], "ok");
    });
    auto context = test::context();
    context.environment = [](const std::string&) { return std::optional<std::string>("very-secret-key"); };
    const auto engine = test::must(build_stt({{"provider", "openai"}, {"base_url", server.url()}, {"model", "m"}, {"language", "de"}, {"prompt", "Caf\xC3\xA9 \"X\""}, {"temperature", 0.5}, {"stream", true}}, context));
    HttpListener listener(*engine);
    listener.say_it().wait_for(1);
    CHECK(seen.starts_with("POST /v1/audio/transcriptions "));
    CHECK(seen.find("Authorization: Bearer very-secret-key\r\n") != std::string::npos);
    auto fields = fields_of(seen);
    const auto sound = sound_of(fields["file"]);
    CHECK(std::equal(sound.begin(), sound.begin() + static_cast<long>(spoken_words().size()), spoken_words().begin()));
    fields.erase("file");
    CHECK(fields == std::map<std::string, std::string>{{"model", "m"}, {"language", "de"}, {"prompt", "Caf\xC3\xA9 \"X\""}, {"temperature", "0.5"}, {"stream", "true"}, {"response_format", "json"}});
    CHECK(build_stt({{"provider", "openai"}, {"base_url", server.url()}}, test::context()).error().key == "model");
    CHECK(build_stt({{"provider", "openai"}, {"model", "m"}}, test::context()).error().key == "api_key_env");
}
