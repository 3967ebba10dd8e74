// What a webhook event says about rooms, participants, tracks, egresses, ingresses and jobs, each with the version by which
// it takes its place among what other events say. Pure; any thread. Wire facts: docs/webhooks.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/store/webhooks.h"

namespace voicectl::store {

/// Something with a life of its own, and a patch of what is known of it.
struct WebhookFact {
    std::string kind;  // room, participant, track, egress, ingress, job
    std::string id;    // its sid or id, unique within its kind
    std::string room, room_sid;
    std::string version;
    nlohmann::json patch;
};

struct ParsedWebhook {
    std::string id, event, room, room_sid;
    std::int64_t created_at = 0;  // seconds
    std::vector<WebhookFact> facts;
};

/// Nothing secret is taken over (turn passwords, storage keys, stream addresses). Rejected when it is no event.
Result<ParsedWebhook> parse_webhook(std::string_view body);

}  // namespace voicectl::store
