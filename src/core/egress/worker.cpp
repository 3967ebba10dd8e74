#include "voicectl/egress/worker.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/egress/job.h"
#include "core/egress/track_lookup.h"
#include "voicectl/base/log.h"

namespace voicectl::egress {
namespace {

using livekit::EgressRequest;
using livekit::RpcFault;
using std::chrono::milliseconds;

constexpr milliseconds kSampleEvery{500}, kLongestBidDelay{50};
/// Time enough for every worker that can do it, and for us within the second that callers wait.
constexpr milliseconds kExplainAfter{350};
constexpr float kExplainBid = 0.01F, kLowestBid = 0.6F;
constexpr double kComfortable = 0.6;
constexpr milliseconds kAskOrphanAgain{5000};
constexpr std::chrono::minutes kStoreKeptAgain{10};
constexpr std::chrono::seconds kAnswersOnFor{60};  // who stops what is over waits for nothing
constexpr std::string_view kInstead = "this worker records audio alone: run LiveKit's egress service beside it, or ask for audio only, as OGG or MP3";

class RealWorker final : public Worker {
 public:
    RealWorker(WorkerParts parts, WorkerOptions options, std::unique_ptr<Journal> journal)
        : parts_(parts), options_(std::move(options)), ledger_(parts_.loop, std::move(journal)), reports_(parts_.loop, parts_.bus), lookup_(parts_, options_.server), sampling_(parts_.loop), storing_kept_(parts_.loop) {}

    void start(std::vector<JournalEntry> left, std::function<void()> ready) {
        meter_.sample(parts_.loop.now());
        sampling_.every(kSampleEvery, [this] { meter_.sample(parts_.loop.now()); });
        storing_kept_.every(kStoreKeptAgain, [this] { store_kept(); });
        for (auto& entry : left) take_up(std::move(entry));
        livekit::EgressBus::Worker worker;
        worker.judge = [this](const EgressRequest& request, std::function<void(float)> bid) { judge_request(request, std::move(bid)); };
        worker.start = [this](EgressRequest request, livekit::EgressAnswer answer) { begin(std::move(request), std::move(answer)); };
        worker.lost = [this](const EgressRequest& request) { free_reserved(request.egress_id); };
        worker.active = [this] {
            std::vector<std::string> out;
            for (const auto& [id, job] : jobs_)
                if (!job->at_rest()) out.push_back(id);
            return out;
        };
        served_ = parts_.bus.serve(std::move(worker), std::move(ready));
    }
    void start(std::function<void()> ready) override { start(std::exchange(left_, {}), std::move(ready)); }
    std::vector<JournalEntry> left_;

    void stop_taking() override {
        stopping_ = true;
        served_.reset();
        reserved_.clear();
    }
    void end_all() override {
        for (const auto& [id, job] : jobs_) job->finish("Process killed");
    }
    bool idle() const override {
        const bool deaf = !parts_.redis.connected() || !reports_.healthy();
        return std::all_of(jobs_.begin(), jobs_.end(), [&](const auto& one) {
            return stopping_ && (over_.contains(one.first) || one.second->state() == Job::State::Kept || orphans_.contains(one.first) || (deaf && one.second->state() == Job::State::Reporting));
        });
    }
    void retry_reports() override { reports_.retry_now(); }
    std::string closed() const override;
    WorkerCounts counts() const override;
    std::vector<JobView> jobs() const override {
        std::vector<JobView> out;
        for (const auto& [id, job] : jobs_)
            if (!job->at_rest()) out.push_back(job->view());
        return out;
    }
    std::vector<KeptView> kept() const override {
        std::vector<KeptView> out;
        for (const auto& [id, job] : jobs_)
            if (job->state() == Job::State::Kept) out.push_back({id, job->info().room_name(), job->entry().file, job->refusal().empty() ? job->info().error() : job->refusal(), job->info().file_results().empty() ? 0 : job->info().file_results(0).size()});
        return out;
    }

