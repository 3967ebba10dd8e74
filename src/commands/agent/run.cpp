#include "commands/agent/run.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "commands/agent/call_parts.h"
#include "commands/agent/health.h"
#include "commands/agent/loading.h"
#include "commands/agent/transfers.h"
#include "commands/agent/waiting.h"
#include "commands/transcript/source.h"
#include "voicectl/agent/money.h"
#include "voicectl/agent/processes.h"
#include "voicectl/agent/provider_states.h"
#include "voicectl/agent/rescue.h"
#include "voicectl/agent/user_cap.h"
#include "voicectl/base/atomic_file.h"
#include "voicectl/base/json.h"
#include "voicectl/base/load_meter.h"
#include "voicectl/base/log.h"
#include "voicectl/base/process.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"
#include "voicectl/base/workers.h"
#include "voicectl/store/spool.h"

namespace voicectl::commands {
namespace {

constexpr const char* kAgentRunHelp = R"(Registers with the server as an agent worker, takes dispatches by the agent's name, and holds the calls.
Everything about the agent stands in CONFIG (YAML); mistakes are told with file, line and key before
anything connects. Events of jobs go to stdout, one JSON object per line; logs go to stderr.

A server that cannot be reached at all for the first 20 s ends it (exit 7), and one that refuses the key (exit 4). Once
registered, a lost connection is told as a warning and made again for as long as it takes.

Calls are carried by processes of their own, of at most max_calls each: should one die, its calls are taken up by
another. The first SIGINT or SIGTERM drains: no new calls, running ones finish. The second ends them at once. SIGHUP
reads CONFIG again, for the calls that come after.

Examples:
  voicectl agent run examples/receptionist.yaml
  voicectl agent run receptionist.yaml --once --log-format json
  voicectl dispatch create demo --agent receptionist --wait)";

constexpr std::chrono::hours kTokenLife{1};
constexpr std::chrono::milliseconds kMeterPeriod{500};
constexpr float kCoreOfACall = 0.03F;  // what a call takes of one (docs/benchmarks.md)
constexpr int kMostRefusalsQueued = 20;

// After the second signal calls have this long to say goodbye to the server.
constexpr std::chrono::seconds kForceTime{1};

Json to_json(const agent::WorkerEvent& event) {
    return {{"time", format_time(std::chrono::system_clock::now())},
            {"event", event.kind},
            {"job", event.job_id},
            {"room", event.room},
            {"detail", event.detail},
            {"ok", event.good},
            {"turns", event.turns},
            {"trace", event.trace}};
}

/// The running worker: the registration, and below it either call processes or (--dev) the calls themselves.
class AgentProcess {
 public:
    AgentProcess(const AgentRunOptions& options, Env& env) : options_(options), env_(env) {}

    Result<void> run() {
        VC_TRY_ASSIGN(auto loaded, load());
        VC_TRY(check_ready_file());
        VC_TRY_ASSIGN(server_, env_.server());
        config_ = loaded.config;
        for (const auto& warning : price_warnings(config_)) log::warn("agent", warning);
        VC_TRY_ASSIGN(auto opened, store::Store::open(store_path(config_, env_)));  // told now and not in the first call
        store_ = std::make_unique<store::AsyncStore>(std::move(opened), loop_);
        users_ = std::make_unique<agent::UserCap>(*store_, config_.limits.calls_per_user);
        if (!options_.health.empty()) VC_TRY(open_health());
        if (options_.dev || options_.once) {
            VC_TRY_ASSIGN(parts_, CallParts::build(std::move(loaded), loop_, env_));
        } else {
            start_processes(loaded);
        }
        return serve();
    }

 private:
    Result<agent::LoadedConfig> load() {
        VC_TRY_ASSIGN(auto loaded, load_agent_config(options_.config));
        auto& config = loaded.config;
        if (!options_.name.empty()) config.name = options_.name;
        if (!agent::is_plain_name(config.name)) return fail(Errc::Usage, "--name must be printable text on one line, without blanks at its ends");
        warn_of_password(options_.store, env_);
        if (!options_.store.empty()) config.store = options_.store;
        if (options_.max_calls > 0) config.max_calls = options_.max_calls;
        if (options_.processes > 0) config.processes = options_.processes;
        if (options_.load_threshold) config.load_threshold = *options_.load_threshold;
        if (!options_.drain.empty()) {
            VC_TRY_ASSIGN(config.drain_timeout, parse_duration(options_.drain));
        }
        return loaded;
    }

