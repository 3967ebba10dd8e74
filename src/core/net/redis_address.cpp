#include <algorithm>
#include <charconv>

#include "voicectl/base/redact.h"
#include "voicectl/net/redis.h"
#include "voicectl/net/url.h"

namespace voicectl::net {
namespace {

constexpr const char* kRedisForm = "write host:6379, redis://USER:PASSWORD@HOST:6379/DB (rediss:// with TLS), with %40 for @ in the password, or unix:///PATH";

std::unexpected<Error> refuse_redis(std::string_view why) {
    return fail_with_hint(Errc::Usage, fmt::format("the address of Redis is not understood: {}", why), kRedisForm);
}

bool take_scheme(std::string_view& text, std::string_view scheme) {
    if (!text.starts_with(scheme)) return false;
    text.remove_prefix(scheme.size());
    return true;
}

void take_login(std::string_view& text, RedisAddress& out) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos) return;
    const auto login = text.substr(0, at);
    const auto colon = login.find(':');
    out.user = percent_decode(login.substr(0, colon));
    if (colon != std::string_view::npos) out.password = percent_decode(login.substr(colon + 1));
    text.remove_prefix(at + 1);
}

}  // namespace

std::string RedisAddress::shown() const {
    if (!path.empty()) return path;
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

Result<RedisAddress> parse_redis_address(std::string_view text) {
    RedisAddress out;
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7F; })) return refuse_redis("a blank or control character in it");
    if (take_scheme(text, "unix://")) {
        take_login(text, out);
        register_secret(out.password);
        if (!text.starts_with('/')) return refuse_redis("the path of the socket does not begin with /");
        out.path = percent_decode(text);
        return out;
    }
    out.tls = take_scheme(text, "rediss://");
    if (!out.tls && !take_scheme(text, "redis://") && text.find("://") != std::string_view::npos) return refuse_redis("the scheme is none of redis, rediss, unix");
    take_login(text, out);
    register_secret(out.password);
    if (out.password.empty() && !out.user.empty()) return refuse_redis("a user without a password");
    const auto slash = text.find('/');
    if (slash != std::string_view::npos && slash + 1 < text.size()) {
        const auto db = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(db.data(), db.data() + db.size(), out.db);
        if (error != std::errc{} || end != db.data() + db.size() || out.db < 0) return refuse_redis("the database is no number");
    }
    const auto place = text.substr(0, slash);
    const auto url = parse_url(fmt::format("http://{}", place));
    if (!url || url->path != "/") return refuse_redis("no host with a port from 1 to 65535 in it");
    out.host = url->host;
    if (url->port != 80 || place.ends_with(":80")) out.port = url->port;
    return out;
}

}  // namespace voicectl::net
