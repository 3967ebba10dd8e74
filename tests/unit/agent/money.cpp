#include "voicectl/agent/money.h"

#include <doctest/doctest.h>

#include "core/agent/budget.h"

using namespace voicectl::agent;

TEST_CASE("money is read digit by digit") {
    CHECK(parse_money("5")->nanos == 5'000'000'000);
    CHECK(parse_money("0.0048")->nanos == 4'800'000);
    CHECK(parse_money("0.000000001")->nanos == 1);
    CHECK(parse_money("1e-06")->nanos == 1000);
    CHECK(parse_money("2.5E1")->nanos == 25'000'000'000);
    CHECK(parse_money(".5")->nanos == 500'000'000);
    CHECK(parse_money("0")->nanos == 0);
    CHECK(parse_money("0.10000000000000000")->nanos == 100'000'000);
    for (const char* wrong : {"", ".", "five", "-1", "+1", "1 ", "1.2.3", "0.0000000001", "1e", "1e99", "99999999999999999999", "1000000", "0x5", "nan"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_money(wrong));
    }
}

TEST_CASE("money is written with the digits that it has") {
    for (const char* text : {"5", "0.0048", "0", "0.000000001", "12.5", "999999.999999999"}) CHECK(to_text(*parse_money(text)) == text);
    CHECK(to_text(Money{-1'500'000'000}) == "-1.5");
}

TEST_CASE("costs are exact, where floating point is not") {
    const auto price = *parse_money("0.1");
    Money sum;
    for (int i = 0; i < 10; ++i) sum += cost_of(1, price, 1);
    CHECK(sum == *parse_money("1"));
    CHECK(cost_of(812, *parse_money("0.25"), 1'000'000) == *parse_money("0.000203"));
    CHECK(cost_of(1, *parse_money("0.0015"), 1'000'000) == Money{2});   // half up
    CHECK(cost_of(1, *parse_money("0.00149"), 1'000'000) == Money{1});
    CHECK(cost_of(1'000'000'000'000, *parse_money("100"), 1'000'000) == Money{100'000'000'000'000'000});
    CHECK(cost_of(0, price, 1'000'000) == Money{});
}

TEST_CASE("a budget warns once at 80 % and is spent once") {
    using Step = Budget::Step;
    Budget budget(*parse_money("5"));
    CHECK(budget.at(*parse_money("3.999999999")) == Step::Fine);
    CHECK(budget.at(*parse_money("4")) == Step::Warn);
    CHECK(budget.at(*parse_money("4.5")) == Step::Fine);
    CHECK(budget.at(*parse_money("5")) == Step::Spent);
    CHECK(budget.at(*parse_money("6")) == Step::Fine);
    Budget jump(*parse_money("5"));
    CHECK(jump.at(*parse_money("9")) == Step::Spent);
    Budget none(Money{});
    CHECK(none.at(*parse_money("1000")) == Step::Fine);
}
