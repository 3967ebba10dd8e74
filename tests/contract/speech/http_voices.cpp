// The same cases for every voice over HTTP, on a server that sends what the test says; then how each one asks.
#include <fmt/chrono.h>

#include <cmath>
#include <thread>

#include "engines.h"
#include "fake_model_server.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::speech;
using test::FakeModelServer;
using Connection = FakeModelServer::Connection;
using nlohmann::json;

namespace {

struct VoiceRow {
    const char* name;
    json options;
    int rate_hz = 24000;  // of its raw samples, and what it gives
};
const std::vector<VoiceRow> kVoiceRows{
    {"openai", {{"model", "test-voice"}}},
    {"edge", json::object()},
    {"azure", json::object()},
    {"zonos", {{"warm_up", false}}},
};

std::unique_ptr<TextToSpeech> voice_of(const VoiceRow& row, const FakeModelServer& server, const json& more = json::object()) {
    auto options = row.options;
    options.update(more);
    options["provider"] = row.name;
    options["base_url"] = server.url();
    return test::must(build_tts(options, test::context()));
}

std::string little(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
    return out;
}

std::string bytes_of(const audio::Samples& samples) {
    std::string out;
    for (const auto sample : samples) out += little(static_cast<std::uint16_t>(sample), 2);
    return out;
}

/// A tone whose samples differ from each other.
audio::Samples tone(std::size_t count, int rate = 24000) {
    audio::Samples out(count);
    for (std::size_t i = 0; i < count; ++i)
        out[i] = static_cast<std::int16_t>(8000 * std::sin(2 * 3.14159265 * 440 * static_cast<double>(i) / rate));
    return out;
}

std::string wav(const audio::Samples& samples, int rate, int channels = 1, std::uint32_t promised = 0, int bits = 16, int form = 1) {
    const auto size = promised != 0 ? promised : static_cast<std::uint32_t>(samples.size() * 2);
    return "RIFF" + little(size + 36, 4) + "WAVEfmt " + little(16, 4) + little(static_cast<unsigned>(form), 2) + little(static_cast<unsigned>(channels), 2) +
           little(static_cast<unsigned>(rate), 4) + little(static_cast<unsigned>(rate * channels * bits / 8), 4) +
           little(static_cast<unsigned>(channels * bits / 8), 2) + little(static_cast<unsigned>(bits), 2) + "data" + little(size, 4) + bytes_of(samples);
}

std::string event(const json& value) { return "data: " + value.dump() + "\n\n"; }
std::string delta(std::string_view sound, const char* member = "delta") {
    return event({{"type", "speech.audio.delta"}, {member, base64_encode(sound)}});
}
const std::string kSpeechDone = event({{"type", "speech.audio.done"}, {"usage", {{"input_tokens", 14}, {"output_tokens", 101}, {"total_tokens", 115}}}});

FakeModelServer::Answer sends(std::string type, std::string bytes, std::string status = "200 OK") {
    return [=](const Connection& connection, int) { connection.head(status, type), connection.send(bytes); };
}
void send_chunk(const Connection& connection, const std::string& bytes) {
    connection.send(fmt::format("{:x}\r\n", bytes.size()) + bytes + "\r\n");
}
void chunked_head(const Connection& connection, const std::string& type) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nTransfer-Encoding: chunked\r\n\r\n");
}

struct VoiceEar {
    test::LiveLoop loop;
    test::Waiter waiter;
    std::string order;  // a: audio, d: done, e: error
    audio::Samples samples;
    Error error;
    Usage usage;
    int usages = 0;
    bool off_loop = false, silent_within_speak = false;
    std::unique_ptr<TtsStream> stream;

