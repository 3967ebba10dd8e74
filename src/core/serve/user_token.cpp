#include "core/serve/user_token.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/serve/public_keys.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::serve {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestToken = 8 * 1024, kLongestUser = 256;
constexpr int kDeepestToken = 16;

std::unexpected<Error> refused(std::string why) { return std::unexpected(Error{Errc::Auth, std::move(why), {}}); }

// A token that its issuer made for something else (RFC 8725, 3.11): "logout+jwt", "secevent+jwt".
bool is_of_access(std::string_view type) {
    auto lower = to_lower_ascii(type);
    if (lower.starts_with("application/")) lower.erase(0, std::string_view("application/").size());
    return lower == "jwt" || lower == "at+jwt";
}

/// Seconds since 1970; none when it is not there.
Result<std::optional<double>> time_at(const Json& claims, const char* name) {
    const auto found = claims.find(name);
    if (found == claims.end()) return std::nullopt;
    const auto value = found->is_number() ? found->get<double>() : NAN;
    if (!std::isfinite(value)) return refused(fmt::format("its {} is no number", name));
    return value;
}

Result<void> check_times(const Json& claims, double now, double leeway) {
    VC_TRY_ASSIGN(const auto end, time_at(claims, "exp"));
    VC_TRY_ASSIGN(const auto begin, time_at(claims, "nbf"));
    VC_TRY_ASSIGN(const auto issued, time_at(claims, "iat"));
    if (!end) return refused("it has no end (exp)");
    if (now >= *end + leeway) return refused("it has expired (exp)");
    if (begin && *begin > now + leeway) return refused("it is not valid yet (nbf)");
    if (issued && *issued > now + leeway) return refused("it was issued in the future (iat)");
    return {};
}

bool is_for(const Json& claims, const std::string& audience) {
    const auto found = claims.find("aud");
    if (audience.empty()) return found == claims.end();
    if (found == claims.end()) return false;
    if (!found->is_array()) return *found == audience;
    return std::all_of(found->begin(), found->end(), [](const Json& one) { return one.is_string(); }) &&
           std::find(found->begin(), found->end(), audience) != found->end();
}

}  // namespace

Result<TokenHead> read_head(std::string_view token) {
    if (token.size() > kLargestToken) return refused(fmt::format("it is longer than {} bytes", kLargestToken));
    auto parts = parse_jws(token, UnusedBits::Refused);
    if (!parts) return refused(parts.error().message);
    const auto header = parse_unambiguous_object(parts->header, kDeepestToken);
    if (!header) return refused("its header " + header.error());
    if (header->contains("crit")) return refused("its header has demands that are not understood here (crit)");
    if (header->contains("typ") && !is_of_access(text_at(*header, "typ"))) return refused("it is of another type than access tokens (typ)");
    const auto id = header->find("kid");
    if (id != header->end() && (!id->is_string() || id->get_ref<const std::string&>().size() > kLongestKeyId))
        return refused("its header does not name a key in text of up to 256 bytes (kid)");
    const auto algorithm = text_at(*header, "alg");
    if (algorithm.empty()) return refused("its header names no algorithm (alg)");
    if (to_lower_ascii(algorithm) == "none") return refused("it is not signed (alg: none)");
    return TokenHead{std::move(*parts), algorithm, text_at(*header, "kid")};
}

Result<std::string> read_user(std::string_view payload, const UserTokens& wanted, std::chrono::system_clock::time_point now) {
    const auto claims = parse_unambiguous_object(payload, kDeepestToken);
    if (!claims) return refused("its payload " + claims.error());
    VC_TRY(check_times(*claims, std::chrono::duration<double>(now.time_since_epoch()).count(), static_cast<double>(wanted.leeway.count())));
    if (!wanted.issuer.empty() && text_at(*claims, "iss") != wanted.issuer) return refused("it comes from another issuer (iss)");
    if (!is_for(*claims, wanted.audience)) return refused(wanted.audience.empty() ? "it is for an audience, and none is set here (aud)" : "it is for another audience (aud)");
    auto user = text_at(*claims, "sub");
    if (user.empty()) return refused("it names no user (sub)");
    if (user.size() > kLongestUser || plain_text(user, kLongestUser) != user) return refused("its user is no plain text of up to 256 bytes (sub)");
    return user;
}

}  // namespace voicectl::serve
