#include "commands/egress/serve.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "commands/agent/health.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/metrics.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"
#include "voicectl/egress/worker.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {
namespace {

constexpr const char* kEgressServeHelp = R"(Records rooms for LiveKit, sound alone: room composites with audio_only, media and templates without video, audio tracks, to
OGG or MP3, here or on S3. It needs the Redis of livekit-server, and clients, lists and webhooks see LiveKit's own egress API.
What needs video is left to LiveKit's egress service, which may run beside it; when there is none, the client is told so.
docs/egress-worker.md has all of it.

Redis: --redis, else REDIS_URL, else 127.0.0.1:6379; a password belongs into REDIS_URL or REDIS_PASSWORD. Files go below --files,
or to S3 when --bucket or S3_BUCKET says so (and to where a request says); BACKUP_S3_BUCKET and the other S3 names behind
BACKUP_ are where a recording goes that could not be stored there. What nobody takes stays in --folder, /status lists it, and it is tried
again every ten minutes and at each start.

The first SIGINT or SIGTERM takes no more jobs and lets those that run go on for --drain; then, and at the second, they are finished,
stored and reported. The third ends at once: the next start with the same --folder goes on from there, as after a crash.

Examples:
  voicectl egress serve --redis 127.0.0.1:6379 --files /var/recordings
  voicectl egress serve --bucket recordings --region eu-central-1 --health 9091
  voicectl egress serve --max-jobs 50 --drain 1h --log-format json)";

constexpr int kJobsPerCore = 20, kMoverThreads = 4;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::chrono::milliseconds kLookForEnd{100};

const std::vector<Metrics::Definition>& egress_metrics() {
    using Kind = Metrics::Kind;
    static const std::vector<Metrics::Definition> all{
        {Kind::Gauge, "voicectl_egress_jobs", "Recordings at this moment"},
        {Kind::Gauge, "voicectl_egress_jobs_capacity", "Recordings that are taken at most"},
        {Kind::Gauge, "voicectl_egress_storing", "Recordings on their way to their storage"},
        {Kind::Gauge, "voicectl_egress_kept", "Recordings that no storage has taken yet"},
        {Kind::Gauge, "voicectl_egress_ready", "1 while jobs are taken"},
        {Kind::Counter, "voicectl_egress_jobs_total", "Jobs by what became of them: complete, failed, aborted, limit_reached"},
        {Kind::Counter, "voicectl_egress_left_total", "Requests that were not taken, by reason: not_ours, full"},
        {Kind::Counter, "voicectl_egress_refused_total", "Requests that no worker could do, or for which there was no room after all"},
        {Kind::Counter, "voicectl_egress_orphans_total", "Jobs of a former process that were finished or failed"},
        {Kind::Counter, "voicectl_egress_recorded_seconds_total", "Length of what was recorded"},
        {Kind::Counter, "voicectl_egress_stored_bytes_total", "Bytes that reached their storage"},
        {Kind::Counter, "voicectl_egress_store_failures_total", "Recordings that did not"},
        {Kind::Counter, "voicectl_egress_late_samples_total", "Samples at 48 kHz that came too late to be recorded"},
    };
    return all;
}

class EgressServer {
 public:
    EgressServer(const EgressServeOptions& options, Env& env) : o_(options), env_(env) {}

    Result<void> run() {
        VC_TRY(prepare());
        Signals signals(loop_, [this](int, int count) { on_signal(count); });
        loop_.run();
        drain_timer_.cancel();
        end_timer_.cancel();
        server_.reset();
        worker_.reset();  // before the threads: they wait for a storage until its jobs let go of it
        movers_.reset();
        encoders_.reset();
        bus_.reset();
        redis_.reset();
        core_.reset();
        if (!o_.ready_file.empty()) unlink(o_.ready_file.c_str());
        return {};
    }

 private:
    Result<void> prepare();
    Result<net::RedisOptions> redis_options() const;
    Result<void> read_storage(egress::WorkerOptions& out) const;
    Result<egress::WorkerOptions> worker_options() const;
    Result<void> listen();
    void on_redis(bool connected);
    void on_ready();
    void answer(const net::ServedRequest& request, const net::HttpServer::Respond& respond);
    std::string metrics() const;
    Json status() const;
    void on_signal(int count);