    VoiceEar(TextToSpeech& voice, const std::string& text) {
        const auto note = [this](char what) {
            if (what != 'a' || !order.ends_with('a')) order += what;
            off_loop = off_loop || !loop.get().is_current();
        };
        TtsSink sink{.on_audio = [=, this](const audio::Samples& chunk) {
                         waiter.change([&] { note('a'), samples.insert(samples.end(), chunk.begin(), chunk.end()); });
                     },
                     .on_done = [=, this] { waiter.change([&] { note('d'); }); },
                     .on_error = [=, this](const Error& what) { waiter.change([&] { note('e'), error = what; }); },
                     .on_usage = [this](const Usage& total) { waiter.change([&] { usage = total, ++usages; }); }};
        loop.on_loop([&] {
            stream = voice.speak(loop.get(), text, std::move(sink));
            silent_within_speak = order.empty();
        });
    }
    VoiceEar& finish() {
        REQUIRE(waiter.wait([this] { return order.ends_with('d') || order.ends_with('e'); }));
        return *this;
    }
    void drop() {
        loop.on_loop([this] { stream.reset(); });
    }
    ~VoiceEar() { drop(); }
};

/// Runs one case on every voice.
template<class Case>
void with_every_voice(Case run) {
    for (const auto& row : kVoiceRows) {
        CAPTURE(row.name);
        run(row);
    }
}

/// One answer for each voice, and how it ends.
void every_voice_ends(const FakeModelServer::Answer& answer, const std::string& order, Errc code, const std::string& words, const json& more = json::object()) {
    with_every_voice([&](const VoiceRow& row) {
        FakeModelServer server(answer);
        const auto voice = voice_of(row, server, more);
        VoiceEar ear(*voice, "Hello there.");
        ear.finish();
        CAPTURE(ear.error.message);
        CHECK(ear.order == order);
        CHECK(to_string(ear.error.code) == to_string(code));
        CHECK(ear.error.message.find(words) != std::string::npos);
        CHECK(ear.error.message.find(row.name) != std::string::npos);
        CHECK(ear.error.message.find('\n') == std::string::npos);
        CHECK(server.requests() == 1);
    });
}

std::string body_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }

}  // namespace

TEST_CASE("voices over HTTP: sound comes as it was sent, then done, on the loop and none of it inside speak()") {
    const auto sound = tone(24000);
    with_every_voice([&](const VoiceRow& row) {
        FakeModelServer server(sends("audio/pcm", bytes_of(sound)));
        const auto voice = voice_of(row, server);
        CHECK(voice->rate_hz() == row.rate_hz);
        VoiceEar ear(*voice, "Hello there.");
        ear.finish();
        CHECK(ear.order == "ad");
        CHECK(ear.samples == sound);
        CHECK(ear.silent_within_speak);
        CHECK(!ear.off_loop);
        CHECK(ear.usages == 0);  // the server told none: the host counts characters
    });
}

TEST_CASE("voices over HTTP: the bytes may be cut anywhere, and labelled in many ways") {
    const auto sound = tone(300);
    const auto forms = [&](int rate) {
        return std::vector<std::pair<std::string, std::string>>{
            {"audio/pcm", bytes_of(sound)},
            {"application/octet-stream", bytes_of(sound)},
            {fmt::format("audio/L16; rate={}; channels=1", rate), bytes_of(sound)},
            {"audio/wav", wav(sound, rate)},
            {"audio/x-wav", wav(sound, rate, 1, 0xFFFFFFFF)},  // of a length that nobody knew
            {"audio/pcm", wav(sound, rate)},
            {"text/event-stream", ": hello\n\n" + delta(bytes_of(sound).substr(0, 201)) + delta(bytes_of(sound).substr(201), "audio") + kSpeechDone}};
    };
    with_every_voice([&](const VoiceRow& row) {
        for (const auto& [type, bytes] : forms(row.rate_hz)) {
            CAPTURE(type);
            FakeModelServer server([&](const Connection& connection, int) {
                connection.head("200 OK", type);
                for (const char byte : bytes) connection.send({&byte, 1});
            });
            const auto voice = voice_of(row, server);
            VoiceEar ear(*voice, "Hello there.");
            ear.finish();
            CHECK(ear.order == "ad");
            CHECK(ear.samples == sound);
        }
    });
}

TEST_CASE("voices over HTTP: an odd byte at the end is dropped, not played") {
    with_every_voice([&](const VoiceRow& row) {
        FakeModelServer server(sends("audio/pcm", bytes_of(tone(100)) + "x"));
        VoiceEar ear(*voice_of(row, server), "Hello there.");
        CHECK(ear.finish().order == "ad");
        CHECK(ear.samples.size() == 100);
    });
}

