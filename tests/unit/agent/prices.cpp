#include "voicectl/agent/prices.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "support/temp_folder.h"
#include "voicectl/agent/config.h"
#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::agent;

namespace {

constexpr const char* kAgent = "name: a\nstt: pocketsphinx\nllm: {provider: openai, model: m}\ntts: flite\n";

LoadedConfig priced(const std::string& more, const std::string& file = "a.yaml") { return parse_config(kAgent + more, file); }

}  // namespace

TEST_CASE("prices of others carry their date, what runs here costs nothing") {
    const PriceList prices;
    const auto* nova = prices.find("deepgram", "nova-3");
    REQUIRE(nova != nullptr);
    CHECK(nova->date == "2026-05-01");
    CHECK(nova->of({.audio_ms = 60'000}) == *parse_money("0.0048"));
    for (const char* name : {"pocketsphinx", "script", "flite", "espeak-ng", "recorded"}) {
        REQUIRE(prices.find(name, "") != nullptr);
        CHECK(prices.find(name, "")->of({.audio_ms = 60'000, .input_tokens = 5, .characters = 10}) == Money{});
    }
    CHECK(prices.find("openai", "a-model-of-tomorrow") == nullptr);
    CHECK(prices.find("nobody", "") == nullptr);
}

TEST_CASE("the built-in prices are not those of another server") {
    const auto there = payee_of({{"provider", "openai"}, {"model", "gpt-4.1"}, {"base_url", "https://api.openai.com/v1"}});
    const auto elsewhere = payee_of({{"provider", "openai"}, {"model", "gpt-4.1"}, {"base_url", "http://127.0.0.1:8000/v1"}});
    PriceList prices;
    CHECK(prices.find(there.provider, there.model, there.foreign) != nullptr);
    CHECK(prices.find(elsewhere.provider, elsewhere.model, elsewhere.foreign) == nullptr);
    prices.set("openai/gpt-4.1", {.date = "2026-01-01", .source = "the agent's file"});
    CHECK(prices.find(elsewhere.provider, elsewhere.model, elsewhere.foreign) != nullptr);
    CHECK(payee_of({{"provider", "openai"}, {"base_url", "https://api.openai.com.evil.example/v1"}}).foreign);
}

TEST_CASE("cached tokens cost what others do when nothing else is said") {
    Price price{.million_input_tokens = *parse_money("1")};
    CHECK(price.of({.input_tokens = 1000, .cached_tokens = 900}) == *parse_money("0.001"));
    price.million_cached_tokens = Money{};
    CHECK(price.of({.input_tokens = 1000, .cached_tokens = 900}) == *parse_money("0.0001"));
}

TEST_CASE("tokens put into a cache have a price of their own, where the list has one") {
    const PriceList prices;
    const auto* price = prices.find("anthropic", "claude-haiku-4-5");
    REQUIRE(price != nullptr);  // 1 USD a million, read from the cache 0.1, put into it 1.25
    CHECK(price->of({.input_tokens = 1'000'000, .cached_tokens = 500'000, .stored_tokens = 400'000}) == *parse_money("0.65"));
    const Price plain{.million_input_tokens = *parse_money("1")};
    CHECK(plain.of({.input_tokens = 1000, .stored_tokens = 900}) == *parse_money("0.001"));
    CHECK(plain.of({.input_tokens = 1000, .cached_tokens = 800, .stored_tokens = 900}) == *parse_money("0.001"));
}

TEST_CASE("an agent's file replaces and extends prices") {
    const auto loaded = priced("prices:\n  openai/m: {per_million_input_tokens: 0.15, per_million_output_tokens: 0.6, date: 2026-03-01}\n"
                             "  deepgram/nova-3: {per_minute: 0.01, date: 2026-03-02}\n");
    REQUIRE_MESSAGE(loaded.faults.empty(), to_error(loaded.faults).message);
    const auto& prices = loaded.config.prices;
    CHECK(prices.find("openai", "m")->of({.input_tokens = 1'000'000, .output_tokens = 1'000'000}) == *parse_money("0.75"));
    CHECK(prices.find("openai", "m")->date == "2026-03-01");
    CHECK(prices.find("deepgram", "nova-3")->minute == *parse_money("0.01"));
    CHECK(prices.find("elevenlabs", "eleven_v3") != nullptr);
}

TEST_CASE("mistakes in prices are told at their line") {
    for (const auto& [text, line, word] : std::vector<std::tuple<std::string, int, std::string>>{
             {"prices:\n  openai/m: {per_minute: 1}\n", 6, "no date"},
             {"prices:\n  openai/m:\n    date: 2026-03-01\n", 6, "no price"},
             {"prices:\n  openai/m:\n    date: soon\n    per_minute: 1\n", 7, "must be a date"},
             {"prices:\n  openai/m:\n    date: 2026-03-01\n    per_minute: -1\n", 8, "US dollars"},
             {"prices:\n  openai/m:\n    date: 2026-03-01\n    per_hour: 1\n", 8, "unknown key"},
             {"prices:\n  openai/m: 5\n", 6, "must be a mapping"},
             {"prices: 5\n", 5, "must be a mapping"},
             {"prices: absent.yaml\n", 5, "absent.yaml"}}) {
        CAPTURE(text);
        const auto loaded = priced(text);
        REQUIRE(loaded.faults.size() == 1);
        CHECK(loaded.faults[0].line == line);
        CHECK_MESSAGE(loaded.faults[0].message.find(word) != std::string::npos, loaded.faults[0].message);
    }
}

TEST_CASE("prices may stand in a file of their own, beside the agent's") {
    test::TempFolder folder;
    REQUIRE(write_file_atomically(folder.file("prices.yaml"), "openai/m: {per_minute: 1, date: 2026-03-01}\n"));
    auto loaded = priced("prices: prices.yaml\n", folder.file("a.yaml"));
    CHECK(loaded.faults.empty());
    REQUIRE(loaded.config.prices.find("openai", "m") != nullptr);
    CHECK(loaded.config.prices.find("openai", "m")->source == "prices.yaml");
    REQUIRE(write_file_atomically(folder.file("prices.yaml"), "openai/m:\n  date: 2026-03-01\n  per_minute: free\n"));
    loaded = priced("prices: prices.yaml\n", folder.file("a.yaml"));
    REQUIRE(loaded.faults.size() == 1);
    CHECK(loaded.faults[0].to_string() == folder.file("prices.yaml") + ":3: openai/m.per_minute: must be US dollars like 0.0048, with at most nine decimals");
}

TEST_CASE("limits have their defaults, and the old place of max_duration works") {
    const auto plain = priced("");
    CHECK(plain.config.limits.budget == *parse_money("5"));
    CHECK(plain.config.limits.calls_per_user == 3);
    CHECK(plain.config.limits.idle == std::chrono::minutes(10));
    CHECK(plain.config.limits.max_duration == std::chrono::minutes(30));
    CHECK(priced("max_duration: 5m\n").config.limits.max_duration == std::chrono::minutes(5));
    CHECK(priced("limits: {max_duration: 5m}\n").config.limits.max_duration == std::chrono::minutes(5));
    const auto both = priced("max_duration: 5m\nlimits:\n  max_duration: 6m\n");
    REQUIRE(both.faults.size() == 1);
    CHECK(both.faults[0].line == 7);
    const auto all = priced("limits: {budget: 0.25, budget_warning: soon, budget_goodbye: bye, idle: 0s, calls_per_user: 0, answer: {characters: 100, time: 5s, words: \"\"}}\n"
                          "history: {messages: 10, tokens: 500}\nreport_dir: /tmp\n");
    CHECK(all.faults.empty());
    CHECK(all.config.limits.budget == *parse_money("0.25"));
    CHECK(all.config.limits.answer.characters == 100);
    CHECK(all.config.limits.answer.words.empty());
    CHECK(all.config.history.messages == 10);
    CHECK(priced("limits: {budget: cheap}\n").faults.size() == 1);
    CHECK(priced("limits: {calls_per_user: -1}\n").faults.size() == 1);
    CHECK(priced("limits: {bugdet: 5}\n").faults.size() == 1);
    CHECK(priced("limits: {answer: {letters: 5}}\n").faults.size() == 1);
    CHECK(priced("history: {messages: 0}\n").faults.size() == 1);
}