    agent::ProcessSetup setup(const agent::LoadedConfig& loaded) const {
        return {.file = options_.config,
                .yaml = loaded.text,
                .name = loaded.config.name,
                .store = loaded.config.store,
                .log_json = options_.log_format == "json",
                .debug = env_.global.verbose >= 2,
                .quiet = env_.out.quiet,
                .supervisor = process_identity(),
                .files = loaded.files};
    }

    void start_processes(const agent::LoadedConfig& loaded) {
        agent::ProcessHostOptions options;
        options.setup = setup(loaded);
        options.calls_per_process = config_.max_calls;
        options.recycle_after = config_.recycle_after;
        options.processes = process_limit();
        options.command = {own_executable(), "agent", "host"};
        options.environment = {{"LIVEKIT_API_SECRET", ""}};  // the supervisor's alone
        options.fresh_token = [key = server_.key](const agent::CallTicket& ticket) { return livekit::renew(key, ticket.token, kTokenLife); };
        processes_ = agent::make_process_host(loop_, std::move(options));
        processes_->on_ready = [this](const Result<void>& ready) {
            if (!ready) fail_with(ready);
        };
        processes_->on_died = [this](int pid, int calls) { on_event({.kind = "process_died", .detail = fmt::format("pid {} with {} calls", pid, calls), .good = false}); };
    }

    int process_limit() const { return config_.processes > 0 ? config_.processes : static_cast<int>(2 * std::max(1U, std::thread::hardware_concurrency())); }

    Result<void> open_health() {
        VC_TRY_ASSIGN(const auto address, health_address(options_.health));
        AgentHealth::Sources sources;
        sources.closed = [this] { return desk_ ? desk_->closed() : "starting"; };
        sources.status = [this] { return status(); };
        sources.database = [this](std::function<void(Result<void>)> done) {
            store_->run<void>(
                [](store::Store& open) -> Result<void> {
                    VC_TRY(open.list({.limit = 1}));
                    return {};
                },
                std::move(done));
        };
        sources.refresh = [this](Metrics& metrics) { refresh(metrics); };
        VC_TRY_ASSIGN(health_, AgentHealth::serve(loop_, address, std::move(sources)));
        log::info("agent", "health is served", {{"port", health_->port()}});
        return {};
    }

    // Whoever waits for the file would wait for ever.
    Result<void> check_ready_file() const {
        const auto& path = options_.ready_file;
        if (path.empty()) return {};
        std::error_code ignored;
        if (std::filesystem::is_directory(path, ignored)) return fail(Errc::Usage, "--ready-file {}: it is a folder", terminal_safe(path));
        const auto file = AtomicFile::create(path);
        if (file) return {};
        return fail_with_hint(Errc::Usage, fmt::format("--ready-file: {}", file.error().message),
                              "name a file in a folder that is there and may be written");
    }

    agent::CallHost* host() const { return processes_ ? static_cast<agent::CallHost*>(processes_.get()) : parts_ ? &parts_->host() : nullptr; }

    std::set<int> carriers() const {
        std::set<int> out;
        if (processes_)
            for (const auto& one : processes_->processes()) out.insert(one.pid);
        else out.insert(getpid());
        return out;
    }

    Json status() {
        providers_.keep_only(carriers());
        Json list = Json::array();
        if (processes_)
            for (const auto& one : processes_->processes())
                list.push_back({{"pid", one.pid}, {"calls", one.calls}, {"ready", one.ready}, {"retiring", one.retiring}, {"ageSeconds", one.age.count()}});
        const auto why = desk_ ? desk_->closed() : "starting";
        Json calls = Json::array();
        for (const auto& [job, call] : costs_) calls.push_back({{"job", job}, {"room", call.room}, {"costUsd", agent::to_text(call.cost)}});
        return {{"agent", config_.name},
                {"pid", getpid()},
                {"version", VOICECTL_VERSION},
                {"registered", desk_ && desk_->registered()},
                {"takesCalls", why.empty()},
                {"reason", why},
                {"calls", host() != nullptr ? host()->active() : 0},
                {"capacity", capacity()},
                {"load", {{"cpu", meter_.cpu()}, {"memory", meter_.memory()}}},
                {"costUsd", agent::to_text(live_cost())},
                {"callCosts", std::move(calls)},
                {"troubledProviders", providers_.unwell()},
                {"processes", std::move(list)}};
    }