TEST_CASE("voices over HTTP: sound of another rate, and of two channels, becomes ours") {
    with_every_voice([&](const VoiceRow& row) {
        for (const int rate : {8000, 22050, 44100, 48000}) {
            CAPTURE(rate);
            audio::Samples both;
            for (const auto sample : tone(static_cast<std::size_t>(rate), rate)) both.push_back(sample), both.push_back(sample);
            for (const auto& [type, bytes] : {std::pair{std::string("audio/wav"), wav(both, rate, 2)},
                                              std::pair{fmt::format("audio/pcm;rate={}", rate), bytes_of(tone(static_cast<std::size_t>(rate), rate))}}) {
                FakeModelServer server(sends(type, bytes));
                VoiceEar ear(*voice_of(row, server), "Hello there.");
                CHECK(ear.finish().order == "ad");
                CHECK(std::abs(static_cast<long>(ear.samples.size()) - row.rate_hz) < 100);
                CHECK(std::abs(audio::measure(ear.samples).rms_dbfs - audio::measure(tone(static_cast<std::size_t>(row.rate_hz), row.rate_hz)).rms_dbfs) < 0.5);
            }
        }
    });
}

TEST_CASE("voices over HTTP: a long text is asked for in parts that end with sentences, and said without a gap") {
    std::string text;
    for (int i = 0; i < 150; ++i) text += "This is one of many sentences that are sp\xC3\xB6ken one after the other. ";
    with_every_voice([&](const VoiceRow& row) {
        std::mutex mutex;
        std::vector<std::string> asked;
        FakeModelServer server([&](const Connection& connection, int number) {
            {
                std::lock_guard lock(mutex);
                asked.push_back(body_of(connection.request()));
            }
            connection.head("200 OK", "audio/pcm");
            connection.send(bytes_of(audio::Samples(1000, static_cast<std::int16_t>(number))));
        });
        VoiceEar ear(*voice_of(row, server), text);
        CHECK(ear.finish().order == "ad");
        REQUIRE(asked.size() > 2);
        CHECK(ear.samples.size() == asked.size() * 1000);
        CHECK(std::is_sorted(ear.samples.begin(), ear.samples.end()));
        std::size_t sentences = 0;
        for (const auto& body : asked) {
            CHECK(body.size() < 5000);
            CHECK(body.find("other.") != std::string::npos);
            for (auto at = body.find("This is"); at != std::string::npos; at = body.find("This is", at + 1)) ++sentences;
        }
        CHECK(sentences == 150);
    });
}

TEST_CASE("voices over HTTP: text without words ends at once, and nobody is asked") {
    with_every_voice([&](const VoiceRow& row) {
        FakeModelServer server(sends("audio/pcm", bytes_of(tone(10))));
        const auto voice = voice_of(row, server);
        for (const std::string& text : {std::string(), std::string("  \n"), std::string(3, '\0'), std::string("…"), std::string("\xF0\x9F\x98\x80 !?")}) {
            VoiceEar ear(*voice, text);
            CHECK(ear.finish().order == "d");
            CHECK(ear.silent_within_speak);
        }
        CHECK(server.requests() == 0);
        VoiceEar ear(*voice, "\xE4\xBD\xA0\xE5\xA5\xBD");
        CHECK(ear.finish().order == "ad");
    });
}

TEST_CASE("voices over HTTP: dropping the stream hangs up, and nothing is told any more") {
    with_every_voice([&](const VoiceRow& row) {
        test::Waiter waiter;
        bool hung_up = false;
        FakeModelServer server([&](const Connection& connection, int) {
            connection.head("200 OK", "audio/pcm");
            connection.send(bytes_of(tone(1000)));
            connection.wait_for_hang_up();
            waiter.change([&] { hung_up = true; });
        });
        VoiceEar ear(*voice_of(row, server), "Hello there.");
        REQUIRE(ear.waiter.wait([&] { return !ear.samples.empty(); }));
        ear.drop();
        CHECK(waiter.wait([&] { return hung_up; }));
        CHECK(ear.loop.on_loop([&] { return ear.order; }) == "a");
    });
}

