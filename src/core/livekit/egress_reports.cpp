#include <algorithm>

#include "voicectl/base/log.h"
#include "voicectl/livekit/egress_bus.h"

namespace voicectl::livekit {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstReportPause{500};
constexpr milliseconds kLongestReportPause{60'000};

/// The server, or all of them, could not be asked or did not say: by its own word, too.
bool is_worth_another_try(const RpcFault& fault) { return fault.code == "unavailable" || fault.code == "deadline_exceeded"; }

}  // namespace

struct EgressReports::Job {
    explicit Job(Loop& loop) : retry(loop) {}
    struct Report {
        proto::EgressInfo info;
        std::vector<std::function<void(bool)>> done;
    };
    Report current;                // under way, or waiting for its next try
    std::optional<Report> newest;  // comes next
    bool asking = false;           // nothing waits for the timer
    bool unclear = false;          // the last try may have been heard
    milliseconds pause = kFirstReportPause;
    Timer retry;
};

EgressReports::EgressReports(Loop& loop, EgressBus& bus) : loop_(loop), bus_(bus) {}
EgressReports::~EgressReports() = default;

void EgressReports::report(proto::EgressInfo info, std::function<void(bool)> done) {
    auto& job = jobs_[info.egress_id()];
    const bool busy = job != nullptr;
    if (!busy) job = std::make_unique<Job>(loop_);
    auto& place = busy ? (job->newest ? *job->newest : job->newest.emplace()) : job->current;
    place.info = std::move(info);
    if (done) place.done.push_back(std::move(done));
    if (!busy) send(*job);
}

// A final update that is heard twice is a webhook too many: after an unclear try its record is looked at first.
void EgressReports::send(Job& job) {
    job.asking = true;
    if (!job.unclear || !is_final(job.current.info.status())) return push(job);
    bus_.get(job.current.info.egress_id(), lifeline_.guard([this, id = job.current.info.egress_id()](const RpcResult<proto::EgressInfo>& record) {
        auto& asked = *jobs_.at(id);
        const auto& ours = asked.current.info;
        if (record && record->updated_at() == ours.updated_at() && record->status() == ours.status()) return settle(id, {});
        if (!record && is_worth_another_try(record.error())) return try_again(asked);
        push(asked);
    }));
}

void EgressReports::push(Job& job) {
    job.unclear = false;
    bus_.update(job.current.info, lifeline_.guard([this, id = job.current.info.egress_id()](const RpcResult<void>& result) { settle(id, result); }));
}

void EgressReports::settle(const std::string& id, const RpcResult<void>& result) {
    auto& job = *jobs_.at(id);
    if (!result && is_worth_another_try(result.error())) {
        job.unclear = job.unclear || result.error().code == "deadline_exceeded";
        // Once for all jobs: it is the same reason, and each try would tell it again.
        log::write(unhealthy_since_ ? log::Level::Debug : log::Level::Warn, "egress", "the server does not take updates, they are tried again", {{"egress", id}, {"why", result.error().message}});
        return try_again(job);
    }
    if (std::exchange(unhealthy_since_, std::nullopt)) log::info("egress", "the server takes updates again");
    if (!result) log::error("egress", "the server refuses an update", {{"egress", id}, {"code", result.error().code}, {"why", result.error().message}});
    close(id, result.has_value());
}

void EgressReports::try_again(Job& job) {
    if (!unhealthy_since_) unhealthy_since_ = loop_.now();
    job.asking = false;
    // What is newer replaces the whole record: the older one need not be heard any more.
    if (auto newer = std::exchange(job.newest, std::nullopt)) {
        job.current.info = std::move(newer->info);
        std::move(newer->done.begin(), newer->done.end(), std::back_inserter(job.current.done));
        job.unclear = false;
    }
    const auto pause = std::exchange(job.pause, std::min(job.pause * 2, kLongestReportPause));
    job.retry.after(pause, [this, &job] { send(job); });
}

void EgressReports::retry_now() {
    for (auto& [id, job] : jobs_) {
        if (job->asking) continue;
        job->retry.cancel();
        job->pause = kFirstReportPause;
        send(*job);
    }
}

void EgressReports::close(const std::string& id, bool heard) {
    const auto found = jobs_.find(id);
    auto& job = *found->second;
    const auto told = std::move(job.current.done);
    if (auto newer = std::exchange(job.newest, std::nullopt)) {
        job.current = std::move(*newer);
        job.pause = kFirstReportPause;
        job.unclear = false;
        send(job);
    } else {
        jobs_.erase(found);
    }
    auto rest = lifeline_.guard([this] { tell_idle(); });
    for (const auto& one : told) one(heard);
    rest();
}

void EgressReports::idle(std::function<void()> done) {
    idle_.push_back(std::move(done));
    loop_.post(lifeline_.guard([this] { tell_idle(); }));
}

void EgressReports::tell_idle() {
    if (!jobs_.empty()) return;
    const auto told = std::exchange(idle_, {});
    for (const auto& one : told) one();
}

}  // namespace voicectl::livekit
