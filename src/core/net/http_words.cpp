#include "http_words.h"

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::net {
namespace {

constexpr const char* kBrokeOff = "the server or a proxy before it broke off; its log may say why, and trying again may help";
constexpr const char* kTooSlow = "the server is busy, hangs, or something between drops packets; a longer --timeout waits more";

bool breaks_lines(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos; }

}  // namespace

Result<Url> check_request(const HttpRequest& request) {
    VC_TRY_ASSIGN(auto url, parse_url(request.url));
    if (url.scheme != "http" && url.scheme != "https")
        return fail(Errc::Usage, "'{}' is not an http or https URL", redact(request.url));
    VC_TRY(check_head(request));
    return url;
}

Result<void> check_head(const HttpRequest& request) {
    if (request.method.empty() || request.method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
        return fail(Errc::Usage, "'{}' is not an HTTP method", terminal_safe(request.method));
    for (const auto& [name, value] : request.headers) {
        if (name.empty() || name.find(':') != std::string::npos || breaks_lines(name) || breaks_lines(value))
            return fail(Errc::Usage, "header '{}' cannot be sent: it breaks the line", terminal_safe(name));
    }
    return {};
}

bool has_body(const HttpRequest& request) {
    return !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
}

Error unresolved(std::string_view host) { return {Errc::Unreachable, fmt::format("cannot resolve host {}", host), "check the name in the URL and the DNS of this machine"}; }

Error connection_refused(std::string_view peer) {
    return {Errc::Unreachable, fmt::format("connection refused by {}", peer), "is the server running, and is the port right?"};
}

Error not_connected(std::string_view peer, std::string_view cause) { return {Errc::Unreachable, fmt::format("cannot connect to {}: {}", peer, cause), {}}; }

Error too_far(std::string_view peer, std::chrono::milliseconds waited) {
    return {Errc::Unreachable, fmt::format("no connection to {} within {}", peer, format_duration(waited)), "is the address right, and does a firewall let it through?"};
}

Error not_trusted(std::string_view peer, std::string_view reason) {
    return {Errc::Unreachable, fmt::format("the TLS certificate of {} is not trusted: {}", peer, reason), "install its authority on this machine, or name it in SSL_CERT_FILE"};
}

Error no_tls(std::string_view peer, std::string_view reason) {
    return {Errc::Unreachable, fmt::format("no TLS connection to {}: {}", peer, reason), "does the server speak TLS on this port?"};
}

Error no_handshake(std::string_view peer, std::chrono::milliseconds waited) {
    return {Errc::Timeout, fmt::format("no TLS handshake with {} within {}", peer, format_duration(waited)), {}};
}

Error closed_unanswered(std::string_view peer) { return {Errc::Unreachable, fmt::format("{} closed the connection without an answer", peer), kBrokeOff}; }
Error broke(std::string_view peer, std::string_view reason) { return {Errc::Unreachable, fmt::format("the connection to {} broke: {}", peer, reason), {}}; }
Error ended_early(std::string_view peer) { return {Errc::Protocol, fmt::format("{} ended its answer too early", peer), kBrokeOff}; }
Error no_answer_from(std::string_view peer) { return {Errc::Protocol, fmt::format("{} sent no complete answer", peer), kBrokeOff}; }
Error too_large(std::string_view peer, std::string_view what, std::size_t most) { return {Errc::Protocol, fmt::format("{}: the {} is larger than {} bytes", peer, what, most), {}}; }
Error not_http(std::string_view peer) { return {Errc::Protocol, fmt::format("{} does not answer in HTTP", peer), {}}; }

Error silent(std::string_view peer, std::chrono::milliseconds limit) {
    return {Errc::Timeout, fmt::format("{} said nothing for {}", peer, format_duration(limit)), kTooSlow};
}

Error unfinished(std::string_view peer, std::chrono::milliseconds limit) {
    return {Errc::Timeout, fmt::format("no complete answer from {} within {}", peer, format_duration(limit)), kTooSlow};
}

}  // namespace voicectl::net