    const EgressServeOptions& o_;
    Env& env_;
    AsioLoop loop_;
    std::chrono::milliseconds drain_{0};
    int max_jobs_ = 0;
    std::unique_ptr<rtc::Core> core_;
    std::unique_ptr<net::Redis> redis_;
    std::unique_ptr<livekit::EgressBus> bus_;
    std::unique_ptr<Workers> encoders_, movers_;
    std::unique_ptr<egress::Worker> worker_;
    std::unique_ptr<net::HttpServer> server_;
    bool ready_ = false;
    Timer drain_timer_{loop_}, end_timer_{loop_};
};

Result<net::RedisOptions> EgressServer::redis_options() const {
    if (o_.redis.find('@') != std::string::npos) return fail_with_hint(Errc::Usage, "--redis holds a login, which everybody sees in the list of processes", "put it into REDIS_URL, or the password into REDIS_PASSWORD");
    net::RedisOptions out;
    VC_TRY_ASSIGN(out.address, net::parse_redis_address(!o_.redis.empty() ? o_.redis : env_.get("REDIS_URL").value_or("127.0.0.1:6379")));
    if (const auto password = env_.get("REDIS_PASSWORD"); password && !password->empty()) {
        register_secret(*password);
        out.address.password = *password;
    }
    return out;
}

Result<void> EgressServer::read_storage(egress::WorkerOptions& out) const {
    const bool s3 = !o_.storage.bucket.empty() || !env_.get("RECORDING_S3_BUCKET").value_or(env_.get("S3_BUCKET").value_or("")).empty();
    if (s3) {
        VC_TRY_ASSIGN(out.policy.storage, storage_config(o_.storage, StorageKind::S3, "", env_.getenv()));
    } else if (const auto given = o_.storage.first_given(); !given.empty()) {
        return fail_with_hint(Errc::Usage, fmt::format("{} says nothing without a bucket", given), "--bucket, or S3_BUCKET");
    }
    const Getenv backup = [this](const std::string& name) -> std::optional<std::string> {
        return name.starts_with("RECORDING_") ? env_.get("BACKUP_" + name.substr(10)) : std::nullopt;
    };
    if (env_.get("BACKUP_S3_BUCKET").value_or("").empty()) return {};
    auto config = storage_config({}, StorageKind::S3, "", backup);
    if (!config) return std::unexpected(std::move(config).error().while_doing("the backup (BACKUP_S3_…)"));
    out.backup = std::move(*config);
    return {};
}

Result<egress::WorkerOptions> EgressServer::worker_options() const {
    egress::WorkerOptions out;
    VC_TRY_ASSIGN(out.server, env_.server());
    VC_TRY(read_storage(out));
    out.folder = o_.folder.empty() ? store::state_folder() + "/egress" : o_.folder;
    out.policy.root = o_.files;
    out.policy.absolute_paths = o_.any_path;
    out.policy.participant_audio = o_.participants;
    out.explain_video = !o_.silent;
    out.max_jobs = o_.max_jobs > 0 ? o_.max_jobs : kJobsPerCore * static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    out.max_cpu = o_.max_cpu / 100.0;
    out.min_free = static_cast<std::uint64_t>(o_.min_free_mb) * kMiB;
    out.limits.bytes = static_cast<std::int64_t>(o_.max_mb * static_cast<double>(kMiB));
    if (!o_.max_duration.empty()) {
        VC_TRY_ASSIGN(out.limits.duration, time_of("--max-duration", o_.max_duration));
    }
    std::error_code error;
    if (!o_.files.empty() && !std::filesystem::is_directory(o_.files, error)) return fail_with_hint(Errc::Usage, fmt::format("--files: {} is no folder", o_.files), "make it first: recordings should not land where nobody looks");
    return out;
}

Result<void> EgressServer::prepare() {
    if (!o_.drain.empty()) {
        VC_TRY_ASSIGN(drain_, time_of("--drain", o_.drain));
    }
    VC_TRY_ASSIGN(const auto redis, redis_options());
    VC_TRY_ASSIGN(auto options, worker_options());
    max_jobs_ = options.max_jobs;
    VC_TRY_ASSIGN(core_, rtc::Core::load());
    redis_ = std::make_unique<net::Redis>(loop_, redis);
    redis_->on_state = [this](bool connected) { on_redis(connected); };
    bus_ = std::make_unique<livekit::EgressBus>(loop_, *redis_);
    encoders_ = std::make_unique<Workers>(std::max(2, static_cast<int>(std::thread::hardware_concurrency())), "vc-encode");
    movers_ = std::make_unique<Workers>(kMoverThreads, "vc-store");
    VC_TRY_ASSIGN(worker_, egress::Worker::create({.loop = loop_, .redis = *redis_, .bus = *bus_, .core = *core_, .http = env_.http(), .encoders = *encoders_, .movers = *movers_}, std::move(options)));
    VC_TRY(listen());
    env_.out.note(fmt::format("waiting for jobs over Redis at {}", redis.address.shown()));
    worker_->start([this] { on_ready(); });
    return {};
}

