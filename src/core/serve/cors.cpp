#include "cors.h"

#include <algorithm>

#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::serve {
namespace {

constexpr const char* kMethods = "GET, HEAD, POST, PUT, PATCH";
constexpr const char* kAllowedHeaders = "Authorization, Content-Type, Range, X-Request-Id";
constexpr const char* kExposedHeaders = "X-Request-Id, Retry-After, Content-Range, Content-Disposition";
constexpr const char* kPreflightSeconds = "600";

/// "scheme://host[:port]" and nothing behind it.
Result<net::Url> parse_origin(const std::string& text) {
    const auto url = net::parse_url(text);
    const auto slashes = text.find("://");
    const bool bare = slashes != std::string::npos && text.find_first_of("/?#", slashes + 3) == std::string::npos;
    if (url && bare && (url->scheme == "http" || url->scheme == "https")) return *url;
    return fail_with_hint(Errc::Usage, fmt::format("'{}' is no origin", plain_text(text, 80)), "scheme, host and port alone: https://app.example.com");
}

}  // namespace

Result<Cors> Cors::create(std::vector<std::string> origins, bool development) {
    if (origins.empty() && !development)
        return fail_with_hint(Errc::Usage, "no origins are named that browsers may call from", "set CORS_ALLOWED_ORIGINS=https://app.example.com (comma separated), or ENV=development");
    Cors out;
    out.development_ = development;
    for (auto& one : origins) {
        auto origin = to_lower_ascii(one);
        if (origin.ends_with('/')) origin.pop_back();
        VC_TRY_ASSIGN(const auto url, parse_origin(origin));
        if (!development && !url.secure() && !net::is_loopback(url.host)) return fail_with_hint(Errc::Usage, fmt::format("the origin {} has no TLS", origin), "anybody on its way could use the API in its name: https://…");
        out.origins_.push_back(std::move(origin));
    }
    return out;
}

bool Cors::allows(const std::string& origin) const {
    if (std::find(origins_.begin(), origins_.end(), origin) != origins_.end()) return true;
    if (!development_) return false;
    const auto url = parse_origin(origin);
    return url && net::is_loopback(url->host);
}

net::Headers Cors::headers_for(const std::string& origin) const {
    if (origin.empty() || !allows(origin)) return {};
    return {{"Access-Control-Allow-Origin", origin}, {"Access-Control-Expose-Headers", kExposedHeaders}};
}

bool Cors::is_preflight(const net::ServedRequest& request) {
    return request.method == "OPTIONS" && !request.header("origin").empty() && !request.header("access-control-request-method").empty();
}

net::ServedResponse Cors::preflight(const net::ServedRequest& request) const {
    const std::string origin(request.header("origin"));
    if (!allows(origin)) return {403, "this origin is not allowed here\n"};
    return {204, "", "text/plain", {{"Access-Control-Allow-Methods", kMethods}, {"Access-Control-Allow-Headers", kAllowedHeaders}, {"Access-Control-Max-Age", kPreflightSeconds}}};
}

}  // namespace voicectl::serve
