// Durations and times as people and protocols write them.
#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <optional>

#include "voicectl/base/text.h"

namespace voicectl {
namespace {

using std::chrono::milliseconds;
using SystemTime = std::chrono::system_clock::time_point;

struct Unit {
    std::string_view name;
    double milliseconds;
};
constexpr std::array kUnits{Unit{"ms", 1},      Unit{"s", 1e3},    Unit{"m", 60e3},
                            Unit{"h", 3600e3}, Unit{"d", 86400e3}, Unit{"w", 604800e3}};

// A number and its unit off the front of `rest`, in milliseconds; nothing when it is none.
std::optional<double> take_part(std::string_view& rest, bool first) {
    double number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    const bool digits = !rest.empty() && (rest[0] == '.' || (rest[0] >= '0' && rest[0] <= '9'));  // no "-0", no "inf"
    if (error != std::errc{} || !digits || !std::isfinite(number)) return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const auto name = rest.substr(0, rest.find_first_of("0123456789."));
    rest.remove_prefix(name.size());
    if (name.empty() && first && rest.empty()) return number * 1e3;  // a bare number: seconds
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& one) { return one.name == name; });
    if (unit == kUnits.end()) return std::nullopt;
    return number * unit->milliseconds;
}

// Exactly `count` digits off the front of `rest`.
std::optional<int> take_digits(std::string_view& rest, std::size_t count) {
    int value = 0;
    if (rest.size() < count) return std::nullopt;
    for (const char c : rest.substr(0, count)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    rest.remove_prefix(count);
    return value;
}

bool take(std::string_view& rest, std::string_view any_of) {
    if (rest.empty() || any_of.find(rest.front()) == std::string_view::npos) return false;
    rest.remove_prefix(1);
    return true;
}

std::optional<std::chrono::sys_days> take_date(std::string_view& rest) {
    const auto year = take_digits(rest, 4);
    if (!year || !take(rest, "-")) return std::nullopt;
    const auto month = take_digits(rest, 2);
    if (!month || !take(rest, "-")) return std::nullopt;
    const auto day = take_digits(rest, 2);
    if (!day) return std::nullopt;
    const auto date = std::chrono::year(*year) / *month / *day;
    // What a 64-bit count of nanoseconds holds.
    if (!date.ok() || *year < 1900 || *year > 2200) return std::nullopt;
    return std::chrono::sys_days(date);
}

std::optional<std::chrono::nanoseconds> take_clock(std::string_view& rest) {
    const auto hour = take_digits(rest, 2);
    if (!hour || !take(rest, ":")) return std::nullopt;
    const auto minute = take_digits(rest, 2);
    if (!minute || !take(rest, ":")) return std::nullopt;
    const auto second = take_digits(rest, 2);
    if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;  // 60: a leap second
    std::chrono::nanoseconds out = std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
    if (!take(rest, ".")) return out;
    auto unit = std::chrono::nanoseconds(100'000'000);
    auto digit = take_digits(rest, 1);
    if (!digit) return std::nullopt;
    for (; digit; digit = take_digits(rest, 1), unit /= 10) out += *digit * unit;
    return out;
}

std::optional<std::chrono::minutes> take_offset(std::string_view& rest) {
    if (take(rest, "Zz")) return std::chrono::minutes(0);
    const int sign = rest.starts_with('-') ? -1 : 1;
    if (!take(rest, "+-")) return std::nullopt;
    const auto hour = take_digits(rest, 2);
    if (!hour || !take(rest, ":")) return std::nullopt;
    const auto minute = take_digits(rest, 2);
    if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
    return sign * (std::chrono::hours(*hour) + std::chrono::minutes(*minute));
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
    const auto refuse = [&] {
        return fail_with_hint(Errc::Usage, fmt::format("'{}' is not a duration", terminal_safe(text)),
                              "write it like 90s, 15m, 2h, 1d or 1h30m");
    };
    double total = 0;
    auto rest = trim(text);
    bool first = true;
    do {
        const auto part = take_part(rest, first);
        if (!part) return refuse();
        total += *part;
        first = false;
    } while (!rest.empty());
    constexpr double kHundredYears = 100.0 * 365 * 86400e3;
    if (total > kHundredYears) return refuse();
    return milliseconds(static_cast<std::int64_t>(std::llround(total)));
}

std::string format_duration(milliseconds duration) {
    const auto ms = duration.count();
    if (ms < 1000) return fmt::format("{} ms", ms);
    if (ms < 59'950) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1e3);  // above, it would say 60.0 s
    const auto seconds = (ms + 500) / 1000;
    if (seconds < 3600) return fmt::format("{}m {}s", seconds / 60, seconds % 60);
    const auto minutes = seconds / 60;
    if (minutes < 24 * 60) return fmt::format("{}h {}m", minutes / 60, minutes % 60);
    return fmt::format("{}d {}h", minutes / (24 * 60), minutes / 60 % 24);
}

std::string format_time(SystemTime time) {
    const auto since = std::chrono::floor<milliseconds>(time.time_since_epoch());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    const auto calendar = fmt::gmtime(static_cast<std::time_t>(seconds.count()));
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", calendar, (since - seconds).count());
}

Result<SystemTime> parse_time(std::string_view text) {
    const auto refuse = [&] {
        return fail_with_hint(Errc::Usage, fmt::format("'{}' is not a time", terminal_safe(text)),
                              "write it like 2026-01-02T03:04:05Z, 2026-01-02T03:04:05+01:00 or 2026-01-02");
    };
    auto rest = trim(text);
    const auto date = take_date(rest);
    if (!date) return refuse();
    if (rest.empty()) return SystemTime(*date);
    const bool separated = take(rest, "Tt ");
    const auto clock = separated ? take_clock(rest) : std::nullopt;
    const auto offset = clock ? take_offset(rest) : std::nullopt;
    if (!offset || !rest.empty()) return refuse();
    return SystemTime(*date) + *clock - *offset;
}

}  // namespace voicectl
