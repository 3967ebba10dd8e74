#include "commands/agent/run.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "commands/agent/loading.h"
#include "voicectl/agent/host.h"
#include "voicectl/base/atomic_file.h"
#include "voicectl/base/log.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"
#include "voicectl/base/workers.h"

namespace voicectl::commands {
namespace {

constexpr const char* kLong = R"(Registers with the server as an agent worker, takes dispatches by the agent's name, and holds the calls.
Everything about the agent stands in CONFIG (YAML); mistakes are told with file, line and key before
anything connects. Events of jobs go to stdout, one JSON object per line; logs go to stderr.

A server that cannot be reached at all for the first 20 s ends it (exit 7), and one that refuses the key (exit 4). Once
registered, a lost connection is told as a warning and made again for as long as it takes.

The first SIGINT or SIGTERM drains: no new calls, running ones finish. The second ends them at once.

Examples:
  voicectl agent run examples/receptionist.yaml
  voicectl agent run receptionist.yaml --once --log-format json
  voicectl dispatch create demo --agent receptionist --wait)";

// After the second signal calls have this long to say goodbye to the server.
constexpr std::chrono::seconds kForceTime{1};

Json to_json(const agent::WorkerEvent& event) {
    return {{"time", format_time(std::chrono::system_clock::now())},
            {"event", event.kind},
            {"job", event.job_id},
            {"room", event.room},
            {"detail", event.detail},
            {"ok", event.good},
            {"turns", event.turns}};
}

/// The running worker: built in order, taken down in reverse, all on this thread's loop.
class AgentProcess {
 public:
    AgentProcess(const AgentRunOptions& options, Env& env) : options_(options), env_(env) {}

    Result<void> run() {
        VC_TRY_ASSIGN(auto loaded, load_agent_config(options_.config));
        VC_TRY(apply_flags(loaded));
        VC_TRY(check_ready_file());
        VC_TRY_ASSIGN(server_, env_.server());
        VC_TRY_ASSIGN(stages_, build_agent_stages(loaded, workers_, env_));
        config_ = std::move(loaded.config);
        VC_TRY_ASSIGN(core_, rtc::Core::load());
        const auto path = config_.store.empty() ? env_.get("VOICECTL_STORE").value_or(store::default_path()) : config_.store;
        VC_TRY_ASSIGN(auto opened, store::Store::open(path));
        store_ = std::make_unique<store::AsyncStore>(std::move(opened), loop_);
        host_ = agent::make_call_host({loop_, config_, stages_, *core_, *store_});
        return serve();
    }

 private:
    Result<void> apply_flags(agent::LoadedConfig& loaded) {
        auto& config = loaded.config;
        if (!options_.name.empty()) config.name = options_.name;
        if (!agent::is_plain_name(config.name)) return fail(Errc::Usage, "--name must be printable text on one line, without blanks at its ends");
        if (!options_.store.empty()) config.store = options_.store;
        if (options_.max_calls > 0) config.max_calls = options_.max_calls;
        if (!options_.drain.empty()) {
            VC_TRY_ASSIGN(config.drain_timeout, parse_duration(options_.drain));
        }
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

    Result<void> serve() {
        const Signals signals(loop_, [this](int number, int count) { on_signal(number, count); });
        Timer force_timer(loop_);
        force_timer_ = &force_timer;
        loop_.post([this] {
            desk_ = agent::JobDesk::create(
                loop_, config_, {server_, options_.once, options_.deployment}, *host_,
                [this](const agent::WorkerEvent& event) { on_event(event); },
                [this](const Result<void>& why) {
                    if (result_) result_ = why;  // a second signal has had its say
                    loop_.stop();
                });
        });
        loop_.run();
        force_timer.cancel();
        desk_.reset();
        host_.reset();
        store_.reset();  // what is queued gets written
        if (!options_.ready_file.empty()) unlink(options_.ready_file.c_str());
        return result_;
    }

    void on_event(const agent::WorkerEvent& event) {
        (void)env_.out.emit_raw(to_json(event).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
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
        force_timer_->after(kForceTime, [this, number] { give_up(number); });
        result_ = fail(number == SIGTERM ? Errc::Terminated : Errc::Cancelled, "ended by a second signal");
    }

    void give_up(int number) {
        result_ = fail(number == SIGTERM ? Errc::Terminated : Errc::Cancelled, "ended by force");
        loop_.stop();
    }

    const AgentRunOptions& options_;
    Env& env_;
    AsioLoop loop_;
    Workers workers_{2, "vc-speech"};
    livekit::Server server_;
    agent::AgentConfig config_;
    agent::Stages stages_;
    std::unique_ptr<rtc::Core> core_;
    std::unique_ptr<store::AsyncStore> store_;
    std::unique_ptr<agent::CallHost> host_;
    std::unique_ptr<agent::JobDesk> desk_;
    Timer* force_timer_ = nullptr;
    Result<void> result_;
};

}  // namespace

void add_agent_run(Command agent, Env& env, Run<AgentRunOptions> run) {
    auto options = std::make_shared<AgentRunOptions>();
    auto command = agent.add_subcommand("run", "Be an agent worker: take calls and hold them");
    command.footer(kLong);
    command.add_option("config", options->config, "The agent's YAML file").required().type_name("FILE");
    command.add_option("--name", options->name, "Register under this name instead of the configured one").type_name("NAME");
    command.add_option("--deployment", options->deployment, "Deployment label that dispatches must name").type_name("NAME");
    command.add_option("--max-calls", options->max_calls, "Calls at once [from the configuration: 12]").range(1, 100);
    command.add_option("--store", options->store, "Transcript store [VOICECTL_STORE]").type_name("PATH");
    command.add_option("--drain", options->drain, "How long a drain waits for calls [10m]").type_name("TIME");
    command.add_option("--ready-file", options->ready_file, "Write this file once registered; removed at the end").type_name("FILE");
    command.add_option("--log-format", options->log_format, "pretty or json")
        .one_of({"pretty", "json"})
        .capture_default();
    command.add_flag("--once", options->once, "Hold one call, then end (exit 1 when it failed)");
    on_run(command.no_dry_run(), std::move(options), env, std::move(run));
}

Result<void> run_agent_run(const AgentRunOptions& options, Env& env) {
    log::configure(env.out.quiet ? log::Level::Warn : env.global.verbose >= 2 ? log::Level::Debug : log::Level::Info,
                   options.log_format == "json" ? log::Format::Json : log::Format::Pretty);
    return AgentProcess(options, env).run();
}

}  // namespace voicectl::commands
