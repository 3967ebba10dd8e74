// Money as whole nano-dollars: sums are exact, and a million tokens at 0.25 USD are 250 a token. Values; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace voicectl::agent {

struct Money {
    std::int64_t nanos = 0;  // 10⁻⁹ USD

    auto operator<=>(const Money&) const = default;
    Money& operator+=(Money other) { return nanos += other.nanos, *this; }
    Money& operator-=(Money other) { return nanos -= other.nanos, *this; }
    friend Money operator+(Money a, Money b) { return a += b; }
    friend Money operator-(Money a, Money b) { return a -= b; }
    /// For gauges and bars; never to be summed up.
    double dollars() const { return static_cast<double>(nanos) / 1e9; }
};

/// "5", "0.0048", "1e-06" as it is written, digit by digit: at most nine decimals, not negative, below a million
/// dollars. Nothing when it is anything else.
std::optional<Money> parse_money(std::string_view text);
/// "0.0048", "5": all digits that there are, and no more.
std::string to_text(Money money);
/// What `quantity` units cost when `per` of them cost `price`, rounded half up to a nano-dollar.
Money cost_of(std::int64_t quantity, Money price, std::int64_t per);

}  // namespace voicectl::agent
