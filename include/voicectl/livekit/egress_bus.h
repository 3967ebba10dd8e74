// Recording jobs between livekit-server and us as its egress worker, over Redis (psrpc.h): what it asks of workers, and the records of
// recordings that it keeps (IOInfo). Lives on the loop of its Redis; all is called and calls back there.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/livekit/egress_request.h"
#include "voicectl/livekit/psrpc.h"

namespace voicectl::livekit {

using EgressAnswer = std::function<void(RpcResult<proto::EgressInfo>)>;

class EgressBus {
 public:
    using Served = Psrpc::Served;
    using Answer = EgressAnswer;

    /// The Redis outlives us.
    EgressBus(Loop& loop, net::Redis& redis) : rpc_(loop, redis) {}

    struct Worker {
        /// Whether to record it: one bid within kBidTime, more than 0 up to 1 (wins at once), or 0 (no word is said). What it takes is reserved from then on.
        std::function<void(const EgressRequest&, std::function<void(float)> bid)> judge;
        /// The job is ours; answered once, with its record or a fault. The same job may come again under a new request, and it may come after `lost`.
        std::function<void(EgressRequest, Answer)> start;
        /// Another has it, or nobody chose: what the bid reserved is free again.
        std::function<void(const EgressRequest&)> lost;
        /// Ids of the jobs that run.
        std::function<std::vector<std::string>()> active;
    };
    /// StartEgress and ListActiveEgress. `ready` once jobs are heard; dropping it ends that, and must happen before we die.
    std::unique_ptr<Served> serve(Worker worker, std::function<void()> ready = {});
    /// StopEgress for one job, which may come more than once. UpdateStream is refused: nothing is streamed.
    std::unique_ptr<Served> serve_job(const std::string& egress_id, std::function<void(Answer)> stop, std::function<void()> ready = {});

    /// The server's records. A record is created before StartEgress is answered, or the server never tells of its start; an update replaces the
    /// whole of it. A NotFound of get() has the code "not_found".
    using Done = std::function<void(RpcResult<void>)>;
    void create(const proto::EgressInfo& info, Done done);
    void update(const proto::EgressInfo& info, Done done);
    void get(const std::string& egress_id, EgressAnswer done);
    /// Empty room: all; `active`: only those that are not at their end.
    void list(const std::string& room_name, bool active, std::function<void(RpcResult<std::vector<proto::EgressInfo>>)> done);

 private:
    Psrpc rpc_;
};

/// Tells the server how jobs stand, in order and until it has heard: per job one update is under way and the newest waits, for each replaces the
/// whole record. Without an answer it is tried again after 0.5, 1, 2 … 60 s without end; what the server refuses is logged and dropped.
class EgressReports {
 public:
    /// The bus outlives us.
    EgressReports(Loop& loop, EgressBus& bus);
    ~EgressReports();

    /// `done`: once it, or a newer one in its place, was heard (true) or refused (false).
    void report(proto::EgressInfo info, std::function<void(bool heard)> done = {});
    /// Redis is back: what waits for its next try goes out now.
    void retry_now();
    /// Once nothing is under way any more; at the next turn of the loop when nothing is.
    void idle(std::function<void()> done);
    /// Since when updates have come to nothing, or nothing.
    std::optional<TimePoint> unhealthy_since() const { return unhealthy_since_; }
    bool healthy() const { return !unhealthy_since_; }

 private:
    struct Job;
    void send(Job& job);
    void push(Job& job);
    void settle(const std::string& id, const RpcResult<void>& result);
    void try_again(Job& job);
    void close(const std::string& id, bool heard);
    void tell_idle();

    Loop& loop_;
    EgressBus& bus_;
    std::map<std::string, std::unique_ptr<Job>> jobs_;  // by egress id, while there is something to tell
    std::vector<std::function<void()>> idle_;
    std::optional<TimePoint> unhealthy_since_;
    Lifeline lifeline_;  // last: dies first, on the loop
};

}  // namespace voicectl::livekit
