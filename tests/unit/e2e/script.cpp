#include "voicectl/e2e/script.h"

#include <doctest/doctest.h>

using namespace voicectl;
using namespace voicectl::e2e;

TEST_CASE("a script has turns of text or audio, each with or without an expectation") {
    const auto script = parse_script("greeting: Hi there\nturns:\n  - say: a\n    expect: b\n  - audio: q.wav\n", "dir/s.yaml");
    REQUIRE(script);
    CHECK(script->greeting == "Hi there");
    CHECK(script->greets);
    REQUIRE(script->turns.size() == 2);
    CHECK(script->turns[0].say == "a");
    CHECK(script->turns[0].expect == "b");
    CHECK(script->turns[1].audio_file == "dir/q.wav");
}

TEST_CASE("mistakes in a script name file and line") {
    const auto line_of = [](const char* yaml) {
        const auto script = parse_script(yaml, "s.yaml");
        REQUIRE_FALSE(script);
        CHECK(script.error().code == Errc::Config);
        return script.error().message.substr(0, script.error().message.find(": "));
    };
    CHECK(line_of("turns:\n  - say: a\n    expct: b\n") == "s.yaml:3");
    CHECK(line_of("turns:\n  - say: a\n  - expect: b\n") == "s.yaml:3");
    CHECK(line_of("turns:\n  - say: a\n    audio: b\n") == "s.yaml:2");
    CHECK(line_of("turns: []\n") == "s.yaml:1");
    CHECK(line_of("- a\n") == "s.yaml:1");
    CHECK(line_of("turn: []\n") == "s.yaml:1");
    CHECK(line_of("turns: [\n").starts_with("s.yaml:"));
}