TEST_CASE("voices over HTTP: a stream may be dropped from each of its callbacks") {
    with_every_voice([&](const VoiceRow& row) {
        FakeModelServer good(sends("text/event-stream", delta(bytes_of(tone(100))) + delta(bytes_of(tone(100))) + kSpeechDone));
        FakeModelServer bad(sends("text/html", "<html>"));
        for (const std::string at : {"audio", "done", "error"}) {
            CAPTURE(at);
            const auto voice = voice_of(row, at == "error" ? bad : good);
            test::SelfDropping<TtsStream> stream(at);
            stream.open([&](Loop& loop) {
                return voice->speak(loop, "Hello.", {.on_audio = [&](const audio::Samples&) { stream.called("audio"); },
                                                     .on_done = [&] { stream.called("done"); },
                                                     .on_error = [&](const Error&) { stream.called("error"); }});
            });
            REQUIRE(stream.was_dropped());
            VoiceEar(*voice, "Next.").finish();
            CHECK(stream.is_silent_since());
        }
    });
}

TEST_CASE("voices over HTTP: no first sound in time, with or without an answer, is an error") {
    const auto says = [](const std::string& type, const std::string& bytes) {
        return [=](const Connection& connection, int) {
            if (!type.empty()) connection.head("200 OK", type), connection.send(bytes);
            connection.wait_for_hang_up();
        };
    };
    const json soon{{"first_audio_timeout", 0.2}};
    every_voice_ends(says("", ""), "e", Errc::Timeout, "200 ms", soon);
    every_voice_ends(says("audio/wav", wav({}, 24000, 1, 1000)), "e", Errc::Timeout, "200 ms", soon);
    every_voice_ends(says("text/event-stream", ": wait\n\n"), "e", Errc::Timeout, "200 ms", soon);
}

TEST_CASE("voices over HTTP: sound that stops coming is an error, for as long as nothing comes") {
    every_voice_ends(
        [](const Connection& connection, int) {
            connection.head("200 OK", "audio/pcm");
            connection.send(bytes_of(tone(1000)));
            connection.wait_for_hang_up();
        },
        "ae", Errc::Timeout, "nothing more", {{"stall_timeout", 0.2}});
}

TEST_CASE("voices over HTTP: slow but steady sound is heard to its end") {
    with_every_voice([](const VoiceRow& row) {
        FakeModelServer server([](const Connection& connection, int) {
            connection.head("200 OK", "audio/pcm");
            for (int i = 0; i < 8; ++i) {  // in all twice as long as the deadline between two pieces
                connection.send(bytes_of(tone(1000)));
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            }
        });
        VoiceEar ear(*voice_of(row, server, {{"stall_timeout", 0.4}}), "Hello there.");
        CHECK(ear.finish().order == "ad");
        CHECK(ear.samples.size() == 8000);
    });
}

TEST_CASE("voices over HTTP: a server that hangs up in mid-word is told from one that is done") {
    every_voice_ends([](const Connection& connection, int) { chunked_head(connection, "audio/pcm"), send_chunk(connection, bytes_of(tone(1000))); },
                     "ae", Errc::Protocol, "too early");
    every_voice_ends(sends("audio/wav", wav(tone(1000), 24000, 1, 4000)), "ae", Errc::Protocol, "broke off");
    every_voice_ends(sends("text/event-stream", delta(bytes_of(tone(1000)))), "ae", Errc::Protocol, "broke off");
    every_voice_ends(sends("text/event-stream", delta(bytes_of(tone(1000))) + event({{"error", {{"message", "overloaded"}}}})), "ae", Errc::Unreachable, "overloaded");
}