    void refresh(Metrics& metrics) {
        providers_.keep_only(carriers());
        providers_.show(metrics);
        metrics.set("voicectl_calls", host() != nullptr ? host()->active() : 0);
        metrics.set("voicectl_calls_capacity", capacity());
        metrics.set("voicectl_registered", desk_ && desk_->registered() ? 1 : 0);
        metrics.set("voicectl_draining", desk_ && desk_->closed() == "draining" ? 1 : 0);
        metrics.set("voicectl_load", meter_.cpu(), {{"of", "cpu"}});
        metrics.set("voicectl_load", meter_.memory(), {{"of", "memory"}});
        metrics.set("voicectl_calls_cost_usd", live_cost().dollars());
        metrics.set("voicectl_processes", processes_ ? static_cast<double>(processes_->processes().size()) : 0);
        show_spool(metrics);
    }

    /// As the last scrape found it: the disk is looked at by the store's thread.
    void show_spool(Metrics& metrics) {
        metrics.set("voicectl_store_spooled_bytes", static_cast<double>(spool_.bytes), {{"state", "waiting"}});
        metrics.set("voicectl_store_spooled_bytes", static_cast<double>(spool_.rejected_bytes), {{"state", "rejected"}});
        store_->run<store::SpoolState>([folder = store::spool_folder(store_path(config_, env_))](store::Store&) -> Result<store::SpoolState> { return store::spool_state(folder); },
                                       [this](const Result<store::SpoolState>& state) { spool_ = *state; });
    }

    /// Of the calls that run.
    agent::Money live_cost() const {
        agent::Money out;
        for (const auto& [job, call] : costs_) out += call.cost;
        return out;
    }

    void on_report(const nlohmann::json& report) {
        if (health_) health_->metrics().take(report);
        providers_.take(report);
        const auto kind = report.value("kind", std::string());
        const auto job = report.value("job", std::string());
        if (kind == "usage" && !report.value("late", false)) costs_[job] = {report.value("room", std::string()), {report.value("totalNanos", std::int64_t{0})}};
        if (kind == "budget_warning") on_event({.kind = kind, .job_id = job, .room = report.value("room", std::string()), .detail = report.value("detail", std::string())});
    }

    /// May this job's user have another call?
    void admit(const livekit::Job& job, std::function<void(Result<std::string>)> done) {
        const auto user = agent::user_of(job.metadata);
        if (!users_->counts(user)) return done("");
        capped_.insert(job.id);
        users_->ask(job.id, user, [done = std::move(done)](const Result<bool>& free) {
            if (!free) return done(std::unexpected(free.error()));
            done(*free ? "" : "user limit");
        });
    }

    void note_refusal(const agent::WorkerEvent& event) {
        if (refusals_queued_ >= kMostRefusalsQueued) return;  // a flood of dispatches must not hold up who asks the store
        ++refusals_queued_;
        const store::Refusal refusal{event.dispatch_id, event.job_id, event.room, config_.name, event.detail, std::chrono::system_clock::now()};
        store_->run<void>([refusal](store::Store& open) { return open.save_refusal(refusal); },
                          [this](const Result<void>& saved) {
                              --refusals_queued_;
                              if (!saved) log::warn("agent", "a refusal is not stored", {{"error", saved.error().message}});
                          });
    }

    void count(const agent::WorkerEvent& event) {
        if (!health_) return;
        auto& metrics = health_->metrics();
        if (event.kind == "job_accepted") metrics.add("voicectl_jobs_total", {{"result", "accepted"}});
        if (event.kind == "job_ended") metrics.add("voicectl_jobs_total", {{"result", event.good ? "completed" : "failed"}});
        if (event.kind == "job_taken_over") metrics.add("voicectl_jobs_total", {{"result", "taken_over"}});
        if (event.kind == "process_died") metrics.add("voicectl_process_deaths_total");
        if (event.kind != "job_refused") return;
        metrics.add("voicectl_jobs_total", {{"result", "refused"}});
        metrics.add("voicectl_jobs_refused_total", {{"reason", event.detail}});
    }

