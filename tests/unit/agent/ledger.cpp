#include "core/agent/ledger.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace voicectl;
using namespace voicectl::agent;
using speech::Usage;

namespace {

struct Books {
    Books() {
        prices.set("ear", {.minute = *parse_money("0.006"), .date = "2026-01-01", .source = "test"});
        prices.set("mind/small", {.million_input_tokens = *parse_money("2"),
                                  .million_output_tokens = *parse_money("8"),
                                  .million_cached_tokens = *parse_money("0.2"),
                                  .date = "2026-02-01",
                                  .source = "test"});
    }
    std::string total() const { return to_text(ledger->total()); }
    PriceList prices;
    std::shared_ptr<Ledger> ledger = Ledger::create(prices, {Payee{"ear", ""}, Payee{"mind", "small"}, Payee{"voice", ""}});
};

Usage tokens(std::int64_t in, std::int64_t out, std::int64_t cached = 0) { return {.input_tokens = in, .cached_tokens = cached, .output_tokens = out}; }

}  // namespace

TEST_CASE("the provider's figures replace what was guessed, however often and late they come") {
    Books books;
    auto tab = books.ledger->open(Stage::Llm);
    tab->count(tokens(1000, 50));
    CHECK(books.total() == "0");  // nothing is charged yet
    tab->charge(/*estimated=*/true);
    CHECK(books.total() == "0.0024");
    CHECK(books.ledger->lines().front().estimates == 1);
    for (int i = 0; i < 3; ++i) tab->report(tokens(812, 31, 768));
    // 44 at 2, 768 at 0.2, 31 at 8 a million.
    CHECK(books.total() == "0.0004896");
    CHECK(books.ledger->lines().front().estimates == 0);
    tab->charge(/*estimated=*/true);
    CHECK(books.total() == "0.0004896");
    tab->report(tokens(812, 62, 768));  // a running total
    CHECK(books.total() == "0.0007376");
}

TEST_CASE("a request that failed costs nothing, unless the provider says so") {
    Books books;
    auto tab = books.ledger->open(Stage::Llm);
    tab->count(tokens(1000, 0));
    tab->forgive();
    tab->charge(true);
    CHECK(books.total() == "0");
    tab->report(tokens(500'000, 0));
    CHECK(books.total() == "1");
}

TEST_CASE("an unknown price is unknown and not nothing") {
    Books books;
    auto tab = books.ledger->open(Stage::Tts);
    tab->count({.characters = 100});
    tab->charge(false);
    const auto lines = books.ledger->to_json();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["costUsd"].is_null());
    CHECK(lines[0]["priceSource"] == "unknown");
    CHECK(lines[0]["characters"] == 100);
}

TEST_CASE("every cost line names its price's date") {
    Books books;
    auto tab = books.ledger->open(Stage::Stt);
    tab->count({.audio_ms = 90'000});
    tab->charge(false);
    const auto lines = books.ledger->to_json();
    CHECK(lines[0]["priceDate"] == "2026-01-01");
    CHECK(lines[0]["costUsd"] == "0.009");
    CHECK(lines[0]["estimated"] == false);
}

TEST_CASE("the parts of the turns add up to the whole, to the nano-dollar") {
    Books books;
    books.prices.set("ear", {.minute = *parse_money("0.000001"), .date = "2026-01-01", .source = "test"});
    Money sum;
    for (int i = 0; i < 1000; ++i) {
        auto tab = books.ledger->open(Stage::Stt);
        tab->count({.audio_ms = 7});  // less than a fifth of a nano-dollar each
        tab->charge(false);
        for (const auto& line : books.ledger->take({Stage::Stt})) sum += *parse_money(line["costUsd"].get<std::string>());
    }
    CHECK(sum == books.ledger->total());
    CHECK(books.total() == "0.000000117");
    CHECK(books.ledger->take({Stage::Stt}).empty());
}

TEST_CASE("counters never fall when a guess was too high") {
    Books books;
    auto tab = books.ledger->open(Stage::Llm);
    tab->count(tokens(1000, 0));
    tab->charge(true);
    CHECK(books.ledger->increments()[0]["inputTokens"] == 1000);
    tab->report(tokens(400, 0));
    CHECK(books.ledger->increments().empty());
    auto next = books.ledger->open(Stage::Llm);
    next->report(tokens(700, 0));
    const auto more = books.ledger->increments();
    CHECK(more[0]["inputTokens"] == 100);
    CHECK(more[0]["costNanos"] == 200'000);
}

TEST_CASE("a call that another process takes up goes on with what it has cost") {
    Books books;
    books.ledger->open(Stage::Llm)->report(tokens(500'000, 0));
    auto guess = books.ledger->open(Stage::Tts);
    guess->count({.characters = 10});
    guess->charge(true);
    Books later;
    later.prices.set("mind/small", {.million_input_tokens = *parse_money("4"), .date = "2026-03-01", .source = "test"});
    later.ledger->restore(books.ledger->to_json());
    CHECK(later.total() == "1");
    CHECK(later.ledger->increments().empty());
    CHECK(later.ledger->take({Stage::Llm}).empty());
    later.ledger->open(Stage::Llm)->report(tokens(250'000, 0));
    CHECK(later.total() == "2");  // the old part at its old price
    CHECK(later.ledger->to_json()[1]["estimated"] == true);
    for (const auto* odd : {"7", "[7]", "[{}]", R"([{"stage":7}])"}) {
        Books strange;
        try {
            strange.ledger->restore(nlohmann::json::parse(odd));
        } catch (const std::exception& error) {
            FAIL(odd << ": " << error.what());
        }
        CHECK(strange.total() == "0");
    }
}

TEST_CASE("a chain of providers names who is to be paid; endless names fill no memory") {
    Books books;
    for (int i = 0; i < 1000; ++i) {
        auto usage = tokens(1, 0);
        usage.provider = "other";
        usage.model = std::to_string(i);
        books.ledger->open(Stage::Llm)->report(usage);
    }
    CHECK(books.ledger->lines().size() < 100);
    auto wild = tokens(-5, 0, 7);
    wild.provider = std::string(100'000, 'x');
    books.ledger->open(Stage::Llm)->report(wild);
    for (const auto& line : books.ledger->lines()) {
        CHECK(line.usage.input_tokens >= 0);
        CHECK(line.provider.size() <= 100);
    }
}
