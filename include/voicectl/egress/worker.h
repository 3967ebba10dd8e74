// The recorder that LiveKit takes as its egress worker: bids for the jobs that it can do and has room for, records, stores and
// reports them. On the loop; files are encoded and stored on the given Workers.
// Wire facts: tries against server 1.13.5 (docs/wire-facts.md).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "voicectl/base/load_meter.h"
#include "voicectl/base/loop.h"
#include "voicectl/base/workers.h"
#include "voicectl/egress/judge.h"
#include "voicectl/egress/recording.h"
#include "voicectl/egress/storage.h"
#include "voicectl/livekit/egress_bus.h"
#include "voicectl/livekit/twirp.h"
#include "voicectl/net/http.h"
#include "voicectl/net/redis.h"

namespace voicectl::egress {

struct WorkerOptions {
    livekit::Server server;  // whom recorders join, when a request does not say
    Policy policy;
    std::string folder;      // of recordings under way and of the journal
    int max_jobs = 40;
    double max_cpu = 0.85;                                // share of the machine; above it nothing more is taken
    std::uint64_t min_free = std::uint64_t{512} << 20;    // bytes on the disk of `folder`; with less nothing more is taken
    Limits limits;                                        // of each recording
    livekit::proto::StorageConfig backup;                 // where what cannot be stored goes
    /// What needs video is declined in words when no other worker takes it; else it is left in silence.
    bool explain_video = true;
};

struct WorkerParts {
    AsioLoop& loop;
    net::Redis& redis;
    livekit::EgressBus& bus;
    rtc::Core& core;
    net::HttpClient& http;
    Workers& encoders;  // may wait for a disk
    Workers& movers;    // may wait for a network
};

/// One job, for those who look.
struct JobView {
    std::string egress_id, room, status;
    std::chrono::system_clock::time_point began;
    std::chrono::nanoseconds recorded{0};
    std::int64_t bytes = 0;
    int tracks = 0;
};

/// A recording that no storage has taken yet; tried at each start and every ten minutes.
struct KeptView {
    std::string egress_id, room, file, error;
    std::int64_t bytes = 0;
};

/// Since the start, but for the first five.
struct WorkerCounts {
    int jobs = 0, reserved = 0, storing = 0, orphans_waiting = 0, kept = 0;
    std::uint64_t taken = 0, complete = 0, aborted = 0, failed = 0, limited = 0;
    std::uint64_t left_video = 0, left_full = 0, lost = 0, refused = 0, orphans = 0;
    std::uint64_t bytes_stored = 0, upload_failures = 0, lost_frames = 0;
    double seconds_recorded = 0;
};

class Worker {
 public:
    /// Io when the folder cannot be used, Conflict when another worker uses it.
    static Result<std::unique_ptr<Worker>> create(WorkerParts parts, WorkerOptions options);
    virtual ~Worker() = default;

    /// Takes up what an earlier process left and begins to bid; `ready` once the server's requests reach us.
    virtual void start(std::function<void()> ready) = 0;
    /// No more jobs; those that run go on to their own end.
    virtual void stop_taking() = 0;
    /// Ends all jobs now: files are finished, stored and reported.
    virtual void end_all() = 0;
    /// Nothing runs, nothing is to be stored or reported. After stop_taking() what waits for nothing but the server's ear does not
    /// count: the journal has it for the next start.
    virtual bool idle() const = 0;
    /// Redis is back: what could not be reported is tried again.
    virtual void retry_reports() = 0;

    /// Why no job is taken at this moment; empty: they are.
    virtual std::string closed() const = 0;
    virtual WorkerCounts counts() const = 0;
    virtual std::vector<JobView> jobs() const = 0;
    virtual std::vector<KeptView> kept() const = 0;
};

}  // namespace voicectl::egress
