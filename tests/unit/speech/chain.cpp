#include "voicectl/speech/chain.h"

#include <doctest/doctest.h>

#include <cmath>

#include "support/fake_call.h"

using namespace voicectl;
using namespace voicectl::speech;
using namespace std::chrono_literals;

namespace {

/// Speaks letters of 60 ms, with a pause for a blank; breaks off after so much sound.
class ScriptedVoice final : public TextToSpeech {
 public:
    explicit ScriptedVoice(int rate_hz = 16000) : rate_(rate_hz) {}
    int rate_hz() const override { return rate_; }
    std::unique_ptr<TtsStream> speak(Loop& loop, const std::string& text, TtsSink sink) override {
        struct Stream final : TtsStream {
            explicit Stream(Loop& l) : timer(l) {}
            Timer timer;
        };
        spoken.push_back(text);
        auto stream = std::make_unique<Stream>(loop);
        stream->timer.after(50ms, [this, text, sink = std::move(sink)] {
            const auto sound = sound_of(text);
            const auto until = breaks_after ? std::min(sound.size(), samples(*breaks_after)) : sound.size();
            for (std::size_t at = 0; at < until; at += samples(20ms))
                sink.on_audio(audio::Samples(sound.begin() + static_cast<long>(at), sound.begin() + static_cast<long>(std::min(until, at + samples(20ms)))));
            if (breaks_after) sink.on_error({Errc::Unreachable, "gone", ""});
            else sink.on_done();
        });
        return stream;
    }
    audio::Samples sound_of(const std::string& text) const {
        audio::Samples out;
        for (const char letter : text)
            for (std::size_t i = 0; i < samples(60ms); ++i)
                out.push_back(letter == ' ' ? 0 : static_cast<std::int16_t>(8000 * std::sin(static_cast<double>(i) * 0.3)));
        return out;
    }
    std::size_t samples(std::chrono::milliseconds time) const { return static_cast<std::size_t>(time.count() * rate_ / 1000); }
    std::vector<std::string> spoken;
    std::optional<std::chrono::milliseconds> breaks_after;

 private:
    int rate_;
};

template<class Engine>
struct Pair {
    Engine first, second;
    Breaker one, two;
    std::vector<Moved> moves;
    std::shared_ptr<Standing> standing(ChainRules rules = {}) {
        return std::make_shared<Standing>(std::vector<std::string>{"first", "second"}, std::vector<Breaker*>{&one, &two}, rules,
                                          [this](const Moved& moved) { moves.push_back(moved); });
    }
};

struct Hearing {
    test::FakeLoop loop;
    std::size_t samples = 0;
    int done = 0, errors = 0;
    std::unique_ptr<TtsStream> stream;
    void say(TextToSpeech& voice, const std::string& text) {
        stream = voice.speak(loop, text, {.on_audio = [this](const audio::Samples& chunk) { samples += chunk.size(); },
                                          .on_done = [this] { ++done; },
                                          .on_error = [this](const Error&) { ++errors; }});
        loop.advance(2s);
    }
};

}  // namespace

TEST_CASE("a voice that fails before its first sound is followed by the next with the whole text") {
    Pair<ScriptedVoice> pair;
    pair.first.breaks_after = 0ms;
    const auto chain = chain_tts({&pair.first, &pair.second}, pair.standing());
    Hearing hearing;
    hearing.say(*chain, "we are open");
    CHECK(hearing.done == 1);
    CHECK(hearing.errors == 0);
    CHECK(pair.second.spoken == std::vector<std::string>{"we are open"});
    CHECK(hearing.samples == pair.second.sound_of("we are open").size());
    REQUIRE(pair.moves.size() == 1);
    CHECK(pair.moves[0].to == "second");
}

TEST_CASE("a voice that breaks off in mid-sentence is followed from that word on: none twice, none lost") {
    const std::string text = "we are open from nine in the morning until ten in the evening";
    for (const auto after : {700ms, 1500ms, 2000ms, 3000ms}) {
        CAPTURE(after.count());
        Pair<ScriptedVoice> pair;
        pair.first.breaks_after = after;
        const auto chain = chain_tts({&pair.first, &pair.second}, pair.standing());
        Hearing hearing;
        hearing.say(*chain, text);
        CHECK(hearing.done == 1);
        REQUIRE(pair.second.spoken.size() == 1);
        const auto& rest = pair.second.spoken[0];
        REQUIRE(text.ends_with(rest));
        CHECK(rest.front() == ' ');  // a whole number of words
        // What the first voice gave is just the words that the second left out.
        const auto first = hearing.samples - pair.second.sound_of(rest).size();
        const auto words = pair.first.sound_of(text.substr(0, text.size() - rest.size())).size();
        CHECK(std::abs(static_cast<double>(first) - static_cast<double>(words)) <= static_cast<double>(pair.first.samples(60ms)));
    }
}

TEST_CASE("three strikes, and the chain has moved on for good") {
    Pair<ScriptedVoice> pair;
    pair.first.breaks_after = 0ms;
    pair.one = Breaker({.least = 100});  // out of the way
    const auto chain = chain_tts({&pair.first, &pair.second}, pair.standing());
    Hearing hearing;
    for (int i = 0; i < 5; ++i) hearing.say(*chain, "hello");
    CHECK(pair.first.spoken.size() == 3);
    CHECK(pair.second.spoken.size() == 5);
    REQUIRE(pair.moves.size() == 3);
    CHECK(pair.moves[2].for_good);
    CHECK_FALSE(pair.moves[1].for_good);
    pair.first.breaks_after.reset();
    hearing.loop.advance(1h);
    hearing.say(*chain, "hello");
    CHECK(pair.first.spoken.size() == 3);
}

