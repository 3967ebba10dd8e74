// Times of turns as the forms print them. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "voicectl/store/store.h"

namespace voicectl::transcript {

/// Milliseconds, downwards.
std::int64_t ms_between(store::SystemTime from, store::SystemTime to);
std::int64_t unix_ms(store::SystemTime time);

/// Of times that others name, in ms: the year 2255. What comes of adding and subtracting them the clock can still hold.
inline constexpr std::int64_t kLastMs = 9'000'000'000'000;
/// parse_time() of what lies between 1970 and then; nothing otherwise.
std::optional<store::SystemTime> parse_others_time(std::string_view text);

/// What format_time() gives, at a tenth of the cost: the date is made once a day. One owner.
class TimeText {
 public:
    void append(std::string& out, store::SystemTime time);

 private:
    std::int64_t day_ = -1;
    std::string date_;
};

/// No cue is written to begin later in its call: 31 years, whatever a wrong clock says.
inline constexpr std::int64_t kLatestCueMs = 1'000'000'000'000;

/// 01:02:03,456; hours grow to as many digits as they need. `ms` is not negative.
void append_cue_time(std::string& out, std::int64_t ms, char decimal);

}  // namespace voicectl::transcript
