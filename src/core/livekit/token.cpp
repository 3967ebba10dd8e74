#include "voicectl/livekit/token.h"

#include <nlohmann/json.hpp>

#include "claims.h"
#include "voicectl/base/digest.h"
#include "voicectl/base/json.h"
#include "voicectl/base/jws.h"
#include "voicectl/base/text.h"

namespace voicectl::livekit {
namespace {

using OrderedJson = nlohmann::ordered_json;

Result<std::string> algorithm(const std::string& header) {
    const auto json = header.find('\0') == std::string::npos ? OrderedJson::parse(header, nullptr, false) : OrderedJson();
    if (!json.is_object()) return fail(Errc::Protocol, "its header is not a JSON object");
    const auto found = json.find("alg");
    if (found == json.end() || !found->is_string()) return fail(Errc::Protocol, "its header names no algorithm");
    return found->get<std::string>();
}

// What parse_claims() makes of a number that no 64-bit integer holds.
bool before_any_clock(SystemTime time) { return time < SystemTime(std::chrono::seconds(-9'000'000'000)); }

bool beyond_any_clock(SystemTime time) { return time > SystemTime(std::chrono::seconds(9'000'000'000)); }

// Whole seconds: between the clock's ends lie more nanoseconds than its integer holds.
std::string time_between(SystemTime from, SystemTime to) {
    using std::chrono::seconds;
    const auto whole = [](SystemTime time) { return std::chrono::floor<seconds>(time).time_since_epoch(); };
    return format_duration(whole(to) - whole(from));
}

}  // namespace

std::string mint(const ApiKey& key, const Claims& claims, std::chrono::seconds ttl, SystemTime now) {
    Claims full = claims;
    full.issuer = key.key;
    if (!full.not_before) full.not_before = now;
    if (!full.expires) full.expires = now + ttl;
    const auto payload = json_text(to_json(full));
    const auto text = base64url_encode(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url_encode(payload);
    return text + "." + base64url_encode(hmac_sha256(key.secret, text));
}

Claims agent_claims(const std::string& room, const std::string& identity, const std::string& agent_name) {
    Claims claims;
    claims.identity = identity;
    claims.name = agent_name;
    claims.kind = "agent";
    claims.attributes = {{"lk.agent_name", agent_name}, {"lk.agent.name", agent_name}};
    claims.video.room = room;
    claims.video.room_join = claims.video.agent = true;
    claims.video.can_publish = claims.video.can_subscribe = claims.video.can_publish_data = claims.video.can_update_own_metadata = true;
    return claims;
}

std::string renew(const ApiKey& key, const std::string& token, std::chrono::seconds ttl) {
    auto claims = parse_unverified(token);
    if (!claims) return token;
    claims->not_before = claims->expires = claims->issued_at = std::nullopt;
    return mint(key, *claims, ttl);
}

std::string_view to_string(TokenFault fault) {
    switch (fault) {
        case TokenFault::None: return "none";
        case TokenFault::Malformed: return "malformed";
        case TokenFault::Algorithm: return "algorithm";
        case TokenFault::WrongKey: return "wrong_key";
        case TokenFault::BadSignature: return "bad_signature";
        case TokenFault::Expired: return "expired";
        case TokenFault::NotYetValid: return "not_yet_valid";
    }
    return "malformed";
}

// In the order in which the server looks: the first thing wrong is the one it names.
Verdict verify(const ApiKey& key, std::string_view token, SystemTime now, std::chrono::seconds leeway) {
    Verdict verdict;
    const auto found = [&](TokenFault fault, std::string reason) {
        verdict.fault = fault;
        verdict.reason = std::move(reason);
        return verdict;
    };
    // The server's decoder does not mind what the unused bits of the last character are.
    auto parts = parse_jws(token, UnusedBits::Ignored);
    if (!parts) return found(TokenFault::Malformed, parts.error().message);
    verdict.claims_json = parts->payload;
    verdict.header_json = parts->header;
    const auto named = algorithm(parts->header);
    if (!named) return found(TokenFault::Malformed, named.error().message);
    auto claims = parse_claims(parts->payload);
    if (!claims) return found(TokenFault::Malformed, claims.error().message);
    verdict.claims = std::move(*claims);

    if (verdict.claims.issuer != key.key) {
        return found(TokenFault::WrongKey, fmt::format("it was issued for API key '{}', not for '{}'",
                                                       terminal_safe(verdict.claims.issuer), terminal_safe(key.key)));
    }
    if (*named != "HS256") return found(TokenFault::Algorithm, fmt::format("its algorithm is {}, only HS256 counts", terminal_safe(*named)));
    if (!same_secret(hmac_sha256(key.secret, parts->signed_text), parts->signature))
        return found(TokenFault::BadSignature, "its signature was not made with the secret of this API key");
    if (verdict.claims.expires && before_any_clock(*verdict.claims.expires))
        return found(TokenFault::Expired, "its end (exp) is a number beyond any clock, which servers take for long past");
    if (const auto& end = verdict.claims.expires; end && now >= *end + leeway)
        return found(TokenFault::Expired, fmt::format("it expired {} ago", time_between(*end, now)));
    if (const auto& begin = verdict.claims.not_before; begin && beyond_any_clock(*begin))
        return found(TokenFault::NotYetValid, "its begin (nbf) lies beyond any clock: milliseconds where seconds should be?");
    if (const auto& begin = verdict.claims.not_before; begin && now < *begin - leeway)
        return found(TokenFault::NotYetValid, fmt::format("it is not valid before {} from now", time_between(now, *begin)));
    return verdict;
}

Result<Claims> parse_unverified(std::string_view token) {
    VC_TRY_ASSIGN(const auto parts, parse_jws(token, UnusedBits::Ignored));
    VC_TRY(algorithm(parts.header));
    return parse_claims(parts.payload);
}

std::vector<std::string> join_obstacles(const Claims& claims) {
    std::vector<std::string> out;
    if (!claims.video.room_join) out.emplace_back("no roomJoin grant");
    if (claims.video.room.empty()) out.emplace_back("no room");
    if (claims.identity.empty()) out.emplace_back("no identity");
    return out;
}

}  // namespace voicectl::livekit
