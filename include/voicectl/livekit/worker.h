// One registration as LiveKit agent worker (WebSocket /agent, protobuf frames), kept up for as long as the
// object lives: reconnects with back-off and jitter (at most 30 s apart), re-registers, re-reports load.
// Lives on the loop; handlers run there. Decides nothing: whoever owns it answers jobs.
//
// Wire facts: an availability request must be answered within about 3 s; `load` left out means 0; only
// load < 0.7 and WS_AVAILABLE get jobs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "voicectl/base/loop.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::livekit {

/// A job as offered and assigned. A plain value: the other layers never see the schema.
struct Job {
    std::string id, dispatch_id, agent_name;
    std::string room_name, room_sid, room_metadata;
    std::string metadata;  // of the dispatch; untrusted
    std::map<std::string, std::string> attributes;
};

struct Accept {
    std::string identity, name, metadata;
    std::map<std::string, std::string> attributes;
};

enum class JobStatus { Running, Success, Failed };

struct WorkerHandlers {
    std::function<void(const std::string& worker_id)> on_registered;
    /// The connection is gone (it is being made again) or was refused; `why.code == Auth` never heals.
    std::function<void(const Error& why)> on_lost;
    /// Answer with accept() or refuse() at once.
    std::function<void(const Job& job)> on_offer;
    std::function<void(const Job& job, const std::string& token)> on_assigned;
    std::function<void(const std::string& job_id)> on_terminated;
};

struct WorkerOptions {
    Server server;
    std::string agent_name, version, deployment;
};

class Worker {
 public:
    static std::unique_ptr<Worker> create(AsioLoop& loop, WorkerOptions options, WorkerHandlers handlers);
    virtual ~Worker() = default;
    virtual void accept(const std::string& job_id, const Accept& accept) = 0;
    virtual void refuse(const std::string& job_id) = 0;
    virtual void report_job(const std::string& job_id, JobStatus status, const std::string& error = {}) = 0;
    /// Sent at once and again after every reconnect. `load` in 0…1.
    virtual void report_load(bool available, float load, int jobs) = 0;
    virtual bool registered() const = 0;
    /// As the server said when it registered us; empty before.
    virtual std::string server_version() const = 0;
};

}  // namespace voicectl::livekit
