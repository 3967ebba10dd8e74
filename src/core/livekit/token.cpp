#include "voicectl/livekit/token.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>

#include <nlohmann/json.hpp>

#include "claims.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::livekit {
namespace {

using OrderedJson = nlohmann::ordered_json;

// By nettle: the first HMAC of a process costs OpenSSL 2 MB and a millisecond for its provider and all of its algorithms.
std::string hmac_sha256(std::string_view key, std::string_view text) {
    const auto bytes = [](auto* data) { return reinterpret_cast<const std::uint8_t*>(data); };
    hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, key.size(), bytes(key.data()));
    hmac_sha256_update(&context, text.size(), bytes(text.data()));
    std::string out(SHA256_DIGEST_SIZE, '\0');
    hmac_sha256_digest(&context, out.size(), reinterpret_cast<std::uint8_t*>(out.data()));
    return out;
}

// The server's decoder does not mind what the unused bits of the last character are; ours does.
Result<std::string> decode_part(std::string_view part) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string canonical(part);
    const std::size_t unused = part.size() % 4 == 2 ? 4 : part.size() % 4 == 3 ? 2 : 0;
    if (unused != 0) {
        const auto value = kAlphabet.find(canonical.back());
        if (value != std::string_view::npos) canonical.back() = kAlphabet[value >> unused << unused];
    }
    return base64url_decode(canonical);
}

struct Parts {
    std::string header, payload, signature;  // decoded
    std::string_view signed_text;
};

Result<Parts> take_apart(std::string_view token) {
    const auto malformed = fail(Errc::Protocol, "it does not have the form header.claims.signature");
    const auto first = token.find('.');
    const auto last = token.rfind('.');
    if (first == std::string_view::npos || first == last || token.find('.', first + 1) != last) return malformed;
    auto header = decode_part(token.substr(0, first));
    auto payload = decode_part(token.substr(first + 1, last - first - 1));
    auto signature = decode_part(token.substr(last + 1));
    if (!header || !payload || !signature) return fail(Errc::Protocol, "a part of it is not base64url");
    return Parts{std::move(*header), std::move(*payload), std::move(*signature), token.substr(0, last)};
}

Result<std::string> algorithm(const std::string& header) {
    const auto json = header.find('\0') == std::string::npos ? OrderedJson::parse(header, nullptr, false) : OrderedJson();
    if (!json.is_object()) return fail(Errc::Protocol, "its header is not a JSON object");
    const auto found = json.find("alg");
    if (found == json.end() || !found->is_string()) return fail(Errc::Protocol, "its header names no algorithm");
    return found->get<std::string>();
}

bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && memeql_sec(a.data(), b.data(), a.size()) == 1;
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
    auto parts = take_apart(token);
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
    if (!same(hmac_sha256(key.secret, parts->signed_text), parts->signature))
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
    VC_TRY_ASSIGN(const auto parts, take_apart(token));
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