TEST_CASE("voices over HTTP: refusals tell their cause") {
    const auto refused = [](const std::string& status, const std::string& body, Errc code, const std::string& words) {
        every_voice_ends(sends("application/json", body, status), "e", code, words);
    };
    refused("401 Unauthorized", R"({"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})", Errc::Auth, "Incorrect API key");
    refused("403 Forbidden", R"({"detail":"Invalid API key"})", Errc::Auth, "Invalid API key");
    refused("402 Payment Required", R"({"error":"Insufficient balance"})", Errc::Auth, "Insufficient balance");
    refused("429 Too Many Requests", R"({"error":{"message":"You exceeded your quota","type":"insufficient_quota","code":"insufficient_quota"}})", Errc::Auth, "exceeded");
    refused("400 Bad Request", R"({"error":{"message":"Input too long","code":"string_above_max_length"}})", Errc::Rejected, "too long");
    refused("422 Unprocessable Entity", R"({"detail":[{"loc":["body","voice"],"msg":"field required","type":"missing"}]})", Errc::Rejected, "field required");
    refused("404 Not Found", "<html>\nnothing\nhere</html>", Errc::NotFound, "404");
    refused("415 Unsupported Media Type", "", Errc::Rejected, "415");  // Azure's have no body
    refused("400 Bad Request", "\xFF\xFE\x1B[31m{\"error\":", Errc::Rejected, "400");
}

TEST_CASE("voices over HTTP: a busy or broken server is tried again before the first sound, when there is time for it") {
    const auto soon = std::chrono::system_clock::now() - std::chrono::hours(1);
    const auto date = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", std::chrono::floor<std::chrono::seconds>(soon));
    for (const std::string& wait : {std::string("Retry-After: 0\r\n"), std::string("retry-after-ms: 20\r\nRetry-After: 600\r\n"), "Retry-After: " + date + "\r\n", std::string()}) {
        CAPTURE(wait);
        with_every_voice([&](const VoiceRow& row) {
            FakeModelServer server([&](const Connection& connection, int number) {
                if (number == 1) return void(connection.head("429 Too Many Requests", "application/json", wait));
                if (number == 2) return void(connection.head("503 Busy", "text/plain", "Retry-After: 0\r\n"));
                connection.head("200 OK", "audio/pcm");
                connection.send(bytes_of(tone(100)));
            });
            VoiceEar ear(*voice_of(row, server), "Hello there.");
            CHECK(ear.finish().order == "ad");
            CHECK(server.requests() == 3);
        });
    }
    with_every_voice([&](const VoiceRow& row) {
        FakeModelServer broken([](const Connection& connection, int) { connection.head("500 Oops", "text/plain", "Retry-After: 0\r\n"); });
        CHECK(VoiceEar(*voice_of(row, broken), "Hello.").finish().error.code == Errc::Unreachable);
        CHECK(broken.requests() == 3);
    });
    const auto says = [](const std::string& status, const std::string& header) {
        return [=](const Connection& connection, int) { connection.head(status, "text/plain", header); };
    };
    every_voice_ends(says("429 Too Many Requests", "Retry-After: 600\r\n"), "e", Errc::Unreachable, "429");
    every_voice_ends(says("503 Busy", "x-should-retry: false\r\n"), "e", Errc::Unreachable, "503");
}

TEST_CASE("voices over HTTP: what was heard is not asked for again") {
    with_every_voice([&](const VoiceRow& row) {
        FakeModelServer server([](const Connection& connection, int) { chunked_head(connection, "audio/pcm"), send_chunk(connection, bytes_of(tone(500))); });
        VoiceEar ear(*voice_of(row, server), "Hello there.");
        CHECK(ear.finish().order == "ae");
        CHECK(ear.samples.size() == 500);
        CHECK(server.requests() == 1);
    });
}

TEST_CASE("voices over HTTP: an answer that is no sound is an error and no silence") {
    every_voice_ends(sends("text/html; charset=utf-8", "<html><title>Sign in</title></html>"), "e", Errc::Protocol, "Sign in");
    every_voice_ends(sends("application/json", R"({"error":{"message":"voice is gone"}})"), "e", Errc::Protocol, "voice is gone");
    every_voice_ends(sends("text/plain", "hello"), "e", Errc::Protocol, "hello");
    every_voice_ends(sends("audio/mpeg", "ID3\x04 and so on"), "e", Errc::Protocol, "audio/mpeg");
    every_voice_ends(sends("audio/ogg; codecs=opus", "OggS"), "e", Errc::Protocol, "audio/ogg");
}