 private:
    Job::Parts job_parts() { return {parts_, options_, ledger_, reports_, counts_}; }
    std::size_t running() const {
        return static_cast<std::size_t>(std::count_if(jobs_.begin(), jobs_.end(), [](const auto& one) { return one.second->state() <= Job::State::Ending; }));
    }
    void judge_request(const EgressRequest& request, std::function<void(float)> bid);
    void judge_with(const EgressRequest& request, std::optional<TrackFound> track, std::function<void(float)> bid);
    void bid_for(const EgressRequest& request, Plan plan, std::optional<TrackFound> track, std::function<void(float)> bid);
    void explain(const EgressRequest& request, const std::string& why, std::function<void(float)> bid);
    void begin(EgressRequest request, livekit::EgressAnswer answer);
    void free_reserved(const std::string& id) { reserved_.erase(id); }
    void take_up(JournalEntry entry);
    void salvage(std::string id);
    void over(const std::string& id);
    void store_kept();
    void store_next();
    bool runs(const std::string& id) const {
        const auto job = jobs_.find(id);
        return job != jobs_.end() && !job->second->at_rest();
    }
    bool keeps(const std::string& id) const {
        const auto job = jobs_.find(id);
        return job != jobs_.end() && job->second->state() == Job::State::Kept;
    }
    std::string full() const;

    struct Reserved {
        std::optional<Plan> plan;  // none: to be refused
        std::optional<TrackFound> track;
        RpcFault refusal;
    };