TEST_CASE("with recover the first choice is asked again once its breaker lets it") {
    Pair<ScriptedVoice> pair;
    pair.first.breaks_after = 0ms;
    const auto chain = chain_tts({&pair.first, &pair.second}, pair.standing({.recover = true}));
    Hearing hearing;
    for (int i = 0; i < 5; ++i) hearing.say(*chain, "hello");
    CHECK(pair.first.spoken.size() == 3);
    pair.first.breaks_after.reset();
    hearing.loop.advance(31s);
    hearing.say(*chain, "hello");
    hearing.say(*chain, "hello");
    CHECK(pair.first.spoken.size() == 5);
    CHECK(pair.second.spoken.size() == 5);
}

TEST_CASE("an open breaker keeps other calls from waiting for what is down, but the last one is always asked") {
    Pair<ScriptedVoice> pair;
    pair.first.breaks_after = pair.second.breaks_after = 0ms;
    Hearing hearing;
    for (int i = 0; i < 3; ++i) pair.one.failed(hearing.loop.now(), false), pair.two.failed(hearing.loop.now(), false);
    const auto chain = chain_tts({&pair.first, &pair.second}, pair.standing());
    hearing.say(*chain, "hello");
    CHECK(pair.first.spoken.empty());
    CHECK(pair.second.spoken.size() == 1);
    CHECK(hearing.errors == 1);
    REQUIRE(pair.moves.size() == 1);
    CHECK(pair.moves[0].to.empty());
}

TEST_CASE("voices of different rates come out at the higher one") {
    ScriptedVoice low(8000), high(24000);
    Breaker one, two;
    low.breaks_after = 0ms;
    const auto standing = std::make_shared<Standing>(std::vector<std::string>{"low", "high"}, std::vector<Breaker*>{&one, &two}, ChainRules{}, nullptr);
    const auto chain = chain_tts({&low, &high}, standing);
    CHECK(chain->rate_hz() == 24000);
    Hearing hearing;
    hearing.say(*chain, "hello you");
    CHECK(hearing.samples == high.sound_of("hello you").size());
    low.breaks_after.reset();
    hearing.samples = 0;
    hearing.say(*chain, "hello you");
    CHECK(std::abs(static_cast<double>(hearing.samples) - static_cast<double>(high.sound_of("hello you").size())) < 240);
}

TEST_CASE("a stand-in of a recogniser hears what nobody has answered yet, with the ends of its utterances") {
    Pair<test::FakeEar> pair;
    const auto chain = chain_stt({&pair.first, &pair.second}, pair.standing());
    test::FakeLoop loop;
    std::vector<std::string> finals;
    int errors = 0;
    auto stream = chain->open(loop, {.on_partial = {}, .on_final = [&](const std::string& text) { finals.push_back(text); }, .on_error = [&](const Error&) { ++errors; }});
    stream->push(audio::Samples(1600));
    stream->end_utterance();
    pair.first.sink.on_final("one");
    stream->push(audio::Samples(800));  // of the second utterance
    stream->push(audio::Samples(800));
    stream->end_utterance();
    stream->push(audio::Samples(320));  // of the third
    pair.first.sink.on_error({Errc::Unreachable, "gone", ""});
    stream->push(audio::Samples(80));   // before the other is there
    loop.settle();
    CHECK(pair.second.heard_samples == 2000);
    CHECK(pair.second.utterances == 1);
    pair.second.sink.on_final("two");
    stream->push(audio::Samples(100));
    stream->end_utterance();
    CHECK(pair.second.heard_samples == 2100);
    pair.second.sink.on_final("three");
    CHECK(finals == std::vector<std::string>{"one", "two", "three"});
    CHECK(errors == 0);
    pair.second.sink.on_error({Errc::Unreachable, "gone, too", ""});
    CHECK(errors == 1);
}

TEST_CASE("between utterances the first recogniser is tried again, until it is struck out") {
    Pair<test::FakeEar> pair;
    const auto chain = chain_stt({&pair.first, &pair.second}, pair.standing({.strikes = 2}));
    test::FakeLoop loop;
    std::vector<std::string> finals;
    auto stream = chain->open(loop, {.on_partial = {}, .on_final = [&](const std::string& text) { finals.push_back(text); }, .on_error = [](const Error&) { FAIL("nobody is left"); }});
    const auto utter = [&](test::FakeEar& by, const char* words) {
        stream->push(audio::Samples(100));
        stream->end_utterance();
        by.sink.on_final(words);
        loop.settle();
    };
    pair.first.sink.on_error({Errc::Unreachable, "gone", ""});
    loop.settle();
    utter(pair.second, "one");
    utter(pair.first, "two");
    pair.first.sink.on_error({Errc::Unreachable, "gone again", ""});
    loop.settle();
    utter(pair.second, "three");
    utter(pair.second, "four");
    CHECK(finals == std::vector<std::string>{"one", "two", "three", "four"});
    REQUIRE(pair.moves.size() == 2);
    CHECK(pair.moves[1].for_good);
}
