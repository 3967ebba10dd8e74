// Sample webhook events: every one that LiveKit knows, with values as a server sends them. Values, any thread.
// Wire facts: docs/webhooks.md.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "voicectl/livekit/token.h"

namespace voicectl::livekit {

/// The names of all events, in the order of a call's life.
const std::vector<std::string>& webhook_events();

struct SampleOptions {
    std::string room = "demo", participant = "ann";                 // name and identity
    std::vector<std::pair<std::string, std::string>> set;           // path ("room.metadata") and value; in order
    SystemTime now = std::chrono::system_clock::now();
};

/// The event as protojson, on one line. Ids follow from room and participant, so that the events of one call fit together; only
/// the event's own is new each time. Usage, naming what there is: no such event, a path or a value that no event has.
Result<std::string> sample_event(std::string_view event, const SampleOptions& options);

}  // namespace voicectl::livekit
