#include "core/transcript/escape.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace voicectl::transcript {
namespace {

constexpr auto kInString = care_for("\"\\");
constexpr auto kInJson = care_for("");

void append_escaped(std::string& out, char32_t c, std::string_view bytes) {
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    if (is_control(c) || turns_text(c) || ends_line(c)) append_visible(out, c);
    else out += bytes;
}

/// Recognises JSON as programs write it: on one line, in ASCII, with plain escapes and numbers. Says no to much that is JSON, too, and yes to
/// nothing that is none, at a tenth of what a parser costs.
class PlainJson {
 public:
    explicit PlainJson(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}
    bool is_object() { return at_ != end_ && *at_ == '{' && value(0) && at_ == end_; }

 private:
    static constexpr int kDeepest = 16;

    bool take(char c) { return at_ != end_ && *at_ == c && (++at_, true); }
    bool take(std::string_view word) {
        if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }
    bool value(int depth) {
        if (depth > kDeepest || at_ == end_) return false;
        switch (*at_) {
            case '{': return list('{', '}', depth);
            case '[': return list('[', ']', depth);
            case '"': return string();
            case 't': return take("true");
            case 'f': return take("false");
            case 'n': return take("null");
            default: return number();
        }
    }
    bool list(char opens, char closes, int depth) {
        take(opens);
        if (take(closes)) return true;
        do {
            if (opens == '{' && !(string() && take(':'))) return false;
            if (!value(depth + 1)) return false;
        } while (take(','));
        return take(closes);
    }
    bool string() {
        if (!take('"')) return false;
        for (; at_ != end_ && *at_ != '"'; ++at_) {
            if (const auto c = static_cast<unsigned char>(*at_); c < 0x20 || c >= 0x7F) return false;
            if (*at_ == '\\' && (++at_ == end_ || std::string_view("\"\\/bfnrt").find(*at_) == std::string_view::npos)) return false;
        }
        return take('"');
    }
    std::ptrdiff_t digits() {
        const auto* begin = at_;
        while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
        return at_ - begin;
    }
    bool number() {
        constexpr std::ptrdiff_t kMost = 18;
        take('-');
        const bool zero = at_ != end_ && *at_ == '0';
        const auto whole = digits();
        if (whole == 0 || whole > kMost || (zero && whole > 1)) return false;
        if (!take('.')) return true;
        const auto rest = digits();
        return rest > 0 && rest <= kMost;
    }

    const char* at_;
    const char* end_;
};

bool is_object(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    return begin != std::string::npos && text[begin] == '{' && nlohmann::json::accept(text);
}

}  // namespace

void append_visible(std::string& out, char32_t c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[c >> shift & 0xF];
}

void append_json(std::string& out, std::string_view text) {
    out += '"';
    walk(out, text, kInString, [&](char32_t c, std::string_view bytes) { append_escaped(out, c, bytes); });
    out += '"';
}

void append_json_object(std::string& out, const std::string& text) {
    if (text.empty()) {
        out += "{}";
        return;
    }
    if (PlainJson(text).is_object()) {
        out += text;
        return;
    }
    if (!is_object(text)) {
        const auto valid = valid_utf8(text);
        if (valid == text) out += "{}";
        else append_json_object(out, valid);
        return;
    }
    // Raw control characters stand between values only, and other characters within strings only.
    walk(out, text, kInJson, [&](char32_t c, std::string_view bytes) {
        if (c == '\n' || c == '\r' || c == '\t') out += ' ';
        else append_escaped(out, c, bytes);
    });
}

void append_number(std::string& out, std::int64_t number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

}  // namespace voicectl::transcript