    void fail_with(const Result<void>& why) {
        if (result_) result_ = why;
        loop_.stop();
    }

    agent::DeskOptions desk_options() {
        agent::DeskOptions out{server_, options_.once, options_.deployment};
        out.capacity = capacity();
        out.admit = [this](const livekit::Job& job, std::function<void(Result<std::string>)> done) { admit(job, std::move(done)); };
        out.on_over = [this](const std::string& job) {
            costs_.erase(job);
            if (capped_.erase(job) > 0) users_->give_back(job);
        };
        meter_timer_.every(kMeterPeriod, [this] { meter_.sample(loop_.now()); });
        if (options_.dev || options_.once) return out;  // whoever develops wants his call, however busy the machine
        out.load = [this] { return std::max(meter_.cpu(), meter_.memory()); };
        out.load_threshold = static_cast<float>(config_.load_threshold);
        out.load_of_new_call = kCoreOfACall / static_cast<float>(std::max(1U, std::thread::hardware_concurrency()));
        return out;
    }

    Result<void> serve() {
        const Signals signals(
            loop_, [this](int number, int count) { on_signal(number, count); }, [this] { reload(); });
        loop_.post([this] {
            host()->on_report = [this](const nlohmann::json& report) { on_report(report); };
            transfers_ = std::make_unique<Transfers>(loop_, server_);
            host()->on_transfer = [this](const agent::Transfer& wanted, agent::TransferDone done) { transfers_->ask(wanted, std::move(done)); };
            desk_ = agent::JobDesk::create(
                loop_, config_, desk_options(), *host(), [this](const agent::WorkerEvent& event) { on_event(event); },
                [this](const Result<void>& why) {
                    if (result_) result_ = why;  // a second signal has had its say
                    loop_.stop();
                });
            if (!options_.once) start_rescue();
        });
        loop_.run();
        force_timer_.cancel();
        meter_timer_.cancel();
        rescue_.reset();
        waiting_.reset();
        desk_.reset();
        transfers_.reset();
        processes_.reset();
        parts_.reset();
        health_.reset();
        users_.reset();
        store_.reset();
        if (!options_.ready_file.empty()) unlink(options_.ready_file.c_str());
        return result_;
    }

    /// Calls of a host that was killed, ours in an earlier life or another one that shares our store.
    void start_rescue() {
        agent::Rescue::Handlers handlers;
        handlers.has_room = [this] { return desk_->closed().empty(); };
        handlers.holds = [this](const std::string& job) { return desk_->holds(job); };
        handlers.somebody_waits = [this](const store::Call& call, std::function<void(Result<bool>)> done) { waiting_->ask(call.room, std::move(done)); };
        handlers.take = [this](const store::Call& call) { desk_->take_over(waiting_->ticket(call)); };
        waiting_ = std::make_unique<WaitingRooms>(loop_, server_);
        rescue_ = std::make_unique<agent::Rescue>(loop_, *store_, config_.name, std::move(handlers));
        rescue_->start();
    }

    /// SIGHUP: calls that come from now on get the file as it is now; one that is wrong changes nothing.
    void reload() {
        if (!processes_) return log::warn("agent", "a reload needs call processes (not --dev, not --once)");
        auto loaded = load();
        if (!loaded) return log::error("agent", "the configuration is wrong, the old one stays", {{"error", loaded.error().message}});
        if (loaded->config.name != config_.name)
            return log::error("agent", "a new name needs a restart, the old configuration stays", {{"name", loaded->config.name}});
        users_ = std::make_unique<agent::UserCap>(*store_, loaded->config.limits.calls_per_user);
        processes_->reload(setup(*loaded));
    }

    int capacity() const { return config_.max_calls * (processes_ ? process_limit() : 1); }

