#include <doctest/doctest.h>

#include "bench.h"
#include "commands/voice/connect.h"
#include "commands/voice/ear.h"

using namespace voicectl;
using namespace voicectl::commands;
using namespace std::chrono_literals;

TEST_CASE("what is said stands in its order") {
    const auto options = test::parsed<VoiceConnectOptions>(add_voice_connect, {"connect", "ws://h/v1/voice", "--text", "a", "--say", "b.wav", "--text", "c", "--record", "out.wav"});
    REQUIRE(options);
    CHECK(options->url == "ws://h/v1/voice");
    CHECK(options->steps == std::vector<VoiceConnectOptions::Step>{{false, "a"}, {true, "b.wav"}, {false, "c"}});
    CHECK(options->record == "out.wav");
    CHECK_FALSE(options->type);
}

TEST_CASE("a voice call that cannot be made is refused before anything is done") {
    struct Case {
        std::vector<std::string> arguments;
        std::string words;
    };
    for (const auto& [arguments, words] : {Case{{"ws://127.0.0.1:1/v1/voice"}, "nothing to say"}, Case{{"ftp://h/", "--text", "x"}, "is no URL"},
                                           Case{{"ws://127.0.0.1:1/", "--text", "x"}, "no token"},
                                           Case{{"ws://127.0.0.1:1/", "--type", "--token-file", "-"}, "standard input"},
                                           Case{{"ws://127.0.0.1:1/", "--say", "/nowhere.wav", "--token", "t0ken-t0ken"}, "--say"},
                                           Case{{"ws://127.0.0.1:1/", "--text", "x", "--metadata", "[]", "--token", "t0ken-t0ken"}, "--metadata"}}) {
        test::CommandBench bench;
        std::vector<std::string> line{"voice", "connect"};
        line.insert(line.end(), arguments.begin(), arguments.end());
        CAPTURE(words);
        CHECK(bench.run(line) == 2);
        CHECK(bench.talk.str().find(words) != std::string::npos);
        CHECK(bench.results.str().empty());
    }
}

TEST_CASE("a token on the line works with a warning, and nobody there is exit 7") {
    test::CommandBench bench;
    CHECK(bench.run({"voice", "connect", "ws://127.0.0.1:1/v1/voice", "--text", "x", "--token", "t0ken-t0ken"}) == 7);
    CHECK(bench.talk.str().find("read by every user") != std::string::npos);
    CHECK(bench.talk.str().find("t0ken") == std::string::npos);
}

TEST_CASE("what is heard is played in time, with silence where nothing came") {
    const TimePoint begin{1h};
    Ear ear(begin);
    CHECK(ear.play(begin).empty());
    ear.add(audio::Samples(1600, 7));
    auto heard = ear.play(begin + 50ms);
    CHECK(heard == audio::Samples(800, 7));
    CHECK_FALSE(ear.silent());
    heard = ear.play(begin + 150ms);
    CHECK(heard.size() == 1600);
    CHECK(heard[799] == 7);
    CHECK(heard[800] == 0);
    CHECK(ear.silent());
    ear.add(audio::Samples(1600, 7));
    ear.clear();
    CHECK(ear.play(begin + 250ms) == audio::Samples(1600, 0));
}

TEST_CASE("a server named by its address alone is asked where voice is") {
    CHECK(*voice_url("http://h:8080") == "ws://h:8080/v1/voice");
    CHECK(*voice_url("https://h/") == "wss://h:443/v1/voice");
    CHECK(*voice_url("ws://h/other") == "ws://h:80/other");
    CHECK_FALSE(voice_url("h:8080"));
}