    const WorkerParts parts_;
    const WorkerOptions options_;
    WorkerCounts counts_;
    LoadMeter meter_;
    Ledger ledger_;
    livekit::EgressReports reports_;
    TrackLookup lookup_;
    std::map<std::string, Reserved> reserved_;             // by egress id, while our bid is out
    std::map<std::string, std::unique_ptr<Job>> jobs_;     // by egress id
    std::map<std::string, std::unique_ptr<Timer>> bids_;   // that wait
    std::set<std::string> orphans_;                        // that wait for what the server knows of them
    std::map<std::string, std::unique_ptr<Timer>> over_;   // jobs that are done, and answer who comes late
    std::vector<std::string> to_store_;                    // kept ones whose turn is still to come
    bool storing_one_ = false;
    bool stopping_ = false;
    std::unique_ptr<livekit::EgressBus::Served> served_;
    Timer sampling_, storing_kept_;
    Lifeline lifeline_;
};

std::uint64_t free_bytes(const std::string& folder) {
    struct statvfs about {};
    if (statvfs(folder.c_str(), &about) != 0) return 0;
    return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
}

std::string RealWorker::full() const {
    const auto held = running() + static_cast<std::size_t>(std::count_if(reserved_.begin(), reserved_.end(), [](const auto& one) { return one.second.plan.has_value(); }));
    if (held >= static_cast<std::size_t>(options_.max_jobs)) return fmt::format("{} recordings run, of {} at most", held, options_.max_jobs);
    if (meter_.cpu() > options_.max_cpu) return fmt::format("the CPU is at {:.0f} %, of {:.0f} % at most", meter_.cpu() * 100, options_.max_cpu * 100);
    if (const auto left = free_bytes(options_.folder); left < options_.min_free)
        return fmt::format("{} MiB are left on the disk of {}, of {} MiB at least", left >> 20, options_.folder, options_.min_free >> 20);
    return {};
}

std::string RealWorker::closed() const {
    if (stopping_) return "it is ending";
    if (!parts_.redis.connected()) return "Redis is away" + (parts_.redis.last_error() ? ": " + parts_.redis.last_error()->message : std::string());
    if (!reports_.healthy()) return "livekit-server does not take reports";
    return full();
}

void RealWorker::judge_request(const EgressRequest& request, std::function<void(float)> bid) {
    // Asked again because our answer was lost: it runs here, whatever our load.
    if (runs(request.egress_id)) return bid(1);
    if (keeps(request.egress_id)) return bid(0);  // its file would have the same name
    if (stopping_ || !reports_.healthy()) return bid(0);
    judge_with(request, {}, std::move(bid));
}

void RealWorker::judge_with(const EgressRequest& request, std::optional<TrackFound> track, std::function<void(float)> bid) {
    auto verdict = judge(request, options_.policy, track ? std::optional(track->audio) : std::nullopt);
    if (const auto* ask = std::get_if<AskTrack>(&verdict)) {
        if (!full().empty()) return bid(0);
        return lookup_.find(request.room_name, ask->track_id, lifeline_.guard([this, request, bid = std::move(bid)](const std::optional<TrackFound>& found) mutable {
            if (!found) return bid(0);
            judge_with(request, found, std::move(bid));
        }));
    }
    if (const auto* leave = std::get_if<Leave>(&verdict)) return explain(request, leave->reason, std::move(bid));
    if (auto* refuse = std::get_if<Refuse>(&verdict)) {
        reserved_[request.egress_id].refusal = {refuse->fault.code, refuse->fault.message};
        return bid(1);
    }
    bid_for(request, std::move(std::get<Take>(verdict).plan), std::move(track), std::move(bid));
}

// The fuller, the later and the lower: equal workers then share.
void RealWorker::bid_for(const EgressRequest& request, Plan plan, std::optional<TrackFound> track, std::function<void(float)> bid) {
    if (const auto why = full(); !why.empty()) {
        ++counts_.left_full;
        log::info("egress", "a job is left to others: no room", {{"egress", request.egress_id}, {"why", why}});
        return bid(0);
    }
    const auto load = std::max(static_cast<double>(running() + reserved_.size()) / options_.max_jobs, static_cast<double>(meter_.cpu()) / options_.max_cpu);
    reserved_[request.egress_id] = {std::move(plan), std::move(track), {}};
    const auto value = load < kComfortable ? 1.0F : 1.0F - static_cast<float>((std::min(load, 1.0) - kComfortable) / (1 - kComfortable)) * (1.0F - kLowestBid);
    auto& timer = bids_[request.egress_id] = std::make_unique<Timer>(parts_.loop);
    timer->after(std::chrono::duration_cast<Duration>(kLongestBidDelay * std::min(load, 1.0)), [this, id = request.egress_id, value, bid = std::move(bid)] {
        const auto ours = bids_.extract(id);
        bid(value);
    });
}

// What nobody can do would otherwise end as "no response from servers", after 20 seconds. The lowest of all bids loses against every worker
// that can; and "unavailable" lets the server ask again, when one is full only for now.
void RealWorker::explain(const EgressRequest& request, const std::string& why, std::function<void(float)> bid) {
    ++counts_.left_video;
    log::info("egress", "a job is left to others", {{"egress", request.egress_id}, {"why", why}});
    if (!options_.explain_video) return bid(0);
    reserved_[request.egress_id].refusal = {"unavailable", fmt::format("no egress worker that could record this is there or has room ({}); {}", why, kInstead)};
    auto& timer = bids_[request.egress_id] = std::make_unique<Timer>(parts_.loop);
    timer->after(kExplainAfter, [this, id = request.egress_id, bid = std::move(bid)] {
        const auto ours = bids_.extract(id);
        bid(kExplainBid);
    });
}

void RealWorker::begin(EgressRequest request, livekit::EgressAnswer answer) {
    const auto id = request.egress_id;
    if (runs(id)) return answer(jobs_.at(id)->info());
    if (keeps(id)) return answer(std::unexpected(RpcFault{"unavailable", "this worker keeps an earlier recording of it"}));
    over_.erase(id);
    auto held = reserved_.extract(id);
    Reserved late;
    if (held.empty()) {  // the award came after we had given the place away
        auto verdict = judge(request, options_.policy, true);  // it was audio, or we had not bid
        auto* take = std::get_if<Take>(&verdict);
        if (const auto why = full(); take == nullptr || !why.empty()) return answer(std::unexpected(RpcFault{"unavailable", why.empty() ? std::string(kInstead) : why}));
        late.plan = std::move(take->plan);
    }
    auto& [plan, track, refusal] = held.empty() ? late : held.mapped();
    if (!plan) {
        ++counts_.refused;
        return answer(std::unexpected(refusal));
    }
    if (auto fault = validate(*plan, options_.policy)) {
        ++counts_.refused;
        return answer(std::unexpected(RpcFault{fault->code, fault->message}));
    }
    ++counts_.taken;
    auto& job = jobs_[id] = std::make_unique<Job>(job_parts(), std::move(request), std::move(*plan), [this, id] { over(id); });
    if (track) job->set_track(track->publisher, "audio", track->source);
    job->begin(std::move(answer));
}

void RealWorker::over(const std::string& id) {
    parts_.loop.post(lifeline_.guard([this, id] {
        const auto job = jobs_.find(id);
        if (job == jobs_.end() || !job->second->at_rest()) return;
        const bool kept = job->second->state() == Job::State::Kept;
        if (job->second->hears()) {
            auto& timer = over_[id] = std::make_unique<Timer>(parts_.loop);
            return timer->after(kAnswersOnFor, [this, id] {
                const auto ours = over_.extract(id);
                jobs_.at(id)->hush();
                if (!keeps(id)) jobs_.erase(id);
            });
        }
        if (!kept) jobs_.erase(job);
        else if (job->second->refusal().empty()) store_kept();  // of a former process
    }));
}

void RealWorker::store_kept() {
    to_store_.clear();
    for (const auto& [id, job] : jobs_)
        if (job->state() == Job::State::Kept) to_store_.push_back(id);
    store_next();
}

// One after another: recordings that have just ended need the other threads.
void RealWorker::store_next() {
    if (storing_one_ || stopping_ || to_store_.empty()) return;
    const auto id = to_store_.back();
    to_store_.pop_back();
    if (!keeps(id)) return store_next();
    storing_one_ = true;
    jobs_.at(id)->store_again(lifeline_.guard([this] {
        parts_.loop.post(lifeline_.guard([this] {
            storing_one_ = false;
            store_next();
        }));
    }));
}

void RealWorker::take_up(JournalEntry entry) {
    const auto id = entry.request.egress_id;
    auto verdict = judge(entry.request, options_.policy, true);
    auto* take = std::get_if<Take>(&verdict);
    jobs_[id] = std::make_unique<Job>(job_parts(), std::move(entry), take != nullptr ? std::optional(std::move(take->plan)) : std::nullopt, [this, id] { over(id); });
    if (jobs_.at(id)->entry().reported) return jobs_.at(id)->salvage(true);
    orphans_.insert(id);
    salvage(id);
}

// Another worker may have taken the job over when ours died: what the server knows then is newer than what we wrote down.
void RealWorker::salvage(std::string id) {
    parts_.bus.get(id, lifeline_.guard([this, id](const livekit::RpcResult<livekit::proto::EgressInfo>& known) {
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) return;
        auto& job = *found->second;
        if (!known && known.error().code != "not_found") {
            auto& timer = bids_[id] = std::make_unique<Timer>(parts_.loop);
            return timer->after(kAskOrphanAgain, [this, id] {
                const auto keep = bids_.extract(id);
                salvage(id);
            });
        }
        orphans_.erase(id);
        if (known && known->updated_at() > job.info().updated_at()) {
            log::info("egress", "a job of a former process goes on elsewhere, or is over", {{"egress", id}});
            return job.drop();
        }
        job.salvage(known && livekit::is_final(known->status()) && known->updated_at() == job.info().updated_at());
    }));
}

WorkerCounts RealWorker::counts() const {
    auto out = counts_;
    out.jobs = static_cast<int>(running());
    out.reserved = static_cast<int>(reserved_.size());
    out.orphans_waiting = static_cast<int>(orphans_.size());
    for (const auto& [id, job] : jobs_) {
        out.lost_frames += job->lost_samples();
        if (job->state() == Job::State::Storing) ++out.storing;
        if (job->state() == Job::State::Kept) ++out.kept;
    }
    return out;
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::create(WorkerParts parts, WorkerOptions options) {
    VC_TRY_ASSIGN(auto journal, Journal::open(options.folder));
    VC_TRY_ASSIGN(auto left, journal->entries());
    auto out = std::make_unique<RealWorker>(parts, std::move(options), std::move(journal));
    out->left_ = std::move(left);
    return out;
}

}  // namespace voicectl::egress
