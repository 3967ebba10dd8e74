// The same cases for every speech-to-text engine, and what is PocketSphinx's own.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engines.h"
#include "support/leaks.h"
#include "voicectl/audio/resampler.h"

using namespace voicectl;
using namespace voicectl::speech;
using test::heard;
using test::spoken;

namespace {

const std::vector<std::string> kSentences{"what are your opening hours", "where can i find you", "good morning",
                                          "a table for two please"};

struct Case {
    std::string name;
    SpeechToText& (*engine)();
};
SpeechToText& sentences() {
    static const auto engine = test::must(build_stt({{"provider", "pocketsphinx"}, {"phrases", kSentences}}, test::context()));
    return *engine;
}
const Case kCases[] = {{"pocketsphinx with sentences", &sentences}, {"pocketsphinx with its full model", &test::full_model}};

/// Speech of flite at 16 kHz with `seconds` of quiet around it.
audio::Samples with_room(const std::string& text, double seconds) {
    const auto speech = audio::resample(spoken(test::flite(), text), 16000).samples;
    audio::Samples all(static_cast<std::size_t>(seconds * 16000));
    all.insert(all.end(), speech.begin(), speech.end());
    all.resize(all.size() + static_cast<std::size_t>(seconds * 16000));
    return all;
}

/// Decoding takes its time on a busy machine or under a sanitizer.
constexpr std::chrono::seconds kPatience{120};

struct Listener {
    test::LiveLoop loop;
    test::Waiter waiter;
    std::vector<std::string> finals, partials;
    std::string order;  // p: partial, f: final, e: error
    std::unique_ptr<SttStream> stream;

    explicit Listener(SpeechToText& engine) {
        const auto note = [this](char what, std::vector<std::string>* list, const std::string& text) {
            waiter.change([&] {
                order += what;
                if (list) list->push_back(text);
            });
        };
        loop.on_loop([&] {
            stream = engine.open(loop.get(), {.on_partial = [=, this](const std::string& text) { note('p', &partials, text); },
                                              .on_final = [=, this](const std::string& text) { note('f', &finals, text); },
                                              .on_error = [=](const Error& error) { note('e', nullptr, error.message); }});
        });
    }
    ~Listener() {
        loop.on_loop([this] { stream.reset(); });
    }
    void push(const audio::Samples& samples, std::size_t chunk = 320) {
        loop.on_loop([&] {
            for (audio::SampleView rest(samples); !rest.empty(); rest = rest.subspan(std::min(chunk, rest.size())))
                stream->push(rest.first(std::min(chunk, rest.size())));
        });
    }
    void end() {
        loop.on_loop([&] { stream->end_utterance(); });
    }
    bool wait_for_finals(std::size_t count) {
        return waiter.wait([&] { return finals.size() >= count || order.ends_with('e'); }, kPatience) && finals.size() == count;
    }
};

bool has_word(const std::string& text, const std::string& word) { return (" " + text + " ").find(" " + word + " ") != std::string::npos; }

}  // namespace

TEST_CASE("one stream hears sentence after sentence, the first as well as the last") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener listener(engine());
        const std::vector<std::string> words{"opening", "find", "morning", "table"};
        for (std::size_t i = 0; i < kSentences.size(); ++i) {
            listener.push(with_room(kSentences[i], 0.3));
            listener.end();
            REQUIRE(listener.wait_for_finals(i + 1));
            CAPTURE(listener.finals.back());
            CHECK(has_word(listener.finals.back(), words[i]));
        }
    }
}

TEST_CASE("an utterance without audio, of silence, or of digital zeros is final and empty") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener listener(engine());
        listener.end();
        REQUIRE(listener.wait_for_finals(1));
        CHECK(listener.finals[0].empty());
        listener.push(audio::Samples(16000));
        listener.end();
        REQUIRE(listener.wait_for_finals(2));
        CHECK(listener.finals[1].empty());
        listener.push(with_room("good morning", 0.3));  // and still hears afterwards
        listener.end();
        REQUIRE(listener.wait_for_finals(3));
        CHECK(has_word(listener.finals[2], "morning"));
    }
}

