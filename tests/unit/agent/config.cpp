#include "voicectl/agent/config.h"

#include <doctest/doctest.h>

using namespace voicectl;
using namespace voicectl::agent;

namespace {

constexpr const char* kGood = R"(name: front-desk
greeting: Hello.
stt: {provider: pocketsphinx}
llm:
  provider: script
  rules:
    - match: hours
      answer: "9 to 5"
tts: flite
turn:
  end_of_turn: 700ms
max_calls: 3
)";

std::string only_fault(const std::string& yaml) {
    const auto loaded = parse_config(yaml, "a.yaml");
    REQUIRE(loaded.faults.size() == 1);
    return loaded.faults.front().to_string();
}

std::string with(const std::string& line) { return std::string(kGood) + line + "\n"; }

}  // namespace

TEST_CASE("a good configuration is read whole, stages with their options") {
    const auto loaded = parse_config(kGood, "a.yaml");
    REQUIRE(loaded.faults.empty());
    CHECK(loaded.config.name == "front-desk");
    CHECK(loaded.config.turn.end_of_turn == std::chrono::milliseconds{700});
    CHECK(loaded.config.max_calls == 3);
    CHECK(loaded.config.tts["provider"] == "flite");
    CHECK(loaded.config.llm["rules"][0]["answer"] == "9 to 5");
}

TEST_CASE("mistakes are told with file, line and key") {
    CHECK(only_fault(with("max_calls: many")) == "a.yaml:13: max_calls: stands here twice");
}

TEST_CASE("an unknown key names the known ones") {
    const auto loaded = parse_config(with("greting: hi"), "a.yaml");
    REQUIRE(loaded.faults.size() == 1);
    CHECK(loaded.faults[0].to_string() == "a.yaml:13: greting: unknown key");
    CHECK(loaded.faults[0].hint.find("greeting") != std::string::npos);
}

TEST_CASE("a nested mistake has its own line") {
    const std::string yaml = "name: a\nstt: x\nllm: y\ntts: z\nturn:\n  end_of_turn: soon\n";
    CHECK(only_fault(yaml) == "a.yaml:6: turn.end_of_turn: 'soon' is not a duration");
}

TEST_CASE("all mistakes are told at once") {
    const auto loaded = parse_config("name: ''\nllm: {model: x}\nmax_calls: 0\n", "a.yaml");
    std::string all;
    for (const auto& fault : loaded.faults) all += fault.to_string() + "\n";
    CHECK(all.find("a.yaml:1: name: must not be empty") != std::string::npos);
    CHECK(all.find("a.yaml:2: llm: needs a provider") != std::string::npos);
    CHECK(all.find("a.yaml: stt: is missing") != std::string::npos);
    CHECK(all.find("a.yaml:3: max_calls: must be a whole number from 1 to 100") != std::string::npos);
}

TEST_CASE("a name is plain text on one line") {
    for (const char* name : {"\"a\\nb\"", "\"a\\tb\"", "\" a\"", "\"a\\u202eb\""})
        CHECK_MESSAGE(only_fault(fmt::format("name: {}\nstt: x\nllm: y\ntts: z\n", name)).find("name: must be printable text") != std::string::npos, name);
    CHECK(parse_config("name: Empfang Süd (2)\nstt: x\nllm: y\ntts: z\n", "a.yaml").faults.empty());
}

TEST_CASE("what is no YAML mapping is refused with its line") {
    CHECK(only_fault("name: [unclosed\n").starts_with("a.yaml:"));
    CHECK(only_fault("- a\n- b\n").find("must be one YAML mapping") != std::string::npos);
    CHECK(only_fault("").find("must be one YAML mapping") != std::string::npos);
    CHECK(only_fault("a: 1\n---\nb: 2\n").find(":2: must be one YAML mapping") != std::string::npos);
    CHECK(only_fault(", name: a\n").find("must be one YAML mapping") != std::string::npos);  // endless for yaml-cpp's LoadAll
}

TEST_CASE("aliases of aliases fill no memory") {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        std::string parts;
        for (int j = 0; j < 10; ++j) parts += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
        text += fmt::format("a{0}: &a{0} [{1}]\n", i, parts);
    }
    CHECK(only_fault(text).find("has too many keys") != std::string::npos);
}

TEST_CASE("a provider's fault stands at its own line") {
    const auto loaded = parse_config(kGood, "a.yaml");
    CHECK(loaded.fault_at("llm.rules[0].match", "bad", "").line == 7);
    CHECK(loaded.fault_at("llm.rules[0].nothing", "bad", "").line == 7);
    CHECK(loaded.fault_at("tts.voice", "bad", "").line == 9);
}

TEST_CASE("words that older YAML took for truth values stay words") {
    const auto loaded = parse_config("name: no\nstt: y\nllm: on\ntts: off\n", "a.yaml");
    REQUIRE(loaded.faults.empty());
    CHECK(loaded.config.name == "no");
    CHECK(loaded.config.stt["provider"] == "y");
}

