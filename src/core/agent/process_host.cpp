#include <algorithm>

#include "call_process.h"
#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

constexpr std::chrono::seconds kLookAround{5};
constexpr std::size_t kStartsToGiveUp = 3;          // processes that died before they were ready, one after the other
constexpr std::chrono::milliseconds kStartPause{500};
constexpr std::chrono::seconds kGhostTime{20};      // until the server has noticed that a dead process is gone

class LiveProcessHost final : public ProcessHost {
 public:
    LiveProcessHost(AsioLoop& loop, ProcessHostOptions options) : loop_(loop), options_(std::move(options)), look_around_(loop), start_pause_(loop) {
        loop_.post(lifeline_.guard([this] { keep_room(); }));
        look_around_.every(kLookAround, [this] { retire_idle(); });
    }

    ~LiveProcessHost() override {
        if (candidate_) processes_.push_back(std::move(candidate_));
        for (auto& process : processes_) process->dismiss();  // side by side
        for (auto& process : processes_) process->end();
    }

    void start(const CallTicket& ticket) override {
        if (calls_.contains(ticket.job_id)) return;
        calls_.emplace(ticket.job_id, std::make_unique<Held>(loop_, ticket));
        place(ticket.job_id);
    }

    void stop(const std::string& job_id, const std::string& reason) override {
        const auto found = calls_.find(job_id);
        if (found == calls_.end()) return;
        if (auto* process = carrier_of(job_id)) return process->stop(job_id, reason);
        finish({job_id, true, reason, 0});  // it was between two processes
    }

    void stop_all(const std::string& reason) override {
        for (auto& process : processes_) process->stop_all(reason);
        std::vector<std::string> homeless;
        for (const auto& [job, held] : calls_)
            if (carrier_of(job) == nullptr) homeless.push_back(job);
        for (const auto& job : homeless) finish({job, true, reason, 0});
    }

    bool just_taken_up(const std::string& job_id) const override {
        const auto found = calls_.find(job_id);
        return found != calls_.end() && found->second->deaths > 0 && loop_.now() - found->second->died < kGhostTime;
    }

    int active() const override { return static_cast<int>(calls_.size()); }

    void reload(ProcessSetup setup) override {
        // A configuration that does not work costs no call: the old one stays until a process has taken the new one.
        if (candidate_) candidate_->retire();
        auto which = std::make_shared<CallProcess*>(nullptr);
        auto handlers = handlers_for(which);
        handlers.on_ready = [this, setup] {
            options_.setup = setup;
            for (auto& process : processes_) process->retire();
            processes_.push_back(std::move(candidate_));
            log::info("agent", "configuration reloaded", {{"file", setup.file}});
        };
        handlers.on_not_ready = [](const Error& error) { log::error("agent", "the new configuration does not work, the old one stays", {{"error", error.message}}); };
        auto started = CallProcess::start(loop_, options_, setup, std::move(handlers));
        if (!started) return log::error("agent", "no call process could be started", {{"error", started.error().message}});
        candidate_ = std::move(*started);
        *which = candidate_.get();
    }

    std::vector<ProcessState> processes() const override {
        std::vector<ProcessState> out;
        for (const auto& one : processes_)
            out.push_back({one->pid(), static_cast<int>(one->calls().size()), one->ready(), one->retiring(),
                           std::chrono::duration_cast<std::chrono::seconds>(loop_.now() - one->started())});
        return out;
    }

 private:
    struct Held {
        Held(Loop& loop, CallTicket given) : ticket(std::move(given)), pause(loop), placed(loop.now()) {}
        CallTicket ticket;
        Timer pause;  // before it is taken up again
        TimePoint placed, died;
        std::size_t deaths = 0;
    };

    CallProcess* carrier_of(const std::string& job_id) const {
        const auto found = std::find_if(processes_.begin(), processes_.end(), [&](const auto& one) { return one->calls().contains(job_id); });
        return found == processes_.end() ? nullptr : found->get();
    }

    int room_in(const CallProcess& process) const {
        return process.retiring() ? 0 : options_.calls_per_process - static_cast<int>(process.calls().size());
    }

    /// The fullest one that has room: the others can end sooner. A ready one before one that is still loading.
    CallProcess* best_process() const {
        CallProcess* best = nullptr;
        for (const auto& one : processes_) {
            if (room_in(*one) <= 0) continue;
            if (best == nullptr || std::pair(one->ready(), one->calls().size()) > std::pair(best->ready(), best->calls().size())) best = one.get();
        }
        return best;
    }

    void place(const std::string& job_id) {
        auto& held = *calls_.at(job_id);
        auto* process = best_process();
        if (process == nullptr) process = start_process();
        if (process == nullptr && start_pause_.pending()) return held.pause.after(kStartPause, [this, job_id] { place(job_id); });
        if (process == nullptr) return finish({job_id, false, "no call process could be started", 0});
        held.placed = loop_.now();
        process->take(held.ticket);
        // LiveKit's core keeps some 0.2 MB of every room that was left (docs/benchmarks.md, "Memory of many calls").
        if (options_.recycle_after > 0 && process->calls_taken() >= options_.recycle_after) process->retire();
        keep_room();
    }

