// The same cases for every text-to-speech engine.
#include <atomic>

#include "engines.h"

using namespace voicectl;
using namespace voicectl::speech;

namespace {

struct Case {
    std::string name;
    TextToSpeech& (*engine)();
};
const Case kCases[] = {{"flite", &test::flite}, {"espeak-ng", &test::espeak}};

/// Listens to one stream and keeps what happened, in order.
struct Listener {
    test::LiveLoop loop;
    test::Waiter waiter;
    std::string order;  // a: audio, d: done, e: error
    std::size_t samples = 0;
    bool off_loop = false;
    std::unique_ptr<TtsStream> stream;

    TtsSink sink() {
        const auto note = [this](char what, std::size_t count = 0) {
            waiter.change([&] {
                if (what != 'a' || !order.ends_with('a')) order += what;
                samples += count;
                off_loop = off_loop || !loop.get().is_current();
            });
        };
        return {.on_audio = [note](const audio::Samples& chunk) { note('a', chunk.size()); },
                .on_done = [note] { note('d'); },
                .on_error = [note](const Error&) { note('e'); }};
    }
    void speak(TextToSpeech& engine, const std::string& text) {
        loop.on_loop([&] { stream = engine.speak(loop.get(), text, sink()); });
    }
    bool finished() {
        return waiter.wait([this] { return order.ends_with('d') || order.ends_with('e'); }, std::chrono::seconds(120));
    }
    ~Listener() {
        loop.on_loop([this] { stream.reset(); });
    }
};

}  // namespace

TEST_CASE("audio first, then done, all on the loop, none of it inside speak()") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener listener;
        const auto before = listener.loop.on_loop([&] {
            listener.stream = engine().speak(listener.loop.get(), "Hello, how can I help you?", listener.sink());
            return listener.order;
        });
        CHECK(before.empty());
        REQUIRE(listener.finished());
        CHECK(listener.order == "ad");
        CHECK(!listener.off_loop);
        const auto seconds = static_cast<double>(listener.samples) / engine().rate_hz();
        CHECK(seconds > 0.8);
        CHECK(seconds < 4);
    }
}

TEST_CASE("empty text and text without words end at once and without an error") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        for (const auto& text : {std::string(), std::string("   \n"), std::string(3, '\0')})
            CHECK(test::spoken(engine(), text).samples.empty());
        CHECK(audio::speech_bounds(test::spoken(engine(), "...")).empty());
    }
}

TEST_CASE("the first sound comes long before the last of a long text") {
    std::string text;
    for (int i = 0; i < 30; ++i) text += "This is one of many sentences that are spoken one after the other. ";
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener listener;
        listener.speak(engine(), text);
        REQUIRE(listener.waiter.wait([&] { return listener.samples > 0; }));
        CHECK(!listener.order.ends_with('d'));
        listener.loop.on_loop([&] { listener.stream.reset(); });
    }
}

TEST_CASE("a text without any sign to cut it at is spoken to its end") {
    std::string text;
    for (int i = 0; i < 200; ++i) text += "word ";
    const std::string endless(3000, 'a');
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        const auto pcm = test::spoken(engine(), text);
        CHECK(pcm.duration() > std::chrono::seconds(40));
        CHECK(speech::synthesise(engine(), endless));
    }
}

TEST_CASE("a dropped stream says nothing more and makes way for the next text") {
    std::string text;
    for (int i = 0; i < 200; ++i) text += "This sentence is never heard to its end. ";
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener listener;
        listener.speak(engine(), text);
        REQUIRE(listener.waiter.wait([&] { return listener.samples > 0; }));
        const auto samples = listener.loop.on_loop([&] {
            listener.stream.reset();
            return listener.samples;
        });
        CHECK(!test::spoken(engine(), "Next.").samples.empty());  // after it in the engine's line
        const auto later = listener.loop.on_loop([&] { return listener.samples; });
        CHECK(samples == later);
        CHECK(listener.order == "a");
    }
}

TEST_CASE("a stream may be dropped from its own callback") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        test::LiveLoop loop;
        test::Waiter waiter;
        int calls = 0;
        std::unique_ptr<TtsStream> stream;
        loop.on_loop([&] {
            stream = engine().speak(loop.get(), "Dropped at the first sound, and then nothing.",
                                    {.on_audio = [&](const audio::Samples&) { stream.reset(), waiter.change([&] { ++calls; }); },
                                     .on_done = [&] { waiter.change([&] { calls += 100; }); },
                                     .on_error = [&](const Error&) { waiter.change([&] { calls += 100; }); }});
        });
        REQUIRE(waiter.wait([&] { return calls > 0; }));
        CHECK(!test::spoken(engine(), "Next.").samples.empty());
        loop.on_loop([&] { CHECK(calls == 1); });
    }
}

