#include "voicectl/base/redact.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "voicectl/base/text.h"

namespace voicectl {
namespace {

constexpr std::string_view kMask = "***";
constexpr std::size_t kShortestSecret = 6;

struct Secrets {
    std::shared_mutex mutex;
    std::vector<std::string> values;
};

Secrets& secrets() {
    static Secrets instance;  // the one piece of process-wide state: a secret is one wherever it surfaces
    return instance;
}

bool is_token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

void replace_all(std::string& text, std::string_view what) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += kMask.size())
        text.replace(at, what.size(), kMask);
}

// A compact JWS whose header is JSON starts with base64url of `{"`: "eyJ" (or `{ "`, "eyA").
void mask_jwts(std::string& text) {
    std::size_t at = 0;
    while ((at = text.find("ey", at)) != std::string::npos) {
        if (at > 0 && is_token_char(text[at - 1])) {
            at += 2;
            continue;
        }
        auto end = at;
        int dots = 0;
        while (end < text.size() && (is_token_char(text[end]) || text[end] == '.')) dots += text[end++] == '.';
        if (dots >= 1 && end - at >= 20) {
            text.replace(at, end - at, kMask);
            at += kMask.size();
        } else {
            at = end;
        }
    }
}

// Masks the value that follows `key`, be it JSON ("key": "value"), a parameter (key=value) or YAML.
void mask_value_after(std::string& text, std::string_view key) {
    std::size_t at = 0;
    while ((at = text.find(key, at)) != std::string::npos) {
        at += key.size();
        auto begin = text.find_first_not_of("\\\"': =", at);
        if (begin == std::string::npos || begin == at) continue;
        const bool quoted = text[begin - 1] == '"' || text[begin - 1] == '\'';
        auto end = quoted ? text.find_first_of("\\\"'", begin) : text.find_first_of(" ,&;\"'}\n\r\t", begin);
        if (end == std::string::npos) end = text.size();
        if (text.compare(begin, kMask.size(), kMask) != 0) text.replace(begin, end - begin, kMask);
        at = begin + kMask.size();
    }
}

}  // namespace

void register_secret(std::string_view secret) {
    if (secret.size() < kShortestSecret) return;
    std::unique_lock lock(secrets().mutex);
    auto& values = secrets().values;
    if (std::find(values.begin(), values.end(), secret) != values.end()) return;
    values.emplace_back(secret);
    // Longest first, so that a secret that contains another is masked whole.
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string redact(std::string_view text) {
    std::string out(text);
    {
        std::shared_lock lock(secrets().mutex);
        for (const auto& secret : secrets().values) replace_all(out, secret);
    }
    mask_jwts(out);
    for (std::string_view key : {"turn_password", "turnPassword", "access_token", "Bearer "}) mask_value_after(out, key);
    return out;
}

std::string cut_speech(std::string_view text, std::size_t limit) {
    const auto clean = terminal_safe(valid_utf8(text));
    if (utf8_length(clean) <= limit) return clean;
    std::size_t bytes = 0;
    for (std::size_t count = 0; bytes < clean.size(); ++bytes) {
        if ((static_cast<unsigned char>(clean[bytes]) & 0xC0) != 0x80 && count++ == limit) break;
    }
    return clean.substr(0, bytes) + "…";
}

}  // namespace voicectl