Result<void> EgressServer::listen() {
    if (o_.health.empty()) return {};
    VC_TRY_ASSIGN(const auto options, health_address(o_.health));
    VC_TRY_ASSIGN(server_, net::HttpServer::listen(loop_, options, [this](const net::ServedRequest& request, const net::HttpServer::Respond& respond) { answer(request, respond); }));
    return {};
}

void EgressServer::on_redis(bool connected) {
    if (connected) {
        log::info("egress", "Redis is there", {{"address", redis_->address().shown()}});
        if (worker_) worker_->retry_reports();
        return;
    }
    const auto& why = *redis_->last_error();
    log::warn("egress", "Redis is away: no job reaches us; recordings go on, and are reported when it is back",
              {{"why", why.message}, {"hint", why.hint.empty() ? "--redis or REDIS_URL must be the Redis of livekit-server; it is tried again" : why.hint}});
}

void EgressServer::on_ready() {
    ready_ = true;
    log::info("egress", "jobs are taken", {{"at_once", max_jobs_}});
    if (o_.ready_file.empty()) return;
    Json ready{{"pid", getpid()}, {"maxJobs", max_jobs_}};
    if (server_) ready["healthPort"] = server_->port();
    if (const auto written = write_file_atomically(o_.ready_file, ready.dump() + "\n"); !written) log::warn("egress", "--ready-file", {{"error", written.error().message}});
}

void EgressServer::answer(const net::ServedRequest& request, const net::HttpServer::Respond& respond) {
    if (request.method != "GET" && request.method != "HEAD") return respond(only_get());
    if (request.path == "/health") return respond(health_json(200, {{"status", "ok"}}));
    if (request.path == "/ready") {
        const auto why = !ready_ ? std::string("not subscribed yet") : worker_->closed();
        return respond(why.empty() ? health_json(200, {{"ready", true}}) : health_json(503, {{"ready", false}, {"reason", why}}));
    }
    if (request.path == "/status") return respond(health_json(200, status()));
    if (request.path == "/metrics") return respond({200, metrics(), "text/plain; version=0.0.4; charset=utf-8"});
    respond({404, "there are /health, /ready, /status and /metrics\n"});
}

Json EgressServer::status() const {
    auto jobs = Json::array();
    for (const auto& one : worker_->jobs())
        jobs.push_back({{"egressId", one.egress_id}, {"room", one.room}, {"status", one.status}, {"startedAt", format_time(one.began)}, {"recordedMs", std::chrono::duration_cast<std::chrono::milliseconds>(one.recorded).count()}, {"bytes", one.bytes}, {"tracks", one.tracks}});
    auto kept = Json::array();
    for (const auto& one : worker_->kept()) kept.push_back({{"egressId", one.egress_id}, {"room", one.room}, {"file", one.file}, {"bytes", one.bytes}, {"error", one.error}});
    const auto counts = worker_->counts();
    const auto why = worker_->closed();
    return {{"ready", ready_ && why.empty()}, {"reason", why.empty() ? Json() : Json(why)}, {"jobs", jobs}, {"kept", kept}, {"capacity", max_jobs_}, {"redis", redis_->connected()}, {"taken", counts.taken}, {"complete", counts.complete}, {"failed", counts.failed}};
}

