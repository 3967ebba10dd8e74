// Which recordings this worker takes, and what is said to LiveKit of one before it runs. Values, any thread; nothing here
// waits for anything.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "voicectl/egress/plan.h"
#include "voicectl/livekit/egress_request.h"

namespace voicectl::egress {

/// A refusal as psrpc has it: "invalid_argument", "failed_precondition", "permission_denied" … and words for the user.
struct Fault {
    std::string code, message;
};

/// What this worker is set up for.
struct Policy {
    bool participant_audio = false;  // participant requests mean video as well; true: their audio is enough
    bool files = true;               // recordings may stay on this machine
    std::string root;                // their folder; empty: where the process runs
    bool absolute_paths = false;     // a request may name any place of this machine
    livekit::proto::StorageConfig storage;  // for requests without one; empty: files
    std::string prefix;              // in that storage, before every name
};

struct Take {
    Plan plan;
};
/// Not bid for: another worker can do it. The reason is for the log.
struct Leave {
    std::string reason;
};
/// Find out whether this track is audio, and judge again with the answer.
struct AskTrack {
    std::string track_id;
};
/// No worker could do it.
struct Refuse {
    Fault fault;
};
using Judgement = std::variant<Take, Leave, AskTrack, Refuse>;

/// In time for a bid. `track_is_audio`: the answer to AskTrack.
Judgement judge(const livekit::EgressRequest& request, const Policy& policy, std::optional<bool> track_is_audio = {});
/// After the award: what would only show when the recording is stored. Nothing: all is well.
std::optional<Fault> validate(const Plan& plan, const Policy& policy);

/// The record of a job that has just been taken, its request redacted.
livekit::proto::EgressInfo first_info(const livekit::EgressRequest& request, std::chrono::system_clock::time_point now);
/// Its secrets as placeholders ({access_key}); what LiveKit stores, lists and sends to webhooks.
livekit::EgressRequest redact(livekit::EgressRequest request);
void redact(google::protobuf::Message& message);

}  // namespace voicectl::egress
