// LiveKit access tokens: compact JWS, HS256. Values, any thread.
// Wire facts: livekit.io "Authentication" and tries against server 1.13.5 (docs/wire-facts.md).
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::livekit {

using SystemTime = std::chrono::system_clock::time_point;

/// API key and secret. Whoever reads a secret registers it for redaction (base/redact.h).
struct ApiKey {
    std::string key;
    std::string secret;
};

/// `video` claim. An absent optional is left out of the token; the server's defaults apply then
/// (canPublish, canSubscribe: true; canPublishData: as canPublish).
struct VideoGrant {
    bool room_create = false, room_list = false, room_record = false, room_admin = false, room_join = false;
    bool ingress_admin = false, hidden = false, recorder = false, agent = false;
    std::string room, destination_room;
    std::optional<bool> can_publish, can_subscribe, can_publish_data, can_update_own_metadata;
    std::optional<bool> can_subscribe_metrics, can_manage_agent_session;
    std::vector<std::string> can_publish_sources;  // camera microphone screen_share screen_share_audio
    bool operator==(const VideoGrant&) const = default;
};

struct Claims {
    std::string identity, name, metadata, kind;
    std::map<std::string, std::string> attributes;
    VideoGrant video;
    std::vector<std::string> kind_details;
    bool sip_admin = false, sip_call = false;
    bool agent_admin = false, agent_simulation_admin = false;            // LiveKit Cloud only, as are the next
    bool inference_perform = false, observability_write = false;
    std::string sha256;                  // webhook tokens only
    std::string room_preset;
    std::string room_config_json;        // protojson of RoomConfiguration; empty: none
    std::string issuer;                  // filled by parse; mint() puts the key there
    std::optional<SystemTime> not_before, expires, issued_at;
};

/// Signs `claims`, valid from now (minus nothing: servers allow 60 s of skew) for `ttl`. Times set in
/// `claims` win over that.
std::string mint(const ApiKey& key, const Claims& claims, std::chrono::seconds ttl,
                 SystemTime now = std::chrono::system_clock::now());

/// What the server gives an agent whose worker accepted a job: to join `room` as a participant of kind agent. Job tokens are
/// the server's to make; this is for a call that goes on without one.
Claims agent_claims(const std::string& room, const std::string& identity, const std::string& agent_name);

/// The same claims for another `ttl` from now; `token` itself when it cannot be read.
std::string renew(const ApiKey& key, const std::string& token, std::chrono::seconds ttl);

/// Claims as JSON, exactly as mint() signs them.
nlohmann::ordered_json to_json(const Claims& claims);

enum class TokenFault { None, Malformed, Algorithm, WrongKey, BadSignature, Expired, NotYetValid };
std::string_view to_string(TokenFault fault);  // "bad_signature", …

struct Verdict {
    TokenFault fault = TokenFault::None;
    std::string reason;         // one sentence, never the token
    Claims claims;              // as far as they could be read; unverified when fault is set
    std::string claims_json;    // the payload as it stands in the token
    std::string header_json;    // the same of its header
};

/// What a server holding `key` would decide. `leeway` is 60 s on both ends on LiveKit's side.
Verdict verify(const ApiKey& key, std::string_view token, SystemTime now = std::chrono::system_clock::now(),
               std::chrono::seconds leeway = std::chrono::seconds{60});
/// Reads without checking anything.
Result<Claims> parse_unverified(std::string_view token);

/// Why the server would not let the holder of a genuine token join: no roomJoin, no room, no identity.
/// Empty when it would.
std::vector<std::string> join_obstacles(const Claims& claims);

/// What each set grant allows, in words: {"roomJoin", "join room \"demo\""}, …
std::vector<std::pair<std::string, std::string>> explain(const Claims& claims);

}  // namespace voicectl::livekit
