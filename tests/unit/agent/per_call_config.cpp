// The keys of an agent's file that say what may differ from call to call.
#include <doctest/doctest.h>

#include <fstream>

#include "support/temp_folder.h"
#include "voicectl/agent/host.h"

using namespace voicectl;
using namespace voicectl::agent;

namespace {

constexpr const char* kStages = "name: a\nstt: x\nllm: y\ntts: z\n";  // 4 lines

std::vector<std::string> per_call_faults(const std::string& more) {
    std::vector<std::string> out;
    for (const auto& fault : parse_config(kStages + more, "a.yaml").faults) out.push_back(fault.to_string());
    return out;
}

std::string per_call_fault(const std::string& more) {
    const auto faults = per_call_faults(more);
    REQUIRE_MESSAGE(faults.size() == 1, more);
    return faults.front();
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

}  // namespace

TEST_CASE("what may differ from call to call is read whole") {
    const auto loaded = parse_config(std::string(kStages) + R"(metadata: strict
greeting: Hello {{guest|there}}.
prompt_from: [metadata, backend]
backend: {url: https://app.example.com, key_env: KEY, timeout: 1s, path: "/p/{scenarioId}"}
variables: {guest: '', table: 4}
language: en
voices: {anna: slt, ben: {provider: espeak-ng, voice: en-gb}}
languages:
  de-DE:
    greeting: Guten Tag {{guest}}.
    away: {say: "Sind Sie noch da?"}
    tts: {provider: espeak-ng, voice: de}
    voices: {anna: de}
)",
                                     "a.yaml");
    REQUIRE_MESSAGE(loaded.faults.empty(), to_error(loaded.faults).message);
    const auto& config = loaded.config;
    CHECK(config.strict_metadata);
    CHECK(config.prompt_from == std::vector<std::string>{"metadata", "backend"});
    CHECK(config.backend.url == "https://app.example.com");
    CHECK(config.backend.key_env == "KEY");
    CHECK(config.backend.path == "/p/{scenarioId}");
    CHECK(config.backend.timeout == std::chrono::seconds{1});
    CHECK(config.variables == std::map<std::string, std::string>{{"guest", ""}, {"table", "4"}});
    CHECK(config.voices.at("anna").dump() == R"({"voice":"slt"})");
    CHECK(config.voices.at("ben")["provider"] == "espeak-ng");
    const auto& german = config.languages.at("de-de");
    CHECK(german.tag == "de-DE");
    CHECK(german.greeting == "Guten Tag {{guest}}.");
    CHECK(german.away_say == "Sind Sie noch da?");
    CHECK_FALSE(german.away_goodbye);
    CHECK(german.stt.is_null());
    CHECK(german.tts["voice"] == "de");
    CHECK(german.voices.at("anna")["voice"] == "de");
}

TEST_CASE("mistakes in it stand at their lines") {
    CHECK(per_call_fault("metadata: picky\n") == "a.yaml:5: metadata: must be one of lenient, strict");
    CHECK(per_call_fault("prompt_from: [callers]\n") == "a.yaml:5: prompt_from: knows metadata and backend");
    CHECK(per_call_fault("prompt_from: callers\n") == "a.yaml:5: prompt_from: must be a list of texts");
    CHECK(per_call_fault("backend:\n  uri: x\n") == "a.yaml:6: backend.uri: unknown key");
    CHECK(per_call_fault("variables:\n  1st: x\n") == "a.yaml:6: variables.1st: a variable's name has letters, digits and _ only");
    CHECK(per_call_fault("variables:\n  date: x\n") == "a.yaml:6: variables.date: is known already, and cannot be another");
    CHECK(per_call_fault("variables:\n  guest: [x]\n") == "a.yaml:6: variables.guest: must be text: what is said when the dispatch has no value");
    CHECK(per_call_fault("language: german!\n") == "a.yaml:5: language: is no language tag");
    CHECK(per_call_fault("voices:\n  anna: [x]\n") == "a.yaml:6: voices.anna: must be the name of a voice, or a mapping with what it changes in tts");
    CHECK(per_call_fault("languages:\n  german!: {}\n") == "a.yaml:6: languages.german!: is no language tag");
    CHECK(per_call_fault("languages:\n  de: x\n") == "a.yaml:6: languages.de: must be a mapping of what this language changes");
    CHECK(per_call_fault("languages:\n  de:\n    greting: x\n") == "a.yaml:7: languages.de.greting: unknown key");
    CHECK(per_call_fault("languages:\n  de:\n    tts: {voice: de}\n") == "a.yaml:7: languages.de.tts: needs a provider");
}

TEST_CASE("an unknown key names each known one once") {
    const auto loaded = parse_config(std::string(kStages) + "languages:\n  de:\n    greting: x\n", "a.yaml");
    CHECK(loaded.faults.front().hint == "known here: greeting, instructions, back_again, not_understood, away, limits, stt, llm, tts, voices");
}

TEST_CASE("a variable that can never have a value is found before any call") {
    CHECK(per_call_fault("greeting: Hello {{gest}}.\nvariables: {guest: you}\n") == "a.yaml:5: greeting: unknown variable 'gest'");
    CHECK(per_call_fault("away:\n  say: Hello {{gest}}?\n") == "a.yaml:6: away.say: unknown variable 'gest'");
    CHECK(per_call_fault("languages:\n  de:\n    greeting: Guten Tag {{gest}}.\n") == "a.yaml:7: languages.de.greeting: unknown variable 'gest'");
    CHECK(per_call_fault("greeting: Hello {{my guest}}.\n") == "a.yaml:5: greeting: {{my guest}} is no variable");
    CHECK(per_call_faults("greeting: Hello {{guest}}, {{caller.name|}}, {{date}}, {{later|x}}.\nvariables: {guest: ''}\n").empty());
}

TEST_CASE("instructions may stand in a file beside the configuration") {
    const test::TempFolder folder;
    const auto parse = [&](const std::string& more) { return parse_config(kStages + more, folder.file("a.yaml")); };
    write(folder.file("prompt.md"), "You are {{agent}}.\nYou serve {{guest|guests}}.\n");
    const auto good = parse("instructions: {file: prompt.md}\n");
    REQUIRE(good.faults.empty());
    CHECK(good.config.instructions == "You are {{agent}}.\nYou serve {{guest|guests}}.\n");
    CHECK(good.files.at("prompt.md") == good.config.instructions);

    const auto missing = parse("instructions: {file: other.md}\n");
    REQUIRE(missing.faults.size() == 1);
    CHECK(missing.faults[0].line == 5);
    CHECK(missing.faults[0].key == "instructions.file");
    CHECK(missing.faults[0].message.starts_with("cannot be read"));

    write(folder.file("prompt.md"), "You are {{agent}}.\nYou serve {{gest}}.\n");
    const auto slip = parse("instructions:\n  file: prompt.md\n");
    REQUIRE(slip.faults.size() == 1);
    CHECK(slip.faults[0].line == 6);
    CHECK(slip.faults[0].message == "unknown variable 'gest' (line 2 of prompt.md)");

    write(folder.file("prompt.md"), "\xff\xfe");
    CHECK(parse("instructions: {file: prompt.md}\n").faults.at(0).message == "is no text in UTF-8");
    write(folder.file("prompt.md"), std::string(129 * 1024, 'x'));
    CHECK(parse("instructions: {file: prompt.md}\n").faults.size() == 1);
    std::string many = "languages:\n";
    for (const char* tag : {"de", "fr", "es", "it", "pt"}) {
        write(folder.file(tag), std::string(128 * 1024, 'x'));
        many += fmt::format("  {0}: {{instructions: {{file: {0}}}}}\n", tag);
    }
    const auto all = parse(many);
    REQUIRE(all.faults.size() == 1);
    CHECK(all.faults[0].message == "makes the prompt files longer than 512 KiB together");
}

TEST_CASE("a call process uses the prompt files as its supervisor read them") {
    const auto loaded = parse_config(std::string(kStages) + "instructions: {file: gone.md}\n", "/nowhere/a.yaml", {{"gone.md", "You are kind."}});
    REQUIRE(loaded.faults.empty());
    CHECK(loaded.config.instructions == "You are kind.");
}

namespace {

ConfigFaults stage_faults(const std::string& yaml, const std::map<std::string, std::string>& environment = {}) {
    Workers workers(1, "test");
    net::HttpClient http;
    const auto loaded = parse_config(yaml, "a.yaml");
    REQUIRE_MESSAGE(loaded.faults.empty(), to_error(loaded.faults).message);
    const auto stages = build_stages(loaded, {workers, http,
                                              [&](const std::string& name) -> std::optional<std::string> {
                                                  const auto found = environment.find(name);
                                                  if (found == environment.end()) return std::nullopt;
                                                  return found->second;
                                              },
                                              "."});
    return stages ? ConfigFaults() : stages.error();
}

constexpr const char* kReal = "name: a\nstt: {provider: pocketsphinx, phrases: [hello]}\nllm: {provider: script, rules: [], default: hm}\ntts: {provider: espeak-ng}\n";

}  // namespace

TEST_CASE("engines of languages and voices are built at the start, with every fault at its line") {
    CHECK(stage_faults(std::string(kReal) + "voices: {anna: de, ben: {rate: 120}}\nlanguages:\n  de:\n    tts: {provider: espeak-ng, voice: de}\n").empty());
    const auto faults = stage_faults(std::string(kReal) + R"(voices:
  anna: nobody
languages:
  de-AT:
    tts: {provider: espeak-ng, rate: 9999999}
    voices:
      ben: nobody
  fr:
    stt: {provider: nobody}
    llm: {provider: nobody}
)");
    std::vector<std::string> told;
    for (const auto& fault : faults) told.push_back(fmt::format("{} {}", fault.line, fault.key));
    CHECK(told == std::vector<std::string>{"6 voices.anna.voice", "9 languages.de-AT.tts.rate", "11 languages.de-AT.voices.ben.rate",
                                           "11 languages.de-AT.voices.ben.voice", "13 languages.fr.stt.provider", "14 languages.fr.llm.provider"});
}

TEST_CASE("a backend without address, key or TLS is found at the start") {
    const auto fault = [](const std::string& more, const std::map<std::string, std::string>& environment = {}) {
        const auto faults = stage_faults(std::string(kReal) + "prompt_from: [backend]\n" + more, environment);
        return faults.empty() ? std::string() : faults.front().to_string();
    };
    const std::map<std::string, std::string> key{{"INTERNAL_SERVICE_KEY", "a-service-key"}};
    CHECK(fault("", key) == "a.yaml: backend.url: is missing");
    CHECK(fault("backend:\n  url: app\n", key).starts_with("a.yaml:7: backend.url: "));
    CHECK(fault("backend:\n  url: http://app.example.com\n", key) == "a.yaml:7: backend.url: must begin with https://: a key is sent there");
    CHECK(fault("backend:\n  url: http://127.evil.example\n", key) == "a.yaml:7: backend.url: must begin with https://: a key is sent there");
    CHECK(fault("backend:\n  url: https://app.example.com\n") == "a.yaml:6: backend.key_env: the variable INTERNAL_SERVICE_KEY is not set");
    CHECK(fault("backend:\n  url: https://app.example.com\n", {{"INTERNAL_SERVICE_KEY", "two\r\nlines"}}) ==
          "a.yaml:6: backend.key_env: the key has characters that no header may have");
    CHECK(fault("backend:\n  url: https://app.example.com\n  key_file: /nowhere/key\n").starts_with("a.yaml:8: backend.key_file: cannot be read"));
    CHECK(fault("backend:\n  url: https://app.example.com\n  path: /prompts\n", key) == "a.yaml:8: backend.path: must begin with / and have {scenarioId} in it");
    CHECK(fault("backend: {url: \"http://localhost:8000\"}\n", key).empty());
    CHECK(fault("", {{"INTERNAL_SERVICE_KEY", "a-service-key"}, {"VOICECTL_BACKEND_URL", "https://app.example.com"}}).empty());
}
