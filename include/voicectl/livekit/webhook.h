// Webhook deliveries: is one LiveKit's, and how to sign one. Values, any thread; nothing here throws or waits, and all of it
// takes what anybody may have sent.
// Wire facts: docs/webhooks.md. What counts is what both of LiveKit's own receivers (Go's protocol/webhook, Python's
// livekit-api) take; where they differ, the stricter decides. The one exception is "Bearer " before the token, which neither
// takes and which proxies add.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "voicectl/livekit/token.h"

namespace voicectl::livekit {

inline constexpr const char* kWebhookContentType = "application/webhook+json";
inline constexpr std::chrono::seconds kWebhookTokenLife{300};
inline constexpr std::chrono::seconds kWebhookLeeway{60};

/// API key → secret.
using WebhookKeys = std::map<std::string, std::string, std::less<>>;

enum class DeliveryFault { None, NoHeader, Malformed, UnknownKey, Algorithm, BadSignature, Expired, NotYetValid, NoBodyHash, BodyHash };
/// "none", "no_header", …: for JSON and logs, stable.
std::string_view to_string(DeliveryFault fault);

struct WebhookVerdict {
    DeliveryFault fault = DeliveryFault::None;
    std::string reason;        // one sentence, safe for a terminal, never the token; empty when valid
    std::string hint;          // what to do about it
    std::string key;           // the API key that the token names; of anybody's making until the signature is good
    std::string claimed_hash;  // sha256 of the token, standard base64; empty: none
    std::string body_hash;     // of the body as it came, the same way
    bool reencoded = false;    // BodyHash only: the same JSON written another way, so a parser stood before us
    bool bearer = false;       // "Bearer " stood before the token
    std::optional<SystemTime> not_before, expires, issued_at;

    bool valid() const { return fault == DeliveryFault::None; }
};

/// `authorization`: the header's value as it came, empty when there was none. `body`: its exact bytes. The first thing wrong
/// is told, in the order in which LiveKit looks.
WebhookVerdict verify_delivery(std::string_view authorization, std::string_view body, const WebhookKeys& keys,
                               SystemTime now = std::chrono::system_clock::now());

/// The value of the Authorization header for exactly these bytes: a bare token, as the server sends it.
std::string sign_delivery(const ApiKey& key, std::string_view body, SystemTime now = std::chrono::system_clock::now(),
                          std::chrono::seconds ttl = kWebhookTokenLife);

/// SHA-256 in standard base64, as the claim has it.
std::string webhook_hash(std::string_view body);

}  // namespace voicectl::livekit
