#include "core/transcript/times.h"

#include <chrono>

#include "core/transcript/escape.h"
#include "voicectl/base/text.h"

namespace voicectl::transcript {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

void append_padded(std::string& out, std::int64_t number, int digits) {
    for (std::int64_t unit = digits == 3 ? 100 : 10; unit > 0; unit /= 10) out += static_cast<char>('0' + number / unit % 10);
}

// 03:04:05 and the decimals behind `decimal`, hours below 100.
void append_clock(std::string& out, std::int64_t ms, char decimal) {
    append_padded(out, ms / 3'600'000, 2);
    out += ':';
    append_padded(out, ms / 60'000 % 60, 2);
    out += ':';
    append_padded(out, ms / 1000 % 60, 2);
    out += decimal;
    append_padded(out, ms % 1000, 3);
}

}  // namespace

std::int64_t ms_between(store::SystemTime from, store::SystemTime to) {
    return std::chrono::floor<std::chrono::milliseconds>(to - from).count();
}

std::int64_t unix_ms(store::SystemTime time) { return ms_between({}, time); }

void TimeText::append(std::string& out, store::SystemTime time) {
    const auto ms = unix_ms(time);
    if (ms < 0) {  // before 1970: nobody's call
        out += format_time(time);
        return;
    }
    if (const auto day = ms / kDayMs; std::exchange(day_, day) != day) {
        const auto whole = format_time(time);
        date_ = whole.substr(0, whole.find('T') + 1);
    }
    out += date_;
    append_clock(out, ms % kDayMs, '.');
    out += 'Z';
}

std::optional<store::SystemTime> parse_others_time(std::string_view text) {
    const auto year = text.substr(0, 4);
    if (year < "1970" || year > "2254") return std::nullopt;
    const auto time = parse_time(text);
    if (!time || *time < store::SystemTime{}) return std::nullopt;
    return *time;
}

void append_cue_time(std::string& out, std::int64_t ms, char decimal) {
    constexpr std::int64_t kHundredHours = 360'000'000;
    if (ms < kHundredHours) return append_clock(out, ms, decimal);
    append_number(out, ms / 360'000'000);
    append_clock(out, ms % kHundredHours, decimal);
}

}  // namespace voicectl::transcript