TEST_CASE("voices over HTTP: 200 without sound is an error") {
    for (const std::string type : {"audio/pcm", "audio/wav", "application/octet-stream"}) every_voice_ends(sends(type, ""), "e", Errc::Protocol, "without any sound");
    every_voice_ends(sends("audio/pcm", "x"), "e", Errc::Protocol, "without any sound");
    every_voice_ends(sends("audio/wav", wav({}, 24000)), "e", Errc::Protocol, "without any sound");
    every_voice_ends(sends("audio/wav", "RIFF"), "e", Errc::Protocol, "");
    every_voice_ends(sends("text/event-stream", kSpeechDone), "e", Errc::Protocol, "without any sound");
    every_voice_ends(sends("text/event-stream", "data: [DONE]\n\n"), "e", Errc::Protocol, "without any sound");
}

TEST_CASE("voices over HTTP: a WAV that is not of 16-bit samples is refused") {
    every_voice_ends(sends("audio/wav", wav(tone(100), 24000, 1, 0, 8)), "e", Errc::Protocol, "8-bit");
    every_voice_ends(sends("audio/wav", wav(tone(100), 24000, 1, 0, 32, 3)), "e", Errc::Protocol, "32-bit");
    every_voice_ends(sends("audio/wav", wav(tone(100), 100)), "e", Errc::Protocol, "100 Hz");
    every_voice_ends(sends("audio/wav", "RIFF\x10\x20\x30\x40OGG?and so on"), "e", Errc::Protocol, "");
}

