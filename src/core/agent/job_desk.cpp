#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "call_trace.h"
#include "voicectl/agent/host.h"
#include "voicectl/agent/metadata.h"
#include "voicectl/base/log_context.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

// LiveKit offers jobs to workers below 0.7: full must show as more than that.
constexpr float kFullLoad = 1.0F;
constexpr std::chrono::milliseconds kReportPeriod{2500};
constexpr std::chrono::seconds kAssignmentTime{10};  // an accepted job that is never assigned frees its place

/// What the call's spans and log lines are found by.
std::string trace_of(const std::string& job_id, const std::string& metadata) {
    return trace_ids(job_id, read_metadata(metadata).value.traceparent).trace;
}

class LocalJobDesk final : public JobDesk {
 public:
    LocalJobDesk(AsioLoop& loop, const AgentConfig& config, DeskOptions options, CallHost& host,
                 std::function<void(const WorkerEvent&)> on_event, std::function<void(Result<void>)> on_stopped)
        : loop_(loop),
          config_(config),
          options_(std::move(options)),
          host_(host),
          on_event_(std::move(on_event)),
          on_stopped_(std::move(on_stopped)),
          report_timer_(loop),
          drain_timer_(loop),
          reach_timer_(loop) {
        host_.on_ended = lifeline_.guard([this](const CallOutcome& outcome) { on_call_ended(outcome); });
        livekit::WorkerHandlers handlers;
        handlers.on_registered = [this](const std::string& id) {
            reach_timer_.cancel();
            event({.kind = "registered", .detail = id});
            report_load();
        };
        handlers.on_lost = [this](const Error& why) { on_lost(why); };
        handlers.on_offer = [this](const livekit::Job& job) { on_offer(job); };
        handlers.on_assigned = [this](const livekit::Job& job, const std::string& token) { on_assigned(job, token); };
        handlers.on_terminated = [this](const std::string& job_id) {
            // A dispatch that is deleted in just this moment ends the call too: the server removes us 3 s later.
            if (!host_.just_taken_up(job_id)) host_.stop(job_id, "terminated by the server");
        };
        worker_ = livekit::Worker::create(
            loop_, {options_.server, config_.name, VOICECTL_VERSION, options_.deployment}, std::move(handlers));
        report_timer_.every(kReportPeriod, [this] { report_load(); });
        reach_timer_.after(options_.reach_within, [this] { on_never_reached(); });
    }

    ~LocalJobDesk() override { host_.on_ended = nullptr; }

    void drain() override {
        if (std::exchange(draining_, true)) return;
        event({.kind = "draining", .detail = fmt::format("{} calls", host_.active())});
        report_load();
        drain_timer_.after(config_.drain_timeout, [this] { host_.stop_all("drain time is over"); });
        stop_if_idle();
    }

    void take_over(const CallTicket& ticket) override {
        foreign_.insert(ticket.job_id);
        const auto trace = trace_of(ticket.job_id, ticket.metadata);
        rooms_[ticket.job_id] = {ticket.room, trace};
        host_.start(ticket);
        event({.kind = "job_taken_over", .job_id = ticket.job_id, .room = ticket.room, .trace = trace});
        report_load();
    }

    std::string closed() const override {
        if (!registered()) return "not registered";
        const auto* why = refusal();
        return why != nullptr ? why : "";
    }

    bool registered() const override { return worker_ && worker_->registered(); }

    bool holds(const std::string& job_id) const override { return rooms_.contains(job_id); }

    void force() override {
        draining_ = true;
        host_.stop_all("stopped by force");
        stop_if_idle();
    }

 private:
    void event(const WorkerEvent& what) {
        const auto level = what.kind == "lost" ? log::Level::Warn : log::Level::Info;
        std::vector<log::Field> known;
        for (const auto& [name, text] : std::initializer_list<std::pair<const char*, const std::string*>>{
                 {"job", &what.job_id}, {"room", &what.room}, {"trace", &what.trace}, {"detail", &what.detail}})
            if (!text->empty()) known.emplace_back(name, *text);
        log::write(level, "agent", what.kind, known, {});
        if (on_event_) on_event_(what);
    }

    // A server that was there comes back; one that never was is a mistake in the address, or not started.
    void on_never_reached() {
        const auto within = format_duration(options_.reach_within);
        stop(fail_with_hint(Errc::Unreachable, fmt::format("no registration at the server within {}: {}", within, lost_.empty() ? "no answer" : lost_),
                            "is the server running, and is its URL right? voicectl doctor finds out"));
    }

