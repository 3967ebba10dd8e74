#include <doctest/doctest.h>

#include "voicectl/agent/host.h"

using namespace voicectl;
using namespace voicectl::agent;

namespace {

/// Every fault of the stages, one per line.
std::string build_faults(const std::string& yaml) {
    Workers workers(1, "test");
    net::HttpClient http;
    const auto loaded = parse_config(yaml, "a.yaml");
    const auto stages = build_stages(loaded, {workers, http, [](const std::string&) { return std::nullopt; }, "."});
    std::string out;
    if (!stages)
        for (const auto& fault : stages.error()) out += fault.to_string() + "\n";
    return out;
}

}  // namespace

TEST_CASE("a stage tells all its faults, each once and at its line") {
    const auto told = build_faults(R"(name: a
stt: {provider: nobody}
llm:
  provider: script
  delay_ms: soon
  rules:
    - match: "("
      answer: x
    - match: good
      answer: fine
    - answer: no match
tts:
  provider: flite
  voice: nobody
  speed: 99
  pitch: 3
)");
    CHECK(told.find("a.yaml:2: stt") != std::string::npos);
    CHECK(told.find("a.yaml:5: llm.delay_ms") != std::string::npos);
    CHECK(told.find("a.yaml:7: llm.rules[0].match") != std::string::npos);
    CHECK(told.find("a.yaml:11: llm.rules[2]") != std::string::npos);
    CHECK(told.find("rules[1]") == std::string::npos);
    CHECK(told.find("a.yaml:14: tts.voice") != std::string::npos);
    CHECK(told.find("a.yaml:15: tts.speed") != std::string::npos);
    CHECK(told.find("a.yaml:16: tts.pitch") != std::string::npos);
}

TEST_CASE("what was taken away to look on is not called missing") {
    const auto told = build_faults("name: a\nstt: {provider: nobody}\nllm: {provider: openai, model: [x], base_url: wrong}\ntts: {provider: nobody}\n");
    CHECK(told.find("llm.model") != std::string::npos);
    CHECK(told.find("llm.model", told.find("llm.model") + 1) == std::string::npos);
}

TEST_CASE("the hint for a model's address is an http address, and rules that answer nothing are a fault") {
    Workers workers(1, "test");
    net::HttpClient http;
    const auto loaded = parse_config("name: a\nstt: {provider: nobody}\nllm: {provider: openai, model: m, base_url: wrong}\ntts: {provider: nobody}\n", "a.yaml");
    const auto stages = build_stages(loaded, {workers, http, [](const std::string&) { return std::nullopt; }, "."});
    REQUIRE_FALSE(stages);
    std::string hint;
    for (const auto& fault : stages.error())
        if (fault.key == "llm.base_url") hint = fault.hint;
    CHECK(hint == "write it like https://api.openai.com/v1");
    CHECK(build_faults("name: a\nstt: {provider: nobody}\nllm: {provider: script, rules: []}\ntts: {provider: nobody}\n").find("llm.rules: no rules") != std::string::npos);
    CHECK(build_faults("name: a\nstt: {provider: nobody}\nllm: {provider: script, rules: [], default: hm}\ntts: {provider: nobody}\n").find("llm") == std::string::npos);
}

TEST_CASE("of a file with faults of its own the stages that are there are looked at too") {
    const auto told = build_faults("stt: {provider: nobody}\nllm: {model: x}\n");
    CHECK(told.find("a.yaml:1: stt") != std::string::npos);
    CHECK(told.find("llm") == std::string::npos);  // that it has no provider is told by the file's own faults
}
