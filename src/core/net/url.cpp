#include "voicectl/net/url.h"

#include <charconv>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::net {
namespace {

constexpr const char* kExample = "write it like wss://voice.example.com or ws://localhost:7880";

int default_port(std::string_view scheme) {
    if (scheme == "http" || scheme == "ws") return 80;
    if (scheme == "https" || scheme == "wss") return 443;
    return 0;
}

std::unexpected<Error> refuse(std::string_view text, std::string_view why) {
    const auto shown = text.find('@') == std::string_view::npos ? redact(text) : fmt::format("***{}", text.substr(text.rfind('@')));  // a login
    return fail_with_hint(Errc::Usage, fmt::format("'{}' is not a server URL: {}", terminal_safe(shown), why), kExample);
}

bool host_character(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
           byte >= 0x80;
}

bool plausible_host(std::string_view host, bool bracketed) {
    if (host.empty()) return false;
    for (const char c : host) {
        const bool address = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
        if (bracketed ? !address : !host_character(c)) return false;
    }
    return true;
}

}  // namespace

std::string Url::authority() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::string Url::host_header() const {
    auto out = authority();
    if (port == default_port(scheme)) out.resize(out.rfind(':'));
    return out;
}

std::string Url::to_string() const { return fmt::format("{}://{}{}", scheme, authority(), path); }

Result<Url> parse_url(std::string_view text) {
    const auto whole = text;
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) return refuse(whole, "no scheme");
    Url url;
    url.scheme = to_lower_ascii(text.substr(0, colon));
    url.port = default_port(url.scheme);
    if (url.port == 0) return refuse(whole, "the scheme is none of ws, wss, http, https");
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F) return refuse(whole, "a blank or control character in it");

    text.remove_prefix(colon + 3);
    const auto end = text.find_first_of("/?#");
    auto authority = text.substr(0, end);
    auto path = end == std::string_view::npos ? std::string_view{} : text.substr(end);
    path = path.substr(0, path.find('#'));
    url.path = path.starts_with('/') ? std::string(path) : fmt::format("/{}", path);

    // Not repeated in the message: what stands there may be a password.
    if (authority.find('@') != std::string_view::npos)
        return fail_with_hint(Errc::Usage, "the server URL has a user name in it", kExample);
    const bool bracketed = authority.starts_with('[');
    std::string_view port;
    if (bracketed) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos) return refuse(whole, "'[' without ']'");
        port = authority.substr(close + 1);
        url.host = authority.substr(1, close - 1);
    } else {
        const auto at = authority.find(':');
        port = at == std::string_view::npos ? std::string_view{} : authority.substr(at);
        url.host = authority.substr(0, at);
    }
    if (!plausible_host(url.host, bracketed)) return refuse(whole, "no host name in it");
    if (port.empty()) return url;
    port.remove_prefix(1);
    const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || stop != port.data() + port.size() || url.port < 1 || url.port > 65535)
        return refuse(whole, "the port is no number from 1 to 65535");
    return url;
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "::1" || (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos) || host.ends_with(".localhost");
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string out;
    for (const char c : text) {
        if (kUnreserved.find(c) != std::string_view::npos) out += c;
        else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        const auto* digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace voicectl::net
