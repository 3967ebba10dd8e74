// What a turn of a script may be besides a question and its answer.
#include <doctest/doctest.h>

#include "voicectl/e2e/script.h"

using namespace voicectl;
using namespace voicectl::e2e;
using namespace std::chrono_literals;

namespace {

std::string fault_of(const std::string& turns) {
    const auto script = parse_script("turns:\n" + turns, "s.yaml");
    return script ? "" : script.error().message;
}

}  // namespace

TEST_CASE("a turn may be silence, may be spoken over, and may end the call") {
    const auto script = parse_script(
        "turns:\n  - {say: a, pause: 2s}\n  - {say: b, over: 1500ms, stops: 700ms}\n  - {say: c, over: 1s, expect: d}\n"
        "  - {say: d, over: 1s, goes_on: true}\n  - {silence: 8s, expect: hello, ends: true}\n", "s.yaml");
    REQUIRE_MESSAGE(script, (script ? "" : script.error().message));
    const auto& turns = script->turns;
    REQUIRE(turns.size() == 5);
    CHECK(turns[0].pause == 2s);
    CHECK(turns[1].over == 1500ms);
    CHECK(turns[1].stops == 700ms);
    CHECK(turns[2].stops == 1s);  // unless it says otherwise
    CHECK(turns[3].goes_on);
    CHECK_FALSE(turns[3].stops);
    CHECK(turns[4].silence == 8s);
    CHECK_FALSE(turns[4].speaks());
    CHECK(turns[4].ends);
}

TEST_CASE("turns that make no sense are told with their line") {
    CHECK(fault_of("  - {silence: 2s, say: a}\n").starts_with("s.yaml:2: a turn needs one of"));
    CHECK(fault_of("  - {say: x}\n  - {expect: a}\n").starts_with("s.yaml:3: a turn needs one of"));
    CHECK(fault_of("  - {silence: 2s, over: 1s}\n").find("neither") != std::string::npos);
    CHECK(fault_of("  - {say: a, stops: 1s}\n").find("they need `over`") != std::string::npos);
    CHECK(fault_of("  - {say: a, goes_on: true}\n").find("they need `over`") != std::string::npos);
    CHECK(fault_of("  - {say: a, over: 1s, stops: 1s, goes_on: true}\n").find("either") != std::string::npos);
    CHECK(fault_of("  - {say: a, over: 1s, goes_on: true, expect: b}\n").find("does not answer") != std::string::npos);
    CHECK(fault_of("  - {say: a, over: 1s, pause: 1s}\n").find("no `pause`") != std::string::npos);
    CHECK(fault_of("  - {say: a, ends: true}\n  - {say: b}\n").starts_with("s.yaml:3: the call has ended"));
    CHECK(fault_of("  - {say: a}\n  - {say: b, over: 1s, goes_on: true}\n").starts_with("s.yaml:3: `goes_on` needs an `expect`"));
    CHECK(fault_of("  - {say: a, over: 1s, goes_on: true}\n  - {say: b, over: 1s}\n").starts_with("s.yaml:3: the turn before has no answer"));
    CHECK(fault_of("  - {say: a, pause: soon}\n").starts_with("s.yaml:2: pause:"));
    const auto silent = parse_script("greets: false\nturns:\n  - {say: a, over: 1s}\n", "s.yaml");
    REQUIRE_FALSE(silent);
    CHECK(silent.error().message.find("something that the agent says before") != std::string::npos);
}