TEST_CASE("voices over HTTP: broken events are errors, broken UTF-8 in them is none") {
    const auto ends = [](const std::string& bytes, const std::string& words) {
        every_voice_ends(sends("text/event-stream", bytes + kSpeechDone), "e", Errc::Protocol, words);
    };
    ends(event({{"type", "speech.audio.delta"}, {"delta", "!!!not base64!!!"}}), "base64");
    ends("data: {\"type\":\n\n", "JSON");
    ends("data: [1]\n\n", "object");
    ends("data: " + std::string(10'000'000, 'A') + "\n\n", "bytes");
    ends("data: " + std::string(100'000, '[') + "\n\n", "");
    with_every_voice([&](const VoiceRow& row) {
        for (const std::string odd : {"{\"type\":\"x\",\"error\":null}", "{\"type\":\"caf\xC3\x28\xFF\"}", "{\"type\":7,\"usage\":\"x\"}", "{\"type\":\"speech.audio.delta\",\"delta\":null}",
                                      "{\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":\"x\",\"output_tokens\":-1e99}}"}) {
            FakeModelServer server(sends("text/event-stream", "data: " + odd + "\n\n" + delta(bytes_of(tone(100))) + "data: [DONE]\n\n"));
            VoiceEar ear(*voice_of(row, server), "Hello there.");
            CHECK(ear.finish().order == "ad");
            CHECK(ear.usages == 0);
        }
    });
}

TEST_CASE("voices over HTTP: the server's own figures are told as totals over all parts") {
    with_every_voice([&](const VoiceRow& row) {
        FakeModelServer server(sends("text/event-stream", delta(bytes_of(tone(100))) + kSpeechDone + kSpeechDone));
        VoiceEar ear(*voice_of(row, server), "Hello there.");
        ear.finish();
        CHECK(ear.usages == 1);
        CHECK(ear.usage.input_tokens == 14);
        CHECK(ear.usage.output_tokens == 101);
        CHECK(ear.usage.characters == 12);
    });
    FakeModelServer server(sends("text/event-stream", delta(bytes_of(tone(100))) + kSpeechDone));
    VoiceEar ear(*voice_of(kVoiceRows[0], server, {{"max_characters", 50}}), "This is the first of two sentences. This is the second of them all.");
    ear.finish();
    CHECK(ear.usage.output_tokens == 202);
    CHECK(ear.usage.characters == 66);
}

TEST_CASE("voices over HTTP: nobody there is unreachable") {
    with_every_voice([&](const VoiceRow& row) {
        auto options = row.options;
        options.update({{"provider", row.name}, {"base_url", "http://127.0.0.1:1"}, {"first_audio_timeout", 10}});
        const auto voice = test::must(build_tts(options, test::context()));
        CHECK(VoiceEar(*voice, "Hello.").finish().error.code == Errc::Unreachable);
    });
}

TEST_CASE("voices over HTTP: each asks as its server wants it") {
    std::string seen;
    FakeModelServer server([&](const Connection& connection, int) {
        seen = connection.request();
        connection.head("200 OK", "audio/pcm");
        connection.send(bytes_of(tone(10)));
    });
    auto context = test::context();
    context.environment = [](const std::string& name) {
        return name == "MY_KEY" ? std::optional<std::string>("very-secret-key") : std::nullopt;
    };
    const auto ask = [&](json options) {
        options.update({{"base_url", server.url()}, {"api_key_env", "MY_KEY"}, {"headers", {{"X-Extra", "yes"}}}});
        const auto voice = test::must(build_tts(options, context));
        VoiceEar(*voice, "Fish & <chips>\n\"it's\" \x01 \xFF\xC3\xA9").finish();
        CHECK(seen.find("X-Extra: yes\r\n") != std::string::npos);
        return body_of(seen);
    };
    const std::string said = "Fish & <chips> \"it's\"   \xEF\xBF\xBD\xC3\xA9";
    auto body = json::parse(ask({{"provider", "openai"}, {"model", "m"}, {"voice", "v"}, {"speed", 1.5}, {"instructions", "softly"}, {"events", true}}));
    CHECK(seen.starts_with("POST /v1/audio/speech "));
    CHECK(seen.find("Authorization: Bearer very-secret-key\r\n") != std::string::npos);
    CHECK(body == json{{"model", "m"}, {"voice", "v"}, {"speed", 1.5}, {"instructions", "softly"}, {"stream_format", "sse"}, {"response_format", "pcm"}, {"input", said}});
    body = json::parse(ask({{"provider", "edge"}, {"format", "wav"}}));
    CHECK(body == json{{"model", "tts-1"}, {"voice", "en-US-AriaNeural"}, {"response_format", "wav"}, {"input", said}});
    const auto ssml = ask({{"provider", "azure"}, {"voice", "de-DE-KatjaNeural"}, {"speed", 1.2}});
    CHECK(seen.starts_with("POST /v1/cognitiveservices/v1 "));
    CHECK(seen.find("Ocp-Apim-Subscription-Key: very-secret-key\r\n") != std::string::npos);
    CHECK(seen.find("X-Microsoft-OutputFormat: raw-24khz-16bit-mono-pcm\r\n") != std::string::npos);
    CHECK(seen.find("Content-Type: application/ssml+xml\r\n") != std::string::npos);
    CHECK(seen.find("User-Agent: voicectl\r\n") != std::string::npos);
    CHECK(ssml == "<speak version=\"1.0\" xmlns=\"http://www.w3.org/2001/10/synthesis\" xml:lang=\"de-DE\"><voice name=\"de-DE-KatjaNeural\">"
                  "<prosody rate=\"1.20\">Fish &amp; &lt;chips&gt; &quot;it&apos;s&quot;   \xEF\xBF\xBD\xC3\xA9</prosody></voice></speak>");
    body = json::parse(ask({{"provider", "zonos"}, {"voice", "american_female"}, {"speaking_rate", 20}, {"language", "de"}, {"fmax", 22050}, {"pitch_std", 45},
                            {"emotion", {{"happiness", 0.6}}}, {"speaker_audio", VC_SOURCE_DIR "/.clang-format"}}));
    CHECK(seen.starts_with("POST /v1/v1/audio/text-to-speech "));
    CHECK(seen.find("X-API-Key: very-secret-key\r\n") != std::string::npos);
    CHECK(*base64_decode(body["speaker_audio"].get<std::string>()) == *read_file(VC_SOURCE_DIR "/.clang-format"));
    body.erase("speaker_audio");
    CHECK(body == json{{"text", said}, {"model", "zonos-v0.1-transformer"}, {"mime_type", "audio/wav"}, {"default_voice_name", "american_female"}, {"speaking_rate", 20.0},
                       {"language_iso_code", "de"}, {"fmax", 22050.0}, {"pitch_std", 45.0}, {"emotion", {{"happiness", 0.6}}}});
}

TEST_CASE("voices over HTTP: a header of the configuration takes the place of ours") {
    std::string seen;
    FakeModelServer server([&](const Connection& connection, int) {
        seen = connection.request();
        connection.head("200 OK", "audio/pcm");
        connection.send(bytes_of(tone(10)));
    });
    VoiceEar(*voice_of(kVoiceRows[2], server, {{"headers", {{"user-agent", "mine"}, {"X-Microsoft-OutputFormat", "raw-16khz-16bit-mono-pcm"}}}}), "Hello.").finish();
    CHECK(seen.find("user-agent: mine\r\n") != std::string::npos);
    CHECK(seen.find("User-Agent:") == std::string::npos);
    CHECK(seen.find("raw-24khz") == std::string::npos);
}

TEST_CASE("voices over HTTP: a slow one is warmed up once, and never heard") {
    FakeModelServer server(sends("audio/wav", wav(tone(10), 44100)));
    const auto voice = test::must(build_tts({{"provider", "zonos"}, {"base_url", server.url()}}, test::context()));
    test::LiveLoop loop;
    auto warm = loop.on_loop([&] { return voice->warm_up(loop.get()); });
    CHECK(warm);
    CHECK(loop.on_loop([&] { return voice->warm_up(loop.get()) == nullptr; }));
    VoiceEar(*voice, "Hello.").finish();
    loop.on_loop([&] { warm.reset(); });
    const auto cold = voice_of(kVoiceRows[0], server);
    CHECK(loop.on_loop([&] { return cold->warm_up(loop.get()) == nullptr; }));
}

TEST_CASE("voices over HTTP: wrong options are found when they are built, with the key named") {
    const auto fault = [](json options) {
        auto built = build_tts(options, test::context());
        REQUIRE(!built);
        return built.error().key;
    };
    const json openai{{"provider", "openai"}, {"base_url", "http://localhost:1/v1"}, {"model", "m"}};
    const auto with = [](json options, const json& more) { return options.update(more), options; };
    CHECK(fault({{"provider", "openai"}, {"model", "m"}}) == "api_key_env");
    CHECK(fault({{"provider", "openai"}, {"base_url", "http://localhost:1/v1"}}) == "model");
    CHECK(fault(with(openai, {{"voice", ""}})) == "voice");
    CHECK(fault(with(openai, {{"speed", 5}})) == "speed");
    CHECK(fault(with(openai, {{"format", "mp3"}})) == "format");
    CHECK(fault(with(openai, {{"first_token_timeout", 5}})) == "first_token_timeout");
    CHECK(fault(with(openai, {{"base_url", "ftp://x"}})) == "base_url");
    CHECK(fault({{"provider", "edge"}}) == "base_url");
    CHECK(fault({{"provider", "azure"}}) == "region");
    CHECK(fault({{"provider", "azure"}, {"region", "evil.example/"}}) == "region");
    CHECK(fault({{"provider", "azure"}, {"region", "westeurope"}}) == "api_key_env");
    const json zonos{{"provider", "zonos"}, {"base_url", "http://localhost:1"}};
    CHECK(fault(with(zonos, {{"speaker_audio", "/nowhere/me.wav"}})) == "speaker_audio");
    CHECK(fault(with(zonos, {{"speaking_rate", 50}})) == "speaking_rate");
    CHECK(fault(with(zonos, {{"vqscore", 0.7}})) == "vqscore");
    CHECK(fault(with(zonos, {{"model", "zonos-v0.1-hybrid"}, {"pitch_std", 20}})) == "pitch_std");
    CHECK(fault(with(zonos, {{"emotion", "happy"}})) == "emotion");
}
