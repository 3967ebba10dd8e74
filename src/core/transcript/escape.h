// Walking over text of others on its way into a form: what needs no care is copied in runs, the rest is given to the
// form character by character. Any thread.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "voicectl/base/text.h"

namespace voicectl::transcript {

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD for what is no UTF-8

inline bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }
/// Direction marks, embeddings, overrides and isolates: they make a line read otherwise than it is.
inline bool turns_text(char32_t c) {
    return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F || c == 0x061C;
}
inline bool ends_line(char32_t c) { return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029; }

using CareTable = std::array<bool, 256>;
/// Control characters, all that is not ASCII, and `more`.
constexpr CareTable care_for(std::string_view more) {
    CareTable out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = i < 0x20 || i >= 0x7F;
    for (const char c : more) out[static_cast<unsigned char>(c)] = true;
    return out;
}

/// `special(value, bytes)` appends for each character that needs care; what is no UTF-8 comes as U+FFFD.
template<class Special>
void walk(std::string& out, std::string_view text, const CareTable& care, Special special) {
    while (!text.empty()) {
        const auto* end = std::find_if(text.begin(), text.end(), [&](char c) { return care[static_cast<unsigned char>(c)]; });
        const auto plain = static_cast<std::size_t>(end - text.begin());
        out.append(text.data(), plain);
        text.remove_prefix(plain);
        if (text.empty()) return;
        const auto [value, bytes] = first_code_point(text);
        special(value, bytes == 0 ? kReplacement : text.substr(0, bytes));
        text.remove_prefix(std::max<std::size_t>(1, bytes));
    }
}

/// "\u202e"
void append_visible(std::string& out, char32_t c);
/// As a JSON string, with its quotes: nothing is lost, and what steers a terminal or turns text around stands as \uXXXX.
void append_json(std::string& out, std::string_view text);
/// JSON that others wrote, on one line and as harmless as append_json(); {} for what is no JSON object.
void append_json_object(std::string& out, const std::string& text);
void append_number(std::string& out, std::int64_t number);

}  // namespace voicectl::transcript