TEST_CASE("a script hears its lines in turn, nothing in silence, and each caller from the start") {
    const auto engine = test::must(build_stt({{"provider", "script"}, {"lines", {"one", "two"}}}, test::context()));
    Listener listener(*engine), other(*engine);
    const auto speech = with_room("good morning", 0.2);
    const auto turn = [](Listener& who, const audio::Samples& sound) {
        const auto count = who.finals.size() + 1;
        who.push(sound);
        who.end();
        REQUIRE(who.wait_for_finals(count));
        return who.finals.back();
    };
    CHECK(turn(listener, speech) == "one");
    CHECK(turn(listener, audio::Samples(16000)).empty());
    CHECK(turn(listener, {}).empty());
    CHECK(turn(listener, speech) == "two");
    CHECK(turn(listener, speech) == "one");
    CHECK(turn(other, speech) == "one");
    CHECK(listener.partials.empty());
    listener.push(speech);
    bool told = false;
    listener.loop.on_loop([&] { told = listener.stream->tell_so_far(); });
    CHECK(told);
    CHECK(listener.waiter.wait([&] { return listener.partials == std::vector<std::string>{"two"}; }, kPatience));
}

TEST_CASE("a script without lines is a fault") {
    for (const auto& options : {nlohmann::json{{"provider", "script"}}, nlohmann::json{{"provider", "script"}, {"lines", nlohmann::json::array()}}}) {
        const auto built = build_stt(options, test::context());
        REQUIRE_FALSE(built);
        CHECK(built.error().key == "lines");
    }
}

TEST_CASE("partials come before the final and grow towards it") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener listener(engine());
        listener.push(with_room("a table for two please", 0.4));
        listener.end();
        REQUIRE(listener.wait_for_finals(1));
        CHECK(!listener.partials.empty());
        CHECK(listener.order.find('f') == listener.order.size() - 1);
    }
}

TEST_CASE("nothing blocks the loop, and one answer comes per end of an utterance") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener listener(engine());
        const auto audio = with_room("where can i find you", 0.3);
        const auto longest = listener.loop.on_loop([&] {
            const auto begin = Clock::now();
            for (int i = 0; i < 3; ++i) {
                listener.stream->push(audio);
                listener.stream->end_utterance();
            }
            return Clock::now() - begin;
        });
        CHECK(longest < std::chrono::milliseconds(300));  // decoding takes seconds
        REQUIRE(listener.wait_for_finals(3));
        for (const auto& text : listener.finals) CHECK(has_word(text, "find"));
    }
}

TEST_CASE("two streams at once hear their own callers") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener first(engine()), second(engine());
        const auto morning = with_room("good morning", 0.3), table = with_room("a table for two please", 0.3);
        for (std::size_t at = 0; at < std::max(morning.size(), table.size()); at += 1600) {
            const auto part = [at](const audio::Samples& all) {
                const auto begin = std::min(at, all.size()), end = std::min(at + 1600, all.size());
                return audio::Samples(all.begin() + static_cast<long>(begin), all.begin() + static_cast<long>(end));
            };
            first.push(part(morning));
            second.push(part(table));
        }
        first.end();
        second.end();
        REQUIRE(first.wait_for_finals(1));
        REQUIRE(second.wait_for_finals(1));
        CHECK(has_word(first.finals[0], "morning"));
        CHECK(has_word(second.finals[0], "table"));
    }
}

TEST_CASE("a dropped stream says nothing more, and its decoder serves the next caller") {
    for (const auto& [name, engine] : kCases) {
        CAPTURE(name);
        Listener listener(engine());
        listener.push(with_room("what are your opening hours", 0.3));
        listener.loop.on_loop([&] {
            listener.stream->end_utterance();
            listener.stream.reset();
        });
        const auto size = listener.loop.on_loop([&] { return listener.order.size(); });
        CHECK(has_word(heard(engine(), spoken(test::flite(), "good morning")), "morning"));
        CHECK(listener.loop.on_loop([&] { return listener.order.size(); }) == size);
        CHECK(listener.finals.empty());
    }
}

TEST_CASE("a grammar with decoys tells the wrong sentence from the expected one") {
    const std::string expected = "we are open from nine to five";
    const std::vector<std::string> all{expected, "we are closed on sundays", "our address is twelve main street",
                                       "i have booked a table for four", "thank you and goodbye"};
    const auto engine = test::must(build_stt({{"provider", "pocketsphinx"}, {"phrases", all}}, test::context()));
    CHECK(heard(*engine, spoken(test::flite(), expected)) == expected);
    // Sentences outside the grammar are not tried: it hears one of its own in anything (see the provider).
    for (const std::string wrong : {"we are closed on sundays", "our address is twelve main street", "thank you and goodbye"}) {
        CAPTURE(wrong);
        CHECK(heard(*engine, spoken(test::flite(), wrong)) != expected);
    }
}

