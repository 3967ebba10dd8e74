// A whole call, made and judged by the caller's ears. Blocks its thread; starts a loop thread of its own
// for room and timers. Whatever happens, what it made is taken away again.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "voicectl/e2e/report.h"
#include "voicectl/e2e/script.h"
#include "voicectl/livekit/twirp.h"
#include "voicectl/net/http.h"

namespace voicectl::e2e {

struct CallTestOptions {
    /// Absent: --local, a livekit-server and an agent of our own.
    std::optional<livekit::Server> server;
    std::string agent_config;  // --local: the agent's YAML; empty: the built-in receptionist
    std::string executable;    // --local: voicectl itself, which becomes the agent
    std::string agent_name;    // dispatched explicitly; empty: whoever comes to the room by itself
    std::string room;          // empty: a name of our own; a room that is there already is not deleted
    std::string metadata;      // of the dispatch
    Script script;
    std::string voice = "rms";         // the caller's, flite
    std::string store;                 // the agent's store; empty: no transcript check, unless --local
    double tolerance = 0.65;           // share of the expected words that must be heard, in order
    double transcript_tolerance = 0.6; // the same between what was said or heard and what is stored
    std::chrono::milliseconds join_timeout{30000};
    std::chrono::milliseconds answer_timeout{15000};    // until the first sound
    std::chrono::milliseconds end_silence{1200};        // that ends what the agent says
    std::chrono::milliseconds max_latency{5000};
    std::string record_folder;
    /// --local: LiveKit records it, too, by a recorder of our own, and the recording is judged. S3: it goes to a storage of our own first.
    enum class RecordTo { Nowhere, File, S3 } record_to = RecordTo::Nowhere;
    bool keep_room = false;
};

/// `on_check` after each check, as it happens; `on_start` before (for progress). The calling thread.
struct CallTestEvents {
    std::function<void(const std::string& title)> on_start;
    std::function<void(const Check& check)> on_check;
};

/// Errors (not a Report) only for options that cannot work; everything else is in the report.
Result<Report> run_call_test(const CallTestOptions& options, net::HttpClient& http, const CallTestEvents& events);

}  // namespace voicectl::e2e
