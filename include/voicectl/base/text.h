// Small text forms that more than one layer needs. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl {

/// Base64url without padding (RFC 4648 section 5), as in JWTs.
std::string base64url_encode(std::string_view bytes);
Result<std::string> base64url_decode(std::string_view text);
/// Standard base64 with padding (RFC 4648 section 4).
std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);

/// Cryptographically random; `length` characters of [0-9A-Za-z].
std::string random_id(std::size_t length);

/// Durations as people write them: `90s`, `15m`, `2h`, `1d`, `1w`, `250ms`, `1h30m`, and a bare number of
/// seconds. Negative and empty are refused; zero is the caller's affair.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "850 ms", "2.4 s", "3m 20s", "2h 5m", "1d 2h".
std::string format_duration(std::chrono::milliseconds duration);
/// RFC 3339 in UTC with milliseconds, "2026-01-02T03:04:05.678Z".
std::string format_time(std::chrono::system_clock::time_point time);
/// RFC 3339 with any offset, or a date alone (midnight UTC).
Result<std::chrono::system_clock::time_point> parse_time(std::string_view text);

/// Replaces every invalid UTF-8 sequence by U+FFFD.
std::string valid_utf8(std::string_view text);
/// Escapes control characters (also C1 and bidirectional overrides), so that text of others cannot steer
/// a terminal.
std::string terminal_safe(std::string_view text);
/// Text of others as a value within text of ours: control characters and ends of lines become blanks (with `lines` an
/// end of line and a tab stay), what nobody sees or what turns text around is dropped, invalid UTF-8 becomes U+FFFD.
/// At most `limit` characters.
std::string plain_text(std::string_view text, std::size_t limit, bool lines = false);
/// "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" in hexadecimal digits.
bool is_uuid(std::string_view text);
/// The first code point of `text`, which is not empty. What is no UTF-8 by RFC 3629: U+FFFD, 0 bytes.
struct CodePoint {
    char32_t value;
    std::size_t bytes;
};
CodePoint first_code_point(std::string_view text);
/// Number of code points.
std::size_t utf8_length(std::string_view text);

std::string to_lower_ascii(std::string_view text);
std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);

/// The whole of a small text file; at most `limit` bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit = 64 * 1024 * 1024);
/// Written beside and renamed over, so that readers see the old or the new text, never a part (AtomicFile
/// does it bit by bit).
Result<void> write_file_atomically(const std::string& path, std::string_view bytes, int mode = 0644);

}  // namespace voicectl