TEST_CASE("a JSGF grammar works inline and from a file, with numbers left open") {
    const std::string grammar =
        "#JSGF V1.0; /* of ; numbers */ grammar g; // and\n<n> = one | two | three | four;\npublic <booking> = a table for <n> people;\n";
    const auto inline_one = test::must(build_stt({{"provider", "pocketsphinx"}, {"grammar", grammar}}, test::context()));
    CHECK(heard(*inline_one, spoken(test::flite(), "A table for three people.")) == "a table for three people");
    CHECK(heard(*inline_one, spoken(test::flite(), "A table for four people.")) == "a table for four people");
    std::string path = (std::filesystem::temp_directory_path() / "voicectl-grammar-XXXXXX").string();
    close(mkstemp(path.data()));
    std::ofstream(path) << grammar;
    const auto from_file = test::must(build_stt({{"provider", "pocketsphinx"}, {"grammar", path}}, test::context()));
    CHECK(heard(*from_file, spoken(test::espeak(), "A table for two people.")) == "a table for two people");
    std::filesystem::remove(path);
}

TEST_CASE("digits in sentences are heard as words") {
    const auto engine = test::must(build_stt(
        {{"provider", "pocketsphinx"}, {"phrases", {"Open 9am to 5:30 pm!", "Dr. Smith, please."}}}, test::context()));
    CHECK(heard(*engine, spoken(test::flite(), "doctor smith please")) == "doctor smith please");
}

TEST_CASE("wrong options of the recogniser are found when it is built, with the key named") {
    const auto fault = [](nlohmann::json options) {
        options["provider"] = "pocketsphinx";
        auto built = build_stt(options, test::context());
        REQUIRE(!built);
        CHECK(built.error().message.find('\n') == std::string::npos);
        return built.error();
    };
    CHECK(fault({{"phrase", {"hello"}}}).key == "phrase");
    CHECK(fault({{"phrases", "hello"}}).key == "phrases");
    CHECK(fault({{"phrases", nlohmann::json::array()}}).key == "phrases");
    CHECK(fault({{"phrases", {"hello", 3}}}).key == "phrases[1]");
    CHECK(fault({{"phrases", {"hello", " ?! "}}}).key == "phrases[1]");
    const auto unknown = fault({{"phrases", {"hello", "hello voicectlish world"}}});
    CHECK(unknown.key == "phrases[1]");
    CHECK(unknown.message.find("'voicectlish'") != std::string::npos);
    CHECK(fault({{"grammar", "#JSGF V1.0; grammar g; public <s> = hello voicectlish;"}}).message.find("'voicectlish'") != std::string::npos);
    const test::LeaksForgiven theirs;  // libsphinxbase's parser does not free what it had of a grammar that is wrong
    CHECK(fault({{"grammar", "#JSGF V1.0; grammar g; public <s> = ( hello ;"}}).key == "grammar");
    CHECK(fault({{"grammar", "#JSGF V1.0; grammar g; <s> = hello;"}}).key == "grammar");
    CHECK(fault({{"grammar", "#JSGF V1.0; grammar g; public <s> = <missing>;"}}).key == "grammar");
    CHECK(fault({{"grammar", "#JSGF V1.0; grammar g; }} stray ]] text; public <s> = hello;"}}).key == "grammar");
    CHECK(fault({{"grammar", "#JSGF V1.0; grammar g; public <s> = hello"}}).key == "grammar");
    CHECK(fault({{"grammar", "absent.jsgf"}}).key == "grammar");
    CHECK(fault({{"grammar", "/proc/self/exe"}}).key == "grammar");
    CHECK(fault({{"language_model", "/proc/self/exe"}}).message.find("not a dump file") != std::string::npos);
    CHECK(fault({{"grammar", "#JSGF V1.0;"}, {"phrases", {"hello"}}}).key == "grammar");
    CHECK(fault({{"model", "/nowhere"}}).key == "model");
    CHECK(fault({{"dictionary", "/nowhere"}}).key == "dictionary");
    CHECK(fault({{"language_model", "/nowhere"}}).key == "language_model");
}

TEST_CASE("library versions name every engine") {
    const auto versions = library_versions();
    REQUIRE(versions.size() == 3);
    for (const auto& [name, version] : versions) CHECK_MESSAGE(version.find("not installed") == std::string::npos, name);
}
