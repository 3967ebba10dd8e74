// How a job ends, in the words that LiveKit's own egress worker uses: clients and dashboards know them. Values, any thread.
#pragma once

#include <string>
#include <string_view>

#include "voicectl/egress/recording.h"

namespace voicectl::egress {

struct Outcome {
    livekit::proto::EgressStatus status = livekit::proto::EGRESS_COMPLETE;
    std::string error;
    int error_code = 0;       // an HTTP status, as LiveKit has it
    std::string details;
    bool stores = true;       // there is a file that is worth keeping
    bool silent = false;      // another worker has the job: nothing is stored, nothing reported
};

/// `asked`: why we stopped it, "StopEgress API" or "Process killed".
Outcome outcome_of(const Ended& ended, std::string_view asked);
/// Of a job whose process died. `recorded`: there is sound in its file. What was only to be stored ends as it would have.
Outcome outcome_of_orphan(const livekit::proto::EgressInfo& info, bool recorded);
/// What remains of `outcome` when the file could not be stored.
Outcome not_stored(Outcome outcome, const Error& error);


}  // namespace voicectl::egress
