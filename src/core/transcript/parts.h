// What several forms print of a turn. Any thread.
#pragma once

#include <string>
#include <vector>

#include "voicectl/transcript/format.h"

namespace voicectl::transcript {

inline std::string_view role_of(const store::Turn& turn) { return turn.speaker == store::Speaker::Agent ? "agent" : "user"; }
/// As the style names the identity, else the role; else the role itself.
std::string_view name_of(const store::Turn& turn, const Style& style);

/// One thing that the agent called, in one line: "book_table: ok, 120 ms".
std::vector<std::string> tool_lines(const store::Turn& turn);

/// The lines of a text without blanks around them; empty ones are left out.
std::vector<std::string_view> lines_of(std::string_view text);

// The forms, for the table in format.cpp.
std::unique_ptr<Writer> create_json(const Style& style);
std::unique_ptr<Writer> create_json_lines(const Style& style);
std::unique_ptr<Writer> create_csv(const Style& style);
std::unique_ptr<Writer> create_markdown(const Style& style);
std::unique_ptr<Writer> create_text(const Style& style);
std::unique_ptr<Writer> create_srt(const Style& style);
std::unique_ptr<Writer> create_vtt(const Style& style);

}  // namespace voicectl::transcript
