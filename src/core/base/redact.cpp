#include "voicectl/base/redact.h"

#include <atomic>
#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
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

bool is_jws_char(char c) { return is_token_char(c) || c == '.'; }

bool is_json_object(std::string_view base64url) {
    const auto decoded = base64url_decode(base64url);
    if (!decoded) return false;
    const auto text = trim(*decoded);
    return text.starts_with('{') && text.ends_with('}');
}

// Where in a run of token characters a compact JWS starts (RFC 7515 section 7.1): a JSON object in
// base64url, a dot, the rest. Anywhere in the run, since escapes such as \n and %3D end in letters that
// look like part of it. Nearly every header starts with `{"`, "eyJ", and is believed even when it is cut.
std::size_t find_jws(std::string_view run) {
    constexpr std::size_t kShortest = 20;
    for (std::size_t at = 0; at + kShortest <= run.size(); ++at) {
        if (run[at] != 'e') continue;
        const auto rest = run.substr(at);
        const auto dot = rest.find('.');
        if (dot == std::string_view::npos) return dot;
        if (rest.starts_with("eyJ")) return at;
        if ((rest.starts_with("ey") || rest.starts_with("ew")) && is_json_object(rest.substr(0, dot))) return at;
    }
    return std::string_view::npos;
}

void mask_jwts(std::string& text) {
    std::string out;
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto begin = std::find_if(rest.begin(), rest.end(), is_jws_char);
        out.append(rest.begin(), begin);
        const auto end = std::find_if_not(begin, rest.end(), is_jws_char);
        std::string_view run(begin, end);
        rest = std::string_view(end, rest.end());
        const auto at = find_jws(run);
        out += run.substr(0, at);
        if (at == std::string_view::npos) continue;
        out += kMask;
        if (run.ends_with('.')) out += '.';  // of the sentence
    }
    text = std::move(out);
}

struct Quote {
    std::size_t backslashes = 0;  // in front of it: 1 in JSON within JSON
    char mark = '\0';             // none: the value is not quoted
    std::size_t size() const { return mark == '\0' ? 0 : backslashes + 1; }
};

Quote quote_at(std::string_view text) {
    const auto backslashes = std::min(text.find_first_not_of('\\'), text.size());
    if (backslashes == text.size() || (text[backslashes] != '"' && text[backslashes] != '\'')) return {};
    return {backslashes, text[backslashes]};
}

// How long the value is that `open` began. A mark with more backslashes than `open` is part of it.
std::size_t value_length(std::string_view text, Quote open) {
    if (open.mark == '\0') return std::min(text.find_first_of(" ,&;\"'}\\\n\r\t"), text.size());
    std::size_t backslashes = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == open.mark && backslashes <= open.backslashes) return at - backslashes;
        backslashes = text[at] == '\\' ? backslashes + 1 : 0;
        if (open.backslashes == 0 && backslashes == 2) backslashes = 0;  // an escaped backslash
    }
    return text.size();
}

// How much of `text` stands between a key and its value: its closing quote, then `:` or `=`, or %3D.
std::size_t separator_length(std::string_view text) {
    auto at = quote_at(text).size();
    at = std::min(text.find_first_not_of(' ', at), text.size());
    if (text.substr(at).starts_with("%3D") || text.substr(at).starts_with("%3d")) return at + 3;
    if (at == text.size() || (text[at] != ':' && text[at] != '=')) return 0;
    return std::min(text.find_first_not_of(' ', at + 1), text.size());
}

std::string mask_values_of(std::string_view text, std::string_view lower_key) {
    const auto lower = to_lower_ascii(text);
    std::string out;
    std::size_t done = 0;
    for (std::size_t at = 0; (at = lower.find(lower_key, at)) != std::string::npos;) {
        at += lower_key.size();
        const auto separator = separator_length(text.substr(at));
        if (separator == 0) continue;
        at += separator;
        const auto open = quote_at(text.substr(at));
        at += open.size();
        const auto length = value_length(text.substr(at), open);
        if (length == 0) continue;
        out.append(text.substr(done, at - done)).append(kMask);
        done = at += length;
    }
    return out.append(text.substr(done));
}

// "Bearer token is missing" names no token; a word of lower-case letters is not one.
bool is_plain_word(std::string_view text) {
    return text.size() < 16 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string mask_credentials_after(std::string_view text, std::string_view lower_scheme) {
    const auto lower = to_lower_ascii(text);
    std::string out;
    std::size_t done = 0;
    for (std::size_t at = 0; (at = lower.find(lower_scheme, at)) != std::string::npos;) {
        at += lower_scheme.size();
        const auto length = value_length(text.substr(at), {});
        if (length == 0 || is_plain_word(text.substr(at, length))) continue;
        out.append(text.substr(done, at - done)).append(kMask);
        done = at += length;
    }
    return out.append(text.substr(done));
}

std::string percent_encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (is_token_char(c) || c == '.' || c == '~') out += c;
        else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string json_escaped(std::string_view text) {
    auto out = nlohmann::json(valid_utf8(text)).dump();
    return out.substr(1, out.size() - 2);
}

}  // namespace

void register_secret(std::string_view secret) {
    if (secret.size() < kShortestSecret) return;
    std::unique_lock lock(secrets().mutex);
    auto& values = secrets().values;
    for (auto& form : {std::string(secret), percent_encoded(secret), json_escaped(secret)})
        if (std::find(values.begin(), values.end(), form) == values.end()) values.push_back(form);
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
    for (std::string_view key : {"turn_password", "turnpassword", "access_token"}) out = mask_values_of(out, key);
    for (std::string_view scheme : {"bearer ", "authorization: token ", "authorization: basic "})
        out = mask_credentials_after(out, scheme);
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

namespace {
std::atomic<bool> shown{false};  // process-wide like the registry, and like it only ever set
}
void show_secrets() { shown = true; }
bool secrets_shown() { return shown; }

}  // namespace voicectl
