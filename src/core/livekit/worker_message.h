// What a server says to a worker, as a plain value. Bytes of others: parsed or refused, never thrown. Pure, any thread.
#pragma once

#include <string>

#include "voicectl/livekit/worker.h"

namespace voicectl::livekit {

struct WorkerMessage {
    enum class Kind { Registered, Offer, Assigned, Terminated, Other } kind = Kind::Other;  // Other: pongs, and what newer servers say
    Job job;                                // Offer, Assigned
    std::string token;                      // Assigned
    std::string job_id;                     // Terminated
    std::string worker_id, server_version;  // Registered
};

/// Protocol when it is no worker message.
Result<WorkerMessage> parse_worker_message(const std::string& bytes);

}  // namespace voicectl::livekit