    /// One process always has room, so that no caller waits for one to load.
    void keep_room() {
        if (best_process() == nullptr) start_process();
    }

    std::size_t taking_calls() const {
        return static_cast<std::size_t>(std::count_if(processes_.begin(), processes_.end(), [](const auto& one) { return !one->retiring(); }));
    }

    /// `which` is set once the process is there.
    CallProcess::Handlers handlers_for(const std::shared_ptr<CallProcess*>& which) {
        CallProcess::Handlers handlers;
        handlers.on_ready = [this] {
            failed_starts_ = 0;
            if (!std::exchange(was_ready_, true) && on_ready) on_ready({});
        };
        handlers.on_not_ready = [this](const Error& error) { on_not_ready(error); };
        handlers.on_ended = [this](const CallOutcome& outcome) { finish(outcome); };
        handlers.on_report = [this](const nlohmann::json& report) {
            if (on_report) on_report(report);
        };
        handlers.on_transfer = [this](const Transfer& wanted, TransferDone done) { pass_on(wanted, std::move(done)); };
        handlers.on_died = [this, which] { on_process_died(*which); };
        return handlers;
    }

    CallProcess* start_process() {
        if (taking_calls() >= static_cast<std::size_t>(options_.processes) || start_pause_.pending()) return nullptr;
        auto which = std::make_shared<CallProcess*>(nullptr);
        auto started = CallProcess::start(loop_, options_, options_.setup, handlers_for(which));
        if (!started) {
            log::error("agent", "no call process could be started", {{"error", started.error().message}});
            if (!was_ready_ && on_ready) on_ready(std::unexpected(started.error()));
            return nullptr;
        }
        *which = started->get();
        log::info("agent", "call process started", {{"pid", (*started)->pid()}});
        processes_.push_back(std::move(*started));
        return *which;
    }

    void on_not_ready(const Error& error) {
        log::error("agent", "a call process cannot work", {{"error", error.message}});
        if (!was_ready_ && on_ready) on_ready(std::unexpected(error));
    }

    void on_process_died(CallProcess* which) {
        if (candidate_.get() == which) return candidate_.reset();
        const auto found = std::find_if(processes_.begin(), processes_.end(), [&](const auto& one) { return one.get() == which; });
        if (found == processes_.end()) return;
        const auto process = std::move(*found);
        processes_.erase(found);
        const auto orphans = process->calls();
        if (orphans.empty() && process->retiring()) return;  // as it should
        log::error("agent", "call process died", {{"pid", process->pid()}, {"calls", orphans.size()}, {"exit", process->exit_code()}});
        if (on_died) on_died(process->pid(), static_cast<int>(orphans.size()));
        if (!process->ready()) on_failed_start();
        for (const auto& [job, ticket] : orphans) take_up(job);
        keep_room();
    }

    void on_failed_start() {
        if (++failed_starts_ < kStartsToGiveUp) return;
        start_pause_.after(kStartPause * (1 << std::min<std::size_t>(failed_starts_ - kStartsToGiveUp, 6)), [this] { keep_room(); });
        if (!was_ready_ && on_ready) on_ready(fail(Errc::Other, "call processes die before they are ready"));
    }

    void take_up(const std::string& job_id) {
        const auto found = calls_.find(job_id);
        if (found == calls_.end()) return;
        auto& held = *found->second;
        if (loop_.now() - held.placed >= options_.forgiven_after) held.deaths = 0;
        if (held.deaths >= options_.pauses.size()) return finish({job_id, false, fmt::format("its process died {} times", held.deaths + 1), 0});
        const auto pause = options_.pauses[held.deaths++];
        held.died = loop_.now();
        held.ticket.resumed = true;
        if (options_.fresh_token) held.ticket.token = options_.fresh_token(held.ticket);
        held.pause.after(pause, [this, job_id] { place(job_id); });
    }

    void finish(const CallOutcome& outcome) {
        if (calls_.erase(outcome.job_id) == 0) return;
        if (on_ended) on_ended(outcome);
    }

    /// What a busy hour has started is given back, but for one process.
    void retire_idle() {
        for (const auto& one : processes_) {
            const bool idle = one->calls().empty() && one->ready() && !one->retiring();
            if (!idle || loop_.now() - one->idle_since() < options_.idle_time) continue;
            const bool needed = std::none_of(processes_.begin(), processes_.end(), [&](const auto& other) { return other != one && room_in(*other) > 0; });
            if (!needed) one->retire();
        }
    }

    AsioLoop& loop_;
    ProcessHostOptions options_;
    std::vector<std::unique_ptr<CallProcess>> processes_;
    std::unique_ptr<CallProcess> candidate_;              // with a configuration that has to prove itself
    std::map<std::string, std::unique_ptr<Held>> calls_;  // by job
    Timer look_around_, start_pause_;
    bool was_ready_ = false;
    std::size_t failed_starts_ = 0;
    Lifeline lifeline_;
};

}  // namespace

std::unique_ptr<ProcessHost> make_process_host(AsioLoop& loop, ProcessHostOptions options) {
    return std::make_unique<LiveProcessHost>(loop, std::move(options));
}

}  // namespace voicectl::agent
