#include "voicectl/agent/money.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <utility>

namespace voicectl::agent {
namespace {

constexpr int kDecimals = 9;
constexpr std::int64_t kNanos = 1'000'000'000;
constexpr std::int64_t kMostNanos = 1'000'000 * kNanos;

}  // namespace

std::optional<Money> parse_money(std::string_view text) {
    int exponent = kDecimals;
    if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
        auto digits = text.substr(e + 1);
        if (digits.starts_with('+')) digits.remove_prefix(1);
        int given = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), given);
        if (error != std::errc{} || end != digits.data() + digits.size() || given < -20 || given > 20) return std::nullopt;
        exponent += given;
        text = text.substr(0, e);
    }
    std::int64_t digits = 0;
    bool any = false, point = false;
    for (const char c : text) {
        if (c == '.' && !std::exchange(point, true)) continue;
        if (c < '0' || c > '9' || digits > kMostNanos) return std::nullopt;
        digits = digits * 10 + (c - '0');
        exponent -= point ? 1 : 0;
        any = true;
    }
    if (!any) return std::nullopt;
    for (; exponent > 0 && digits != 0; --exponent) {
        digits *= 10;
        if (digits >= kMostNanos) return std::nullopt;
    }
    for (; exponent < 0 && digits != 0; ++exponent) {
        if (digits % 10 != 0) return std::nullopt;  // finer than a nano-dollar
        digits /= 10;
    }
    if (digits >= kMostNanos) return std::nullopt;
    return Money{digits};
}

std::string to_text(Money money) {
    const auto size = std::abs(money.nanos);
    auto out = fmt::format("{}{}.{:09}", money.nanos < 0 ? "-" : "", size / kNanos, size % kNanos);
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) out.pop_back();
    return out;
}

Money cost_of(std::int64_t quantity, Money price, std::int64_t per) {
    // 10¹² tokens at 10¹⁵ nano-dollars are more than 64 bits hold.
    __extension__ using Wide = __int128;
    const auto product = static_cast<Wide>(quantity) * price.nanos;
    return {static_cast<std::int64_t>((product + per / 2) / per)};
}

}  // namespace voicectl::agent