TEST_CASE("numbers in quotes stay text, others become numbers") {
    const auto loaded = parse_config(with("instructions: \"12\""), "a.yaml");
    CHECK(loaded.config.instructions == "12");
    const auto numbers = parse_config("name: 12\nstt: a\nllm: {provider: b, temperature: 0.5, seed: '7'}\ntts: c\n", "a.yaml");
    REQUIRE(numbers.faults.empty());
    CHECK(numbers.config.name == "12");
    CHECK(numbers.config.llm["temperature"] == 0.5);
    CHECK(numbers.config.llm["seed"] == "7");
}

TEST_CASE("what front-ends see is on unless it is turned off") {
    const auto bare = parse_config(kGood, "a.yaml").config;
    CHECK(bare.front_end.captions);
    CHECK(bare.front_end.transcript_packets);
    CHECK(bare.front_end.chat);
    CHECK(bare.front_end.rpc);
    CHECK(bare.dtmf.enabled);
    const auto loaded = parse_config(with("captions: false\ntranscript_packets: false\nchat: false\nrpc: false\n"
                                          "dtmf: {enabled: false, timeout: 4s, end_key: \"*\", length: 4, tell: \"<{keys}>\"}"), "a.yaml");
    REQUIRE(loaded.faults.empty());
    CHECK_FALSE(loaded.config.front_end.captions);
    CHECK_FALSE(loaded.config.front_end.transcript_packets);
    CHECK_FALSE(loaded.config.front_end.chat);
    CHECK_FALSE(loaded.config.front_end.rpc);
    CHECK_FALSE(loaded.config.dtmf.enabled);
    CHECK(loaded.config.dtmf.timeout == std::chrono::seconds{4});
    CHECK(loaded.config.dtmf.end_key == "*");
    CHECK(loaded.config.dtmf.length == 4);
    CHECK(loaded.config.dtmf.tell == "<{keys}>");
    CHECK(parse_config(with("dtmf: {end_key: \"\"}"), "a.yaml").faults.empty());
}

TEST_CASE("keys that no telephone has, and a form that says none, are refused") {
    for (const char* key : {"end_key: \"##\"", "end_key: x", "tell: keys were pressed", "length: 65", "timeout: 1m"}) {
        CAPTURE(key);
        const auto name = std::string(key).substr(0, std::string(key).find(':'));
        CHECK(only_fault(with("dtmf:\n  " + std::string(key))).starts_with("a.yaml:14: dtmf." + name));
    }
}

TEST_CASE("how a turn ends can be chosen, and contradictions are told") {
    const std::string head = "name: a\nstt: x\nllm: y\ntts: z\n";
    using Turn = TurnSettings;
    const auto turn = [&](const std::string& yaml) {
        const auto loaded = parse_config(head + "turn: {" + yaml + "}\n", "a.yaml");
        REQUIRE_MESSAGE(loaded.faults.empty(), (loaded.faults.empty() ? "" : loaded.faults[0].to_string()));
        return loaded.config.turn;
    };
    CHECK(turn("").endpointing == Turn::Endpointing::Fixed);
    CHECK(turn("").text_rules.empty());
    CHECK(turn("").preemptive == Turn::Preemptive::Llm);
    CHECK(turn("endpointing: adaptive, min_delay: 200ms, max_delay: 3s").max_delay == std::chrono::seconds{3});
    CHECK(turn("text_rules: en").text_rules == std::vector<std::string>{"en"});
    CHECK(turn("text_rules: [de, en]").text_rules == std::vector<std::string>{"de", "en"});
    CHECK(turn("text_rules: off").text_rules.empty());
    CHECK(turn("preemptive: off").preemptive == Turn::Preemptive::Off);
    CHECK(turn("vad: energy").vad["provider"] == "energy");
    const auto fault = [&](const std::string& yaml) { return only_fault(head + "turn: {" + yaml + "}\n"); };
    CHECK(fault("min_delay: 2s, max_delay: 1s") == "a.yaml:5: turn.min_delay: must not be more than turn.max_delay");
    CHECK(fault("endpointing: wild") == "a.yaml:5: turn.endpointing: must be one of fixed, adaptive");
    CHECK(fault("text_rules: [en, fr]") == "a.yaml:5: turn.text_rules: must be off, or of en, de");
    CHECK(fault("preemptive: always") == "a.yaml:5: turn.preemptive: must be one of off, llm, tts");
    CHECK(fault("vad: {threshold: 0.5}") == "a.yaml:5: turn.vad: needs a provider");
}

TEST_CASE("a filler says what it says") {
    const auto loaded = parse_config(with("filler: {after: 2s, say: [One moment please.]}"), "a.yaml");
    REQUIRE(loaded.faults.empty());
    CHECK(loaded.config.filler.say == std::vector<std::string>{"One moment please."});
    CHECK(loaded.config.filler.after == std::chrono::seconds{2});
    CHECK(only_fault(with("filler: {after: 2s}")) == "a.yaml:13: filler.say: must name what is said");
    CHECK(only_fault(with("filler: {after: 10ms, say: [x]}")).find("must be between") != std::string::npos);
}