TEST_CASE("two streams at once both come to their end, and the short one need not wait for the long one") {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "This is one of many sentences. ";
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener long_one, short_one;
        long_one.speak(engine(), text);
        short_one.speak(engine(), "Short.");
        REQUIRE(short_one.finished());
        CHECK(long_one.loop.on_loop([&] { return long_one.order; }).find('d') == std::string::npos);
        REQUIRE(long_one.finished());
        CHECK(long_one.order == "ad");
        CHECK(short_one.order == "ad");
    }
}

TEST_CASE("a text sounds the same beside another as alone") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        const std::string text = "The table is booked.";
        // eSpeak NG's lengths vary by a percent or two from one time to the next.
        const auto alone = doctest::Approx(static_cast<double>(test::spoken(engine(), text).samples.size())).epsilon(0.04);
        Listener first, second;
        first.speak(engine(), text);
        second.speak(engine(), text);
        REQUIRE(first.finished());
        REQUIRE(second.finished());
        CHECK(static_cast<double>(first.samples) == alone);
        CHECK(static_cast<double>(second.samples) == alone);
    }
}

TEST_CASE("odd characters neither stop an engine nor are taken as commands") {
    const std::string plain = "Hello there my friend";
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        for (const std::string text :
             {"\"Hello\" there 'my' friend", "<b>Hello</b> there & my <speak> friend", "Hello \xF0\x9F\x98\x80 there my friend",
              "Hello\nthere\tmy\rfriend", "Hello th\xC3\xA9re m\xC3\xA7 friend", "Hello \xFF\xFE there \xC3( my friend",
              "[[h@loU]] there my friend", "Hello\x01\x1B[31m there my friend", "%s%n%d Hello there", "Hello there — my “friend”…"}) {
            CAPTURE(text);
            const auto pcm = test::spoken(engine(), text);
            CHECK(pcm.duration() > std::chrono::milliseconds(700));
        }
    }
}

TEST_CASE("every voice of flite speaks at its own rate, and speed changes the length") {
    for (const std::string voice : {"slt", "kal", "kal16", "rms", "awb"}) {
        CAPTURE(voice);
        const auto engine = test::must(build_tts({{"provider", "flite"}, {"voice", voice}}, test::context()));
        CHECK(engine->rate_hz() == (voice == "kal" ? 8000 : 16000));
        const auto normal = test::spoken(*engine, "This is a test of my voice.");
        CHECK(normal.duration() > std::chrono::seconds(1));
        CHECK(audio::measure(normal.samples).rms_dbfs > -35);
        const auto quick = test::must(build_tts({{"provider", "flite"}, {"voice", voice}, {"speed", 1.5}}, test::context()));
        const auto ratio = static_cast<double>(test::spoken(*quick, "This is a test of my voice.").samples.size()) /
                           static_cast<double>(normal.samples.size());
        CHECK(ratio < 0.75);
        CHECK(ratio > 0.55);
    }
}

TEST_CASE("eSpeak NG keeps the settings of two providers apart") {
    const auto slow = test::must(build_tts({{"provider", "espeak-ng"}, {"rate", 100}, {"voice", "en-gb"}}, test::context()));
    const auto quick = test::must(build_tts({{"provider", "espeak-ng"}, {"rate", 300}, {"voice", "de"}}, test::context()));
    const auto length = [](TextToSpeech& engine) {
        return static_cast<double>(test::spoken(engine, "One two three four five").samples.size());
    };
    const auto first = length(*slow);
    CHECK(length(*quick) * 2 < first);
    CHECK(length(*slow) == doctest::Approx(first).epsilon(0.04));
}

TEST_CASE("wrong options of the voices are found when they are built, with the key named") {
    const auto fault = [](const nlohmann::json& options) {
        auto built = build_tts(options, test::context());
        REQUIRE(!built);
        CHECK(!built.error().message.empty());
        return built.error().key;
    };
    CHECK(fault({{"provider", "flite"}, {"voice", "nobody"}}) == "voice");
    CHECK(fault({{"provider", "flite"}, {"voice", 7}}) == "voice");
    CHECK(fault({{"provider", "flite"}, {"speed", 0}}) == "speed");
    CHECK(fault({{"provider", "flite"}, {"sped", 1}}) == "sped");
    CHECK(fault({{"provider", "espeak-ng"}, {"voice", "xx-nowhere"}}) == "voice");
    CHECK(fault({{"provider", "espeak-ng"}, {"voice", "../../../etc/passwd"}}) == "voice");
    CHECK(fault({{"provider", "espeak-ng"}, {"voice", "en-zz"}}) == "voice");
    CHECK(fault({{"provider", "espeak-ng"}, {"voice", ".."}}) == "voice");
    CHECK(fault({{"provider", "espeak-ng"}, {"rate", 10}}) == "rate");
    CHECK(fault({{"provider", "espeak-ng"}, {"rate", 100.5}}) == "rate");
    CHECK(fault({{"provider", "espeak-ng"}, {"pitch", "high"}}) == "pitch");
}
