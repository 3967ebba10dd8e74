// LiveKit's webhook events in the store: each once, whole, and the state of rooms that follows from them. Blocking,
// as the store that has them; owned by it, on its thread.
//
// The state is the same for every order of arrival and any number of repeats: who wins is decided by the times
// and ids within the events, never by when they came. Wire facts: docs/webhooks.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::store {

using SystemTime = std::chrono::system_clock::time_point;

struct WebhookEvent {
    std::string id;        // "EV_…", the same in every repeat
    std::string event;     // room_started, …
    std::string room, room_sid;  // "" where the event names none
    std::string key;       // the API key that signed it; "" when that was not checked
    SystemTime created_at; // by the server, whole seconds
    SystemTime received_at;
    std::string body;      // the exact bytes
    std::string authorization;  // as captured: a token that is good for five minutes. Read back by event() alone
    bool forward = true;   // to the targets named beside it
    bool operator==(const WebhookEvent&) const = default;
};

/// What is read from a body: id, event, room, room_sid, created_at and body are set. Rejected when it is no event.
Result<WebhookEvent> parse_webhook_event(std::string body);

struct EventFilter {
    std::vector<std::string> events;        // empty: all
    std::string room;                       // name or sid; empty: all
    std::optional<SystemTime> since, until; // when received: since <= at < until
    int limit = 0;                          // newest first; 0: all
};

/// A recording as its egress events tell of it, bound to its call by the room's sid.
struct Recording {
    std::string egress_id, room, room_sid;
    std::string status;     // EGRESS_ACTIVE, EGRESS_COMPLETE, …
    std::string location;   // of the first file
    std::string error;
    std::optional<SystemTime> started_at, ended_at;
    std::chrono::milliseconds duration{0};  // of all files together
    std::int64_t size = 0;                  // bytes, of all files together
    bool operator==(const Recording&) const = default;
};

/// One attempt to hand an event over: to us (target "") or from us to a target.
struct Delivery {
    std::string event_id, event, room;
    std::string target;   // shown as it is: logins and queries are left out
    int attempt = 1;
    std::string outcome;  // stored, repeated, refused, postponed; delivered, failed, refused, gone, expired
    int status = 0;       // of HTTP; 0: no answer
    std::chrono::milliseconds took{0};
    SystemTime at;
    std::string reason;
    bool operator==(const Delivery&) const = default;
};

struct DeliveryFilter {
    std::string event_id, room, outcome;    // empty: all
    bool forwarded = false;                 // only what we handed over
    bool refused = false;                   // only what was handed to us and not taken
    int limit = 0;                          // newest first; 0: all
};

/// An event on its way to a target. Of one room only the oldest is ever due.
struct Forward {
    std::int64_t id = 0;
    std::string target;  // the whole address
    int attempts = 0;    // so far
    SystemTime queued_at;
    WebhookEvent event;  // without its authorization
};

class Webhooks {
 public:
    virtual ~Webhooks() = default;

    /// All in one transaction: events, the state that results, what is to be forwarded, the delivery log. For each
    /// whether it is new; one that is known changes nothing but the log. Durable once it returns.
    virtual Result<std::vector<bool>> take(const std::vector<WebhookEvent>& events, const std::vector<std::string>& targets) = 0;

    /// Deliveries to us that were not answered 200, for the log alone. Of these the newest kMostRefused are kept: anybody can
    /// make them.
    virtual Result<void> log_refused(const std::vector<Delivery>& deliveries) = 0;
    static constexpr int kMostRefused = 10'000;

    /// Newest first, one at a time, without authorization. `each` returns false to stop; no lock is held while it runs.
    virtual Result<void> events(const EventFilter& filter, const std::function<bool(const WebhookEvent&)>& each) = 0;
    /// With its authorization. NotFound.
    virtual Result<WebhookEvent> event(const std::string& id) = 0;

    /// The state of one call as a JSON object, by the room's sid or by its name (the latest): sid, name, status, startedAt,
    /// finishedAt, metadata, participants, tracks, recordings, ingress, jobs, gaps. NotFound.
    virtual Result<std::string> call_state(const std::string& sid_or_name) = 0;
    /// The sids of calls that are not over, with their rooms' names; those touched last come first.
    virtual Result<std::vector<std::pair<std::string, std::string>>> open_calls(int limit) = 0;

    /// Newest first. `room`: name or sid; empty: all.
    virtual Result<std::vector<Recording>> recordings(const std::string& room, int limit) = 0;

    virtual Result<std::vector<Delivery>> deliveries(const DeliveryFilter& filter) = 0;

    /// The oldest of each room and target among `targets`, if its time has come; `busy` are left out.
    virtual Result<std::vector<Forward>> due_forwards(const std::vector<std::string>& targets, const std::vector<std::int64_t>& busy, SystemTime now,
                                                      int limit) = 0;
    /// When the next one comes due; nothing: none waits.
    virtual Result<std::optional<SystemTime>> next_forward(const std::vector<std::string>& targets) = 0;
    /// Logs the attempt; with `again` it is due again then, otherwise it is off the queue.
    virtual Result<void> end_forward(std::int64_t id, const Delivery& attempt, std::optional<SystemTime> again) = 0;
    /// Takes all that waits for a target off the queue; how many.
    virtual Result<int> drop_target(const std::string& target) = 0;
    virtual Result<int> queued_forwards() = 0;

    /// Removes events received before that and the log of deliveries before that, state of calls that ended before that,
    /// and what still waited to be forwarded from them. How many events. Ids of the last 15 minutes always stay.
    virtual Result<int> forget(SystemTime before) = 0;
};

}  // namespace voicectl::store