std::string EgressServer::metrics() const {
    Metrics out(egress_metrics());
    const auto counts = worker_->counts();
    const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
    out.set("voicectl_egress_jobs", counts.jobs);
    out.set("voicectl_egress_jobs_capacity", max_jobs_);
    out.set("voicectl_egress_storing", counts.storing);
    out.set("voicectl_egress_kept", counts.kept);
    out.set("voicectl_egress_ready", ready_ && worker_->closed().empty() ? 1 : 0);
    for (const auto& [result, count] : {std::pair{"complete", counts.complete}, {"failed", counts.failed}, {"aborted", counts.aborted}, {"limit_reached", counts.limited}})
        out.set("voicectl_egress_jobs_total", number(count), {{"result", result}});
    out.set("voicectl_egress_left_total", number(counts.left_video), {{"reason", "not_ours"}});
    out.set("voicectl_egress_left_total", number(counts.left_full), {{"reason", "full"}});
    out.set("voicectl_egress_refused_total", number(counts.refused));
    out.set("voicectl_egress_orphans_total", number(counts.orphans));
    out.set("voicectl_egress_recorded_seconds_total", counts.seconds_recorded);
    out.set("voicectl_egress_stored_bytes_total", number(counts.bytes_stored));
    out.set("voicectl_egress_store_failures_total", number(counts.upload_failures));
    out.set("voicectl_egress_late_samples_total", number(counts.lost_frames));
    return out.text();
}

void EgressServer::on_signal(int count) {
    if (count > 2) return loop_.stop();
    worker_->stop_taking();
    if (worker_->idle()) return loop_.stop();
    end_timer_.every(kLookForEnd, [this] {
        if (worker_->idle()) loop_.stop();
    });
    if (count == 1 && drain_.count() > 0) {
        env_.out.note(fmt::format("no more jobs; those that run may go on for {} (once more to finish them now)", format_duration(drain_)));
        return drain_timer_.after(drain_, [this] { worker_->end_all(); });
    }
    env_.out.note("finishing, storing and reporting what is recorded (once more to end at once)");
    drain_timer_.cancel();
    worker_->end_all();
}

}  // namespace

void add_egress_serve(Command egress, Env& env, Run<EgressServeOptions> run) {
    auto o = std::make_shared<EgressServeOptions>();
    auto cmd = egress.add_subcommand("serve", "Be LiveKit's recorder for sound").footer(kEgressServeHelp);
    cmd.add_option("--redis", o->redis, "The Redis of livekit-server: HOST:PORT, redis://HOST:PORT/DB, unix:///PATH").type_name("ADDRESS");
    cmd.add_option("--folder", o->folder, "Recordings under way, and what a restart goes on from [~/.local/state/voicectl/egress]").type_name("FOLDER");
    cmd.add_option("--files", o->files, "Finished files go below this folder [where it runs]").type_name("FOLDER").group("Storage");
    cmd.add_flag("--any-path", o->any_path, "A request may name any place of this machine").group("Storage");
    add_s3_flags(cmd, o->storage);
    cmd.add_flag("--participants", o->participants, "Take participant requests too, and record their sound alone").group("What is taken");
    cmd.add_flag("--silent", o->silent, "Leave what needs video in silence: LiveKit then says 'no response from servers' after 20 s").group("What is taken");
    cmd.add_option("--max-jobs", o->max_jobs, "Recordings at once [20 for each core]").range(1, 10'000).group("Limits");
    cmd.add_option("--max-cpu", o->max_cpu, "Percent of this machine above which nothing more is taken").range(1, 100).capture_default().group("Limits");
    cmd.add_option("--min-disk", o->min_free_mb, "MiB to be left on the disk of --folder").range(0, 100'000'000).capture_default().group("Limits");
    cmd.add_option("--max-duration", o->max_duration, "A recording ends after so long (LIMIT_REACHED) [never]").type_name("TIME").group("Limits");
    cmd.add_option("--max-size", o->max_mb, "and at so many MiB [never]").range(0.01, 1'000'000.0).group("Limits");
    cmd.add_option("--drain", o->drain, "How long recordings may go on after the first signal [not at all]").type_name("TIME");
    cmd.add_option("--health", o->health, "Serve /health, /ready, /status and /metrics here: PORT or ADDRESS:PORT").type_name("PORT");
    cmd.add_option("--ready-file", o->ready_file, "Write pid and port here once jobs are taken; removed at the end").type_name("FILE");
    cmd.add_option("--log-format", o->log_format, "pretty or json").one_of({"pretty", "json"}).capture_default();
    on_run(cmd.no_dry_run(), std::move(o), env, std::move(run));
}

Result<void> run_egress_serve(const EgressServeOptions& options, Env& env) {
    const auto level = env.out.quiet ? log::Level::Warn : env.global.verbose >= 1 ? log::Level::Debug : log::Level::Info;
    log::configure(level, options.log_format == "json" ? log::Format::Json : log::Format::Pretty);
    return EgressServer(options, env).run();
}

}  // namespace voicectl::commands
