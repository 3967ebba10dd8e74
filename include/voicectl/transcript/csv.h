// A text as a field of CSV. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace voicectl::transcript {

/// By RFC 4180, in quotes. What a spreadsheet would take for a formula has an apostrophe in front, what steers a terminal or
/// turns text around is shown as \uXXXX; line ends and tabs stay.
void append_csv(std::string& out, std::string_view text);

}  // namespace voicectl::transcript