    void on_lost(const Error& why) {
        lost_ = redact(why.message);
        event({.kind = "lost", .detail = redact(why.message), .good = false});
        if (why.code == Errc::Auth) stop(std::unexpected(why));
    }

    int taken() const { return host_.active() + static_cast<int>(promised_.size()); }
    int capacity() const { return options_.once ? 1 : options_.capacity; }
    float load() const {
        if (!options_.load || options_.load_threshold >= 1) return 0;
        const auto unseen = std::count_if(accepted_at_.begin(), accepted_at_.end(), [&](const auto& one) { return loop_.now() - one.second < options_.unseen_for; });
        return (options_.load() + static_cast<float>(unseen) * options_.load_of_new_call) / options_.load_threshold;
    }
    /// Why no call is taken now; null: one is.
    const char* refusal() const {
        if (draining_) return "draining";
        if (taken() >= capacity() || (options_.once && accepted_any_)) return "full";
        if (load() >= 1) return "overloaded";
        return nullptr;
    }

    void refuse(const livekit::Job& job, const std::string& why) {
        worker_->refuse(job.id);
        event({.kind = "job_refused", .job_id = job.id, .room = job.room_name, .detail = why, .dispatch_id = job.dispatch_id});
    }

    void on_offer(const livekit::Job& job) {
        if (const auto* why = refusal()) return refuse(job, why);
        if (const auto fault = config_.strict_metadata ? strict_fault(read_metadata(job.metadata)) : std::string(); !fault.empty()) {
            log::warn("agent", "refused for its metadata", {{"job", job.id}, {"room", job.room_name}, {"fault", fault}});
            return refuse(job, "bad metadata");
        }
        promised_[job.id] = std::make_unique<Timer>(loop_);  // its place is kept while others are asked
        if (!options_.admit) return accept(job);
        promised_[job.id]->after(options_.admit_within, [this, job] {
            loop_.post(lifeline_.guard([this, job] { on_admission(job, fail(Errc::Timeout, "no answer within {}", format_duration(options_.admit_within))); }));
        });
        asked_.insert(job.id);
        options_.admit(job, lifeline_.guard([this, job](const Result<std::string>& why) { on_admission(job, why); }));
    }

    /// The first answer counts. Better one call too many than a caller whom nobody serves.
    void on_admission(const livekit::Job& job, const Result<std::string>& why) {
        if (asked_.erase(job.id) == 0) return;
        if (!why) log::warn("agent", "accepted without knowing the user's calls", {{"job", job.id}, {"error", why.error().message}});
        const std::string late = draining_ ? "draining" : "";
        if (const auto& reason = why && !why->empty() ? *why : late; !reason.empty()) {
            promised_.erase(job.id);
            if (options_.on_over) options_.on_over(job.id);
            refuse(job, reason);
            return stop_if_idle();
        }
        accept(job);
    }

    void accept(const livekit::Job& job) {
        accepted_any_ = true;
        std::erase_if(accepted_at_, [&](const auto& one) { return loop_.now() - one.second >= options_.unseen_for; });
        accepted_at_[job.id] = loop_.now();
        promised_[job.id]->after(kAssignmentTime, [this, id = job.id] {
            loop_.post(lifeline_.guard([this, id] { on_never_assigned(id); }));
        });
        livekit::Accept accept;
        accept.identity = identity_of(job.id);
        accept.name = config_.name;
        accept.attributes = {{"lk.agent.name", config_.name}, {"lk.agent.state", "initializing"}};
        worker_->accept(job.id, accept);
        event({.kind = "job_accepted",
               .job_id = job.id,
               .room = job.room_name,
               .trace = trace_of(job.id, job.metadata)});
        report_load();
    }

    void on_never_assigned(const std::string& id) {
        if (promised_.erase(id) == 0) return;
        accepted_at_.erase(id);
        if (options_.on_over) options_.on_over(id);
        event({.kind = "job_ended", .job_id = id, .detail = "the server never assigned it", .good = false});
        if (options_.once) accepted_any_ = false;
        report_load();
        stop_if_idle();
    }

