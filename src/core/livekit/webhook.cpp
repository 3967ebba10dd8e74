#include "voicectl/livekit/webhook.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "voicectl/base/digest.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "webhook_forms.h"

namespace voicectl::livekit {
namespace {

using Json = nlohmann::json;

// Tokens of deliveries have some 300 bytes.
constexpr std::size_t kLongestHeader = 16 * 1024;
constexpr int kDeepestClaims = 16;

struct Fault {
    DeliveryFault fault;
    std::string reason, hint;
};

constexpr const char* kForged = "do not act on it: whoever sent it does not hold the secret, or ours is an old one";
constexpr const char* kNotOfLiveKit = "LiveKit sends a bare token of three parts; is this the Authorization header of the delivery, whole?";
constexpr const char* kOther = "no LiveKit server signs so; do not act on it";

std::string_view without_bearer(std::string_view header) {
    constexpr std::string_view kBearer = "bearer ";
    if (to_lower_ascii(header.substr(0, kBearer.size())) != kBearer) return header;
    return trim(header.substr(kBearer.size()));
}

bool whole_seconds(const Json& time) {
    if (time.is_number()) return true;
    return time.is_string() && time.get_ref<const std::string&>().find_first_not_of("0123456789") == std::string::npos;
}

const Json& claim(const Json& claims, const char* name) {
    static const Json kNull;
    const auto found = claims.find(name);
    return found == claims.end() ? kNull : *found;
}

// Python reads names as they are, Go in any case: a claim that only one of them sees is worth nothing.
std::optional<std::string> hidden_claim(const Json& claims) {
    constexpr std::array<std::string_view, 8> kRead{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sha256"};
    for (const auto& [name, value] : claims.items()) {
        const auto lower = to_lower_ascii(name);
        if (lower != name && std::find(kRead.begin(), kRead.end(), lower) != kRead.end()) return fmt::format("its {} is written {}", lower, name);
    }
    return std::nullopt;
}

std::optional<std::string> ill_typed(const Json& claims) {
    const auto any = [&](std::initializer_list<const char*> names, auto wrong) -> std::optional<std::string> {
        for (const char* name : names)
            if (const auto found = claims.find(name); found != claims.end() && wrong(*found)) return name;
        return std::nullopt;
    };
    if (const auto name = any({"exp", "nbf", "iat"}, [](const Json& value) { return !whole_seconds(value); })) return fmt::format("its {} is no number of seconds", *name);
    if (const auto name = any({"sub", "jti"}, [](const Json& value) { return !value.is_string(); })) return fmt::format("its {} is no text", *name);
    if (const auto name = any({"video", "sip", "inference", "observability"}, [](const Json& value) { return value.is_null(); })) return fmt::format("its {} is null", *name);
    return std::nullopt;
}

// What Python's receiver refuses and Go's does not.
std::optional<std::string> python_minds(const std::string& header_text, const std::string& claims_text) {
    const auto header = parse_object(header_text, kDeepestClaims), claims = parse_object(claims_text, kDeepestClaims);
    if (!header || !claims) return fmt::format("it {}", !header ? header.error() : claims.error());
    if (const auto crit = header->find("crit"); crit != header->end() && *crit != Json::array({"b64"})) return "its header asks for an extension (crit)";
    if (const auto kid = header->find("kid"); kid != header->end() && !kid->is_string()) return "its header's kid is no text";
    if (const auto b64 = header->find("b64"); b64 != header->end() && *b64 == false) return "its header says that the claims are not base64 (b64)";
    if (auto why = hidden_claim(*claims)) return why;
    if (auto why = ill_typed(*claims)) return why;
    const auto& audience = claim(*claims, "aud");
    if (!audience.is_null() && !audience.empty() && audience != "") return "it is for another audience (aud)";
    if (claim(*claims, "exp").is_null()) return "it has no end (exp): it would be good for ever";
    return std::nullopt;
}

DeliveryFault fault_of(TokenFault fault) {
    switch (fault) {
        case TokenFault::None: return DeliveryFault::None;
        case TokenFault::Malformed: return DeliveryFault::Malformed;
        case TokenFault::Algorithm: return DeliveryFault::Algorithm;
        case TokenFault::WrongKey: return DeliveryFault::UnknownKey;
        case TokenFault::BadSignature: return DeliveryFault::BadSignature;
        case TokenFault::Expired: return DeliveryFault::Expired;
        case TokenFault::NotYetValid: return DeliveryFault::NotYetValid;
    }
    return DeliveryFault::Malformed;
}

std::string hint_for(TokenFault fault) {
    switch (fault) {
        case TokenFault::BadSignature: return kForged;
        case TokenFault::Algorithm: return kOther;
        case TokenFault::Expired: return "an old delivery sent again, or a clock that is wrong; --at TIME judges it as of then";
        case TokenFault::NotYetValid: return "compare the clocks of the server and of this machine";
        default: return kNotOfLiveKit;
    }
}

std::optional<Fault> token_fault(std::string_view token, const WebhookKeys& keys, SystemTime now, WebhookVerdict& verdict) {
    if (token.size() > kLongestHeader) return Fault{DeliveryFault::Malformed, "the Authorization header is larger than any token of LiveKit", kNotOfLiveKit};
    const auto unread = parse_unverified(token);
    if (!unread) return Fault{DeliveryFault::Malformed, fmt::format("the token is malformed: {}", unread.error().message), kNotOfLiveKit};
    verdict.key = unread->issuer;
    verdict.not_before = unread->not_before;
    verdict.expires = unread->expires;
    verdict.issued_at = unread->issued_at;
    const auto secret = keys.find(unread->issuer);
    if (secret == keys.end() || secret->second.empty()) {
        const auto named = plain_text(unread->issuer, 80);
        return Fault{DeliveryFault::UnknownKey, named.empty() ? "the token names no API key" : fmt::format("the token is of API key '{}', whose secret is not known here", named),
                     "webhook.api_key of the server's configuration says which key it signs with; give that key and its secret"};
    }
    const auto checked = verify({secret->first, secret->second}, token, now, kWebhookLeeway);
    if (checked.fault != TokenFault::None)
        return Fault{fault_of(checked.fault), fmt::format("the token is not valid: {}", checked.reason), hint_for(checked.fault)};
    if (const auto why = python_minds(checked.header_json, checked.claims_json)) return Fault{DeliveryFault::Malformed, fmt::format("the token is not valid: {}", *why), kOther};
    if (unread->issued_at && *unread->issued_at > now + kWebhookLeeway)
        return Fault{DeliveryFault::NotYetValid, "the token is not valid: it was issued in the future (iat)", hint_for(TokenFault::NotYetValid)};
    verdict.claimed_hash = checked.claims.sha256;
    return std::nullopt;
}

std::optional<Fault> body_fault(std::string_view body, WebhookVerdict& verdict) {
    const auto& claimed = verdict.claimed_hash;
    if (claimed.empty()) {
        return Fault{DeliveryFault::NoBodyHash, "the token does not say which body it is for (no sha256)",
                     "it is a token for something else, such as joining a room; do not act on the body"};
    }
    if (same_secret(claimed, verdict.body_hash)) return std::nullopt;
    verdict.reencoded = any_form(body, [&](std::string_view form) { return same_secret(claimed, webhook_hash(form)); });
    const auto hashes = fmt::format("the token is for sha256 {}, the body has {}", plain_text(claimed, 64), verdict.body_hash);
    if (verdict.reencoded) {
        return Fault{DeliveryFault::BodyHash, fmt::format("the body was re-encoded: {}", hashes),
                     "something parsed the JSON and wrote it anew; hand on the raw bytes as they came"};
    }
    return Fault{DeliveryFault::BodyHash, fmt::format("the body was changed: {}", hashes),
                 "bytes were lost, added or changed on the way, or token and body are of two deliveries"};
}

}  // namespace

std::string_view to_string(DeliveryFault fault) {
    constexpr std::array<std::string_view, 10> kNames{"none",          "no_header", "malformed",     "unknown_key",  "algorithm",
                                                      "bad_signature", "expired",   "not_yet_valid", "no_body_hash", "body_hash"};
    return kNames.at(static_cast<std::size_t>(fault));
}

std::string webhook_hash(std::string_view body) { return base64_encode(sha256(body)); }

WebhookVerdict verify_delivery(std::string_view authorization, std::string_view body, const WebhookKeys& keys, SystemTime now) {
    WebhookVerdict verdict;
    verdict.body_hash = webhook_hash(body);
    const auto header = trim(authorization);
    const auto token = without_bearer(header);
    verdict.bearer = token.size() != header.size();
    std::optional<Fault> found;
    if (token.empty()) found = Fault{DeliveryFault::NoHeader, "there is no Authorization header", "a proxy may drop it; LiveKit always sends one"};
    if (!found) found = token_fault(token, keys, now, verdict);
    if (!found) found = body_fault(body, verdict);
    if (found) {
        verdict.fault = found->fault;
        verdict.reason = plain_text(found->reason, 400);  // names of anybody's making stand in it
        verdict.hint = std::move(found->hint);
    }
    return verdict;
}

std::string sign_delivery(const ApiKey& key, std::string_view body, SystemTime now, std::chrono::seconds ttl) {
    Claims claims;
    claims.issued_at = now;
    claims.sha256 = webhook_hash(body);
    return mint(key, claims, ttl, now);
}

}  // namespace voicectl::livekit
