#include <doctest/doctest.h>

#include "voicectl/base/text.h"

namespace voicectl {
namespace {

using std::chrono::milliseconds;
using SystemTime = std::chrono::system_clock::time_point;

TEST_CASE("durations are read as people write them") {
    const std::vector<std::pair<std::string, long>> good{
        {"90s", 90'000},       {"15m", 900'000},        {"2h", 7'200'000},    {"1d", 86'400'000}, {"1w", 604'800'000},
        {"250ms", 250},        {"1h30m", 5'400'000},    {"1m30s500ms", 90'500}, {"1.5h", 5'400'000}, {"0.5s", 500},
        {".5s", 500},          {"90", 90'000},          {"2.5", 2500},        {"0", 0},           {"0s", 0},
        {" 5m ", 300'000},     {"0.0004s", 0},          {"0.0006s", 1},       {"36500d", 3'153'600'000'000}};
    for (const auto& [text, ms] : good) {
        const auto parsed = parse_duration(text);
        CHECK_MESSAGE((parsed && parsed->count() == ms), text);
    }
}

TEST_CASE("what is no duration is refused with an example") {
    for (const std::string bad :
         {"", " ", "s", "m5", "-5s", "-0s", "+5s", "1m30", "0m30", "1e3s", "1e3", "５s", "5 s", "5S", "5sec", "1,5h", "1.2.3s", "inf", "infs",
          "nan", "nans", "0x10s", "5s-1s", "5s 3m", "1h30", "s5s", "999999999w", "1e999s", ".s", "."}) {
        const auto parsed = parse_duration(bad);
        REQUIRE_MESSAGE(!parsed, bad);
        CHECK(parsed.error().code == Errc::Usage);
        CHECK_FALSE(parsed.error().hint.empty());
    }
    CHECK_FALSE(parse_duration(std::string("5m\0", 3)));
    CHECK_FALSE(parse_duration(std::string(400, '9') + "s"));
    CHECK(parse_duration("\x1b[31m").error().message == "'\\u001b[31m' is not a duration");
}

TEST_CASE("durations are shown with the precision that matters") {
    const std::vector<std::pair<long, std::string>> table{
        {0, "0 ms"},          {850, "850 ms"},       {999, "999 ms"},        {1000, "1.0 s"},      {2449, "2.4 s"},
        {59'949, "59.9 s"},   {59'950, "1m 0s"},     {59'999, "1m 0s"},      {60'000, "1m 0s"},    {200'000, "3m 20s"},
        {3'599'499, "59m 59s"}, {3'599'600, "1h 0m"}, {7'500'000, "2h 5m"},   {86'399'000, "23h 59m"}, {86'400'000, "1d 0h"},
        {93'600'000, "1d 2h"}, {-5, "-5 ms"}};
    for (const auto& [ms, text] : table) CHECK(format_duration(milliseconds(ms)) == text);
}

TEST_CASE("times are written in UTC with milliseconds, also before 1970") {
    CHECK(format_time(SystemTime{}) == "1970-01-01T00:00:00.000Z");
    CHECK(format_time(SystemTime(milliseconds(1'767'323'045'678))) == "2026-01-02T03:04:05.678Z");
    CHECK(format_time(SystemTime(milliseconds(-1))) == "1969-12-31T23:59:59.999Z");
    CHECK_FALSE(format_time(SystemTime::max()).empty());
    CHECK_FALSE(format_time(SystemTime::min()).empty());
}

TEST_CASE("times are read with any offset and precision, and what was written comes back") {
    const SystemTime expected(milliseconds(1'767'323'045'678));
    for (const std::string text : {"2026-01-02T03:04:05.678Z", "2026-01-02t03:04:05.678z", "2026-01-02 03:04:05.678Z",
                                   "2026-01-02T04:34:05.678+01:30", "2026-01-01T22:04:05.678-05:00", "2026-01-02T03:04:05.678000000Z"})
        CHECK_MESSAGE(*parse_time(text) == expected, text);
    CHECK(*parse_time("2026-01-02") == SystemTime(std::chrono::seconds(1'767'312'000)));
    CHECK(*parse_time("2024-02-29T00:00:00Z") == *parse_time("2024-02-28T23:59:60Z"));
    CHECK(format_time(*parse_time("1969-12-31T23:59:59.999Z")) == "1969-12-31T23:59:59.999Z");
    CHECK(parse_time("2026-01-02T03:04:05.1234567891234Z"));
}

TEST_CASE("what is no time is refused with an example") {
    for (const std::string bad :
         {"", "now", "2026", "2026-1-2", "2026-13-01", "2026-02-29", "2026-01-02T", "2026-01-02T03:04Z", "2026-01-02T03:04:05",
          "2026-01-02T24:00:00Z", "2026-01-02T03:60:00Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+0100", "2026-01-02T03:04:05Zx",
          "2026-01-02T03:04:05+24:00", "0000-01-01", "9999-12-31T00:00:00Z", "-2026-01-01", "1767323045"}) {
        const auto parsed = parse_time(bad);
        REQUIRE_MESSAGE(!parsed, bad);
        CHECK(parsed.error().code == Errc::Usage);
        CHECK_FALSE(parsed.error().hint.empty());
    }
}

}  // namespace
}  // namespace voicectl