    void on_event(const agent::WorkerEvent& event) {
        count(event);
        if (event.kind == "job_refused") note_refusal(event);
        (void)env_.out.emit_raw(json_text(to_json(event)) + "\n");
        if (event.kind != "registered" || options_.ready_file.empty()) return;
        const Json ready{{"agent", config_.name}, {"workerId", event.detail}, {"pid", getpid()}};
        if (const auto written = write_file_atomically(options_.ready_file, ready.dump() + "\n"); !written)
            log::error("agent", "ready file not written", {{"error", written.error().message}});
    }

    void on_signal(int number, int count) {
        if (count == 1) {
            env_.out.note("draining: no new calls, running ones finish (once more to end them now)");
            return desk_->drain();
        }
        if (count > 2) return give_up(number);
        desk_->force();
        force_timer_.after(kForceTime, [this, number] { give_up(number); });
        result_ = fail(number == SIGTERM ? Errc::Terminated : Errc::Cancelled, "ended by a second signal");
    }

    void give_up(int number) {
        result_ = fail(number == SIGTERM ? Errc::Terminated : Errc::Cancelled, "ended by force");
        loop_.stop();
    }

    const AgentRunOptions& options_;
    Env& env_;
    AsioLoop loop_;
    livekit::Server server_;
    agent::AgentConfig config_;
    LoadMeter meter_;
    struct CallCost {
        std::string room;
        agent::Money cost;
    };
    std::map<std::string, CallCost> costs_;            // of the calls that run
    agent::ProviderStates providers_;
    int refusals_queued_ = 0;                          // on their way to the store
    std::set<std::string> capped_;                     // jobs that hold a place of their user
    std::unique_ptr<store::AsyncStore> store_;         // places of users, refusals, /health/db
    store::SpoolState spool_;                          // of all our call processes
    std::unique_ptr<agent::UserCap> users_;
    std::unique_ptr<AgentHealth> health_;
    std::unique_ptr<CallParts> parts_;                 // one of the two
    std::unique_ptr<agent::ProcessHost> processes_;
    std::unique_ptr<agent::JobDesk> desk_;
    std::unique_ptr<WaitingRooms> waiting_;
    std::unique_ptr<Transfers> transfers_;
    std::unique_ptr<agent::Rescue> rescue_;
    Timer force_timer_{loop_}, meter_timer_{loop_};
    Result<void> result_;
};

}  // namespace

void add_agent_run(Command agent, Env& env, Run<AgentRunOptions> run) {
    auto options = std::make_shared<AgentRunOptions>();
    auto command = agent.add_subcommand("run", "Be an agent worker: take calls and hold them");
    command.footer(kAgentRunHelp);
    command.add_option("config", options->config, "The agent's YAML file").required().type_name("FILE");
    command.add_option("--name", options->name, "Register under this name instead of the configured one").type_name("NAME");
    command.add_option("--deployment", options->deployment, "Deployment label that dispatches must name").type_name("NAME");
    command.add_option("--max-calls", options->max_calls, "Calls at once in one process [from the configuration: 12]").range(1, 100);
    command.add_option("--processes", options->processes, "Call processes at most [two for each core]").range(1, 64);
    add_store_choice(command, options->store);
    command.add_option("--drain", options->drain, "How long a drain waits for calls [10m]").type_name("TIME");
    command.add_option("--health", options->health, "Serve /health, /ready, /status and /metrics on this [HOST:]PORT").type_name("ADDRESS");
    command.add_option("--ready-file", options->ready_file, "Write this file once registered; removed at the end").type_name("FILE");
    command.add_option("--log-format", options->log_format, "pretty or json")
        .one_of({"pretty", "json"})
        .capture_default();
    command.add_option("--load-threshold", options->load_threshold, "Share of CPU or memory from which on no call is taken [0.9]").range(0.05, 1.0);
    command.add_flag("--dev", options->dev, "All in one process, and load is no reason to refuse");
    command.add_flag("--once", options->once, "Hold one call, then end (exit 1 when it failed)");
    on_run(command.no_dry_run(), std::move(options), env, std::move(run));
}

Result<void> run_agent_run(const AgentRunOptions& options, Env& env) {
    log::configure(env.out.quiet ? log::Level::Warn : env.global.verbose >= 2 ? log::Level::Debug : log::Level::Info,
                   options.log_format == "json" ? log::Format::Json : log::Format::Pretty);
    return AgentProcess(options, env).run();
}

}  // namespace voicectl::commands