    void on_assigned(const livekit::Job& job, const std::string& token) {
        promised_.erase(job.id);
        const auto trace = trace_of(job.id, job.metadata);
        rooms_[job.id] = {job.room_name, trace};
        host_.start({job.id, job.room_name, options_.server.url, token, bounded(job)});
        worker_->report_job(job.id, livekit::JobStatus::Running);
        event({.kind = "job_started", .job_id = job.id, .room = job.room_name, .trace = trace});
        report_load();
    }

    /// What nobody reads is not passed on either, nor stored.
    static std::string bounded(const livekit::Job& job) {
        if (job.metadata.size() <= kMostMetadata) return valid_utf8(job.metadata);
        log::warn("agent", "the dispatch's metadata are too long, the call goes without", {{"job", job.id}, {"room", job.room_name}, {"bytes", job.metadata.size()}});
        return {};
    }

    void on_call_ended(const CallOutcome& outcome) {
        if (options_.on_over) options_.on_over(outcome.job_id);
        if (foreign_.erase(outcome.job_id) == 0) {
            worker_->report_job(outcome.job_id, outcome.good ? livekit::JobStatus::Success : livekit::JobStatus::Failed,
                                outcome.good ? "" : redact(outcome.reason));
        }
        event({.kind = "job_ended",
               .job_id = outcome.job_id,
               .room = rooms_[outcome.job_id].name,
               .detail = redact(outcome.reason),
               .good = outcome.good,
               .turns = outcome.turns,
               .trace = rooms_[outcome.job_id].trace});
        rooms_.erase(outcome.job_id);
        accepted_at_.erase(outcome.job_id);
        report_load();
        if (options_.once) {
            draining_ = true;
            if (!outcome.good) return stop(fail(Errc::Other, "the call failed: {}", outcome.reason));
        }
        stop_if_idle();
    }

    void report_load() {
        const auto* why = refusal();
        const bool open = why == nullptr;
        if (const std::string now = open ? "" : why; now != closed_for_) {
            log::info("agent", open ? "takes calls again" : "takes no calls", {{"reason", open ? closed_for_ : now}, {"calls", taken()}, {"load", fmt::format("{:.2f}", load())}});
            closed_for_ = now;
        }
        const auto share = std::max(static_cast<float>(taken()) / static_cast<float>(capacity()), load());
        // Below LiveKit's limit of 0.7 while there is room; a full house says so.
        worker_->report_load(open, open ? std::min(share * 0.69F, 0.69F) : kFullLoad, host_.active());
    }

    void stop_if_idle() {
        if (draining_ && taken() == 0) stop({});
    }

    void stop(Result<void> why) {
        if (std::exchange(stopped_, true)) return;
        report_timer_.cancel();
        drain_timer_.cancel();
        reach_timer_.cancel();
        event({.kind = "stopped"});
        loop_.post(lifeline_.guard([this, why = std::move(why)] { on_stopped_(why); }));
    }

    AsioLoop& loop_;
    const AgentConfig& config_;
    DeskOptions options_;
    CallHost& host_;
    std::function<void(const WorkerEvent&)> on_event_;
    std::function<void(Result<void>)> on_stopped_;
    std::map<std::string, std::unique_ptr<Timer>> promised_;  // accepted, not assigned yet
    std::set<std::string> asked_;  // of these: whether their user may have another call
    struct Place {
        std::string name, trace;
    };
    std::map<std::string, Place> rooms_;  // by job
    std::set<std::string> foreign_;  // jobs that were another worker's
    bool draining_ = false, accepted_any_ = false, stopped_ = false;
    std::map<std::string, TimePoint> accepted_at_;  // by job, lately
    std::string lost_;  // why the connection was, last
    std::string closed_for_;  // what the log was told last
    Timer report_timer_, drain_timer_, reach_timer_;
    std::unique_ptr<livekit::Worker> worker_;
    Lifeline lifeline_;
};

}  // namespace

std::string identity_of(const std::string& job_id) { return "agent-" + job_id; }

std::unique_ptr<JobDesk> JobDesk::create(AsioLoop& loop, const AgentConfig& config, DeskOptions options, CallHost& host,
                                         std::function<void(const WorkerEvent&)> on_event,
                                         std::function<void(Result<void>)> on_stopped) {
    return std::make_unique<LocalJobDesk>(loop, config, std::move(options), host, std::move(on_event), std::move(on_stopped));
}

}  // namespace voicectl::agent
