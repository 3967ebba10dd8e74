#include "commands/serve/server.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "commands/agent/loading.h"
#include "commands/call/recording.h"
#include "commands/call/start.h"
#include "commands/transcript/source.h"
#include "commands/webhook/keys.h"
#include "commands/webhook/target.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::commands {
namespace {

constexpr const char* kWebhookPath = "/v1/webhooks/livekit";
constexpr int kSpeechThreads = 2;
constexpr int kServeThreads = 12;  // for what waits for LiveKit and for models
constexpr std::size_t kLargestSecretFile = 16 * 1024;
constexpr std::chrono::hours kForgetEvery{1}, kKeepEvents{30 * 24};
constexpr std::chrono::seconds kForwardEnd{5};
constexpr std::chrono::seconds kStartLimit{30};

/// The secret of a variable, or the lines of a file that stands in for it.
Result<std::vector<std::string>> secrets_of(const std::string& file, const std::vector<const char*>& variables, const Env& env) {
    std::vector<std::string> out;
    if (!file.empty()) {
        const auto text = read_file(file, kLargestSecretFile);
        if (!text) return fail(Errc::Usage, "{}: {}", file, text.error().message);
        for (const auto& line : split(*text, '\n'))
            if (const auto secret = trim(line); !secret.empty()) out.emplace_back(secret);
        if (out.empty()) return fail(Errc::Usage, "{} holds no secret", file);
    } else {
        for (const char* name : variables)
            if (auto value = env.get(name); value && !value->empty()) out.push_back(std::move(*value));
    }
    for (const auto& secret : out) register_secret(secret);
    return out;
}

std::string url_host(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

Result<void> check_folder(const char* flag, const std::string& path) {
    std::error_code error;
    if (path.empty() || std::filesystem::is_directory(path, error)) return {};
    return fail(Errc::Usage, "{}: {} is no folder", flag, path);
}

}  // namespace

Result<void> Server::run() {
    VC_TRY(prepare());
    std::optional<Signals> signals(std::in_place, loop_, [this](int number, int count) { on_signal(number, count); });
    loop_.post([this] {
        forget_old_events();
        if (forwarder_) forwarder_->wake();
    });
    loop_.run();
    if (!result_) leave();
    signals.reset();  // a database that hangs may keep us here: the next signal ends the process
    step_timer_.cancel();
    forget_timer_.cancel();
    server_.reset();
    voice_.reset();
    workers_.reset();  // joins what still waits for others
    backend_.reset();
    forwarder_.reset();
    intake_.reset();  // notes what it refused
    gate_.reset();
    stages_ = {};
    speech_workers_.reset();
    store_.reset();  // finishes what is queued
    if (!options_.ready_file.empty()) unlink(options_.ready_file.c_str());
    return result_;
}

Result<void> Server::prepare() {
    VC_TRY(read_options());
    VC_TRY(open_gate());
    VC_TRY(open_page());
    VC_TRY(open_store());
    VC_TRY(open_webhooks());
    VC_TRY(open_voice());
    VC_TRY(open_backend());
    VC_TRY(listen());
    return announce();
}

Result<void> Server::read_options() {
    const auto& o = options_;
    VC_TRY_ASSIGN(drain_, time_of("--drain", o.drain));
    const auto mode = env_.get("ENV").value_or("");
    if (!mode.empty() && mode != "development" && mode != "production")
        return fail_with_hint(Errc::Usage, fmt::format("ENV is '{}'", plain_text(mode, 40)), "development or production");
    development_ = mode.empty() ? net::is_loopback(o.host) : mode == "development";
    for (const auto& one : split(env_.get("CORS_ALLOWED_ORIGINS").value_or(""), ','))
        if (const auto origin = trim(one); !origin.empty()) origins_.emplace_back(origin);
    VC_TRY(check_folder("--scenarios", o.scenarios));
    VC_TRY(check_folder("--recordings", o.recordings));
    if (std::any_of(o.call_agents.begin(), o.call_agents.end(), [](const auto& one) { return one.empty(); })) return fail(Errc::Usage, "--call-agent names no agent");
    if (!o.record.empty()) VC_TRY(recording_request(o.record, "room", env_.getenv()));
    for (const auto& given : o.forward) {
        VC_TRY_ASSIGN(const auto target, read_target(given));
        if (std::find(targets_.begin(), targets_.end(), target) == targets_.end()) targets_.push_back(target);
    }
    return {};
}

Result<void> Server::open_gate() {
    serve::GateOptions options;
    VC_TRY_ASSIGN(options.internal_keys, secrets_of(options_.service_key_file, {"INTERNAL_SERVICE_KEY", "INTERNAL_SERVICE_KEY_PREVIOUS"}, env_));
    VC_TRY_ASSIGN(const auto secrets, secrets_of(options_.jwt_secret_file, {"VOICECTL_JWT_SECRET"}, env_));
    if (options.internal_keys.size() > 2) return fail(Errc::Usage, "--service-key-file: {} keys are more than two", options.internal_keys.size());
    if (secrets.size() > 1) return fail(Errc::Usage, "--jwt-secret-file holds more than one line");
    if (!secrets.empty()) options.tokens.secret = secrets.front();
    options.tokens.jwks_url = options_.jwks_url;
    options.tokens.issuer = options_.jwt_issuer;
    options.tokens.audience = options_.jwt_audience;
    options.behind_proxy = options_.behind_proxy;
    if (options.internal_keys.empty() && options.tokens.secret.empty() && options.tokens.jwks_url.empty())
        return fail_with_hint(Errc::Usage, "nobody could ask anything: there is no key of services and none of users' tokens", "set INTERNAL_SERVICE_KEY, VOICECTL_JWT_SECRET or --jwks-url");
    VC_TRY_ASSIGN(gate_, serve::make_gate(loop_, env_.http(), std::move(options)));
    limiter_ = std::make_unique<serve::RateLimiter>(serve::Rate{std::max(1, options_.rate / 2), std::chrono::milliseconds(60'000 / options_.rate)});
    return {};
}

Result<void> Server::open_page() {
    if (options_.no_page) return {};
    serve::PageOptions options;
    VC_TRY_ASSIGN(options.keys, secrets_of(options_.page_key_file, {"VOICECTL_PAGE_KEY", "VOICECTL_PAGE_KEY_PREVIOUS"}, env_));
    if (options.keys.empty()) {
        env_.out.note("nobody can sign in at the page: VOICECTL_PAGE_KEY is not set");
        return {};
    }
    options.behind_proxy = options_.behind_proxy;
    VC_TRY_ASSIGN(page_, serve::Page::make(loop_, std::move(options)));
    return {};
}

Result<void> Server::open_store() {
    VC_TRY_ASSIGN(auto opened, store::Store::open(store_place(options_.store, env_).path));
    store_ = std::make_unique<store::AsyncStore>(std::move(opened), loop_);
    return {};
}

// Without LiveKit's server and key there are still sessions and transcripts to be had.
Result<void> Server::open_webhooks() {
    if (const auto server = env_.server()) livekit_ = *server;
    const auto keys = webhook_keys(options_.keys_file, env_);
    if (!keys && (!options_.keys_file.empty() || !targets_.empty())) return std::unexpected(keys.error());
    if (!keys) {
        env_.out.note("no webhooks are taken and no calls started: " + keys.error().message);
        return {};
    }
    webhook::IntakeOptions intake;
    intake.keys = *keys;
    intake.path = kWebhookPath;
    intake.targets = targets_;
    intake_ = std::make_unique<webhook::Intake>(loop_, *store_, std::move(intake));
    intake_->on_handled = [this](const webhook::Handled& handled) {
        log::info("webhook", "delivery", {{"event", handled.event.event}, {"id", handled.event.id}, {"room", handled.event.room}, {"outcome", webhook::to_string(handled.outcome)}, {"status", handled.status}});
        if (forwarder_ && handled.outcome == webhook::Outcome::Stored) forwarder_->wake();
    };
    if (targets_.empty()) return {};
    webhook::ForwarderOptions options;
    options.targets = targets_;
    VC_TRY_ASSIGN(options.key, env_.api_key());
    forwarder_ = std::make_unique<webhook::Forwarder>(loop_, *store_, env_.http(), options);
    forwarder_->on_attempt = [](const store::Delivery& attempt) {
        log::info("webhook", "forwarded", {{"event", attempt.event}, {"id", attempt.event_id}, {"room", attempt.room}, {"target", attempt.target}, {"outcome", attempt.outcome}, {"status", attempt.status}});
    };
    forwarder_->on_gone = [](const std::string& target, int dropped) { log::warn("webhook", "a target answered 410 and gets no more", {{"target", target}, {"dropped", dropped}}); };
    return {};
}

// One agent, whose model also summarises: what it says in calls over a WebSocket is what it says in LiveKit's.
Result<void> Server::open_voice() {
    if (options_.agent.empty()) return {};
    VC_TRY_ASSIGN(auto loaded, load_agent_config(options_.agent));
    models_.emplace(loaded.config, env_);
    VC_TRY(models_->check());
    if (options_.no_voice) return {};
    for (const auto& warning : price_warnings(loaded.config)) log::warn("agent", warning);
    speech_workers_ = std::make_unique<Workers>(kSpeechThreads, "vc-speech");
    VC_TRY_ASSIGN(stages_, build_agent_stages(loaded, *speech_workers_, env_));
    agent_ = std::move(loaded.config);
    serve::VoiceOptions options;
    options.origins = development_ ? std::vector<std::string>{"*"} : origins_;  // a token is needed all the same
    voice_ = serve::VoiceDesk::create(loop_, {agent_, stages_, *store_}, *gate_, std::move(options));
    voice_->on_report = [this](const nlohmann::json& report) { voice_reports_.take(report); };
    return {};
}

Result<void> Server::open_backend() {
    workers_ = std::make_unique<Workers>(kServeThreads, "vc-serve");
    serve::BackendOptions options;
    options.origins = origins_;
    options.development = development_;
    options.open_metrics = options_.open_metrics;
    options.trust_proxy = options_.behind_proxy;
    options.agents = options_.call_agents;
    options.voice = voice_ != nullptr;
    options.record = !options_.record.empty();
    options.scenarios = options_.scenarios;
    options.recordings = options_.recordings;
    options.version = VOICECTL_VERSION;
    serve::BackendParts parts{.loop = loop_, .store = *store_, .workers = *workers_, .gate = *gate_, .limiter = *limiter_};
    if (intake_) parts.webhooks = [this](const net::ServedRequest& request, net::HttpServer::Respond respond) { intake_->handle(request, std::move(respond)); };
    if (livekit_) parts.start_call = [this](const serve::CallWish& wish) { return start_call(wish); };
    if (models_) parts.ask_model = [this](const speech::Chat& chat) -> Result<serve::Said> {
        VC_TRY_ASSIGN(auto said, models_->ask(chat));
        return serve::Said{std::move(said.text), std::move(said.model)};
    };
    if (voice_) parts.more_metrics = [this] { return serve::voice_metrics(voice_->counts()) + voice_reports_.text(); };
    if (page_) {
        parts.page = [this](const net::ServedRequest& request, net::HttpServer::Respond respond) { return page_->handle(request, respond); };
        parts.signed_in = [this](const net::ServedRequest& request) { return page_->signed_in(request); };
    }
    auto made = serve::Backend::create(std::move(parts), std::move(options));
    if (!made) return std::unexpected(std::move(made).error());
    backend_ = std::move(*made);
    return {};
}

Result<void> Server::listen() {
    net::HttpServerOptions options;
    options.host = options_.host;
    options.port = options_.port;
    options.max_body = webhook::kMaxBody;
    options.body_limit = [this](const net::ServedRequest& head) { return backend_->body_limit(head); };
    options.max_connections = static_cast<std::size_t>(options_.max_connections);
    if (voice_) {
        options.upgrades = [this](const net::ServedRequest& request) { return voice_->wants(request); };
        options.on_upgrade = [this](const net::ServedRequest& request, std::unique_ptr<net::Upgrade> upgrade) { voice_->take(request, std::move(upgrade)); };
    }
    options.refusal = [this](int status, std::string_view why) { return backend_->refuse_unread(status, why); };
    VC_TRY_ASSIGN(server_, net::HttpServer::listen(loop_, options, [this](const net::ServedRequest& request, net::HttpServer::Respond respond) {
                      backend_->handle(request, std::move(respond));
                  }));
    return {};
}

Result<void> Server::announce() {
    const auto url = fmt::format("http://{}:{}", url_host(options_.host), server_->port());
    env_.out.note(fmt::format("listening on {} ({})", url, development_ ? "development" : "production"));
    if (options_.ready_file.empty()) return {};
    const Json ready{{"url", url}, {"port", server_->port()}, {"pid", getpid()}};
    if (auto written = write_file_atomically(options_.ready_file, ready.dump() + "\n"); !written) return fail(Errc::Usage, "--ready-file: {}", written.error().message);
    return {};
}

void Server::forget_old_events() {
    store_->run<int>([](store::Store& store) { return store.webhooks().forget(std::chrono::system_clock::now() - kKeepEvents); },
                     [](const Result<int>& forgotten) {
                         if (!forgotten) log::warn("webhook", "old events are not removed", {{"error", forgotten.error().message}});
                     });
    forget_timer_.after(kForgetEvery, [this] { forget_old_events(); });
}

// On a worker's thread.
Result<nlohmann::json> Server::start_call(const serve::CallWish& wish) {
    CallStartOptions asked;
    asked.fields = {.user = wish.user_id, .assignment = wish.assignment_id, .scenario = wish.scenario_id, .metadata = {}, .schema = false};
    asked.no_schema = true;
    asked.no_wait = true;  // a page must not wait for an agent to be there
    asked.identity = wish.identity;
    asked.record = wish.record ? (options_.record.empty() ? "auto" : options_.record) : "";
    asked.metadata = wish.metadata.empty() ? "" : json_text(wish.metadata);
    if (!wish.agent.empty()) asked.agents = {wish.agent};
    VC_TRY_ASSIGN(auto plan, plan_call(asked, *livekit_, env_.getenv(), std::chrono::system_clock::now()));
    auto given = make_call(std::move(plan), env_, *livekit_, kStartLimit, nullptr);
    if (!given) {
        auto error = std::move(given).error();
        if (error.code != Errc::Unreachable && error.code != Errc::Timeout) error.code = Errc::Protocol;  // what LiveKit refuses (our key, for one) is no fault of whoever asks
        return std::unexpected(std::move(error));
    }
    const auto& made = *given;
    nlohmann::json out{{"room", made.at("room").at("name")}};
    for (const char* key : {"url", "token", "tokenExpires", "identity", "metadata", "agents", "recording"}) out[key] = made.at(key);
    return out;
}

void Server::on_signal(int number, int count) {
    if (count > 1) {
        result_ = fail(number == SIGTERM ? Errc::Terminated : Errc::Cancelled, "ended by a second signal");
        return loop_.stop();
    }
    env_.out.note("finishing what was begun (once more to end at once)");
    drain_end_ = loop_.now() + drain_;
    next_step();
}

// Threads that wait for a model or a database cannot be told to stop, and joining them takes as long as those take. To return
// without joining would destroy what they use, so the process ends here. Nothing is lost: what was acknowledged is stored.
void Server::leave() {
    if (!options_.ready_file.empty()) unlink(options_.ready_file.c_str());
    env_.out.error(result_.error(), nullptr);
    _exit(exit_code(result_.error().code));
}

void Server::next_step() {
    const auto step = ++step_;
    auto done = lifeline_.guard([this, step] {
        if (step == step_) next_step();
    });
    const auto later = [this, done]() mutable { loop_.post(done); };
    auto time = std::max(std::chrono::duration_cast<std::chrono::milliseconds>(drain_end_ - loop_.now()), std::chrono::milliseconds(0));
    switch (step) {
        case 1: backend_->drain(later); break;  // first, so that /health sends new callers elsewhere while others say goodbye
        case 2:
            if (!voice_) return next_step();
            voice_->drain(time, later);
            break;
        case 3: server_->drain(later); break;
        case 4:
            if (!forwarder_) return next_step();
            time = kForwardEnd;
            forwarder_->finish(later);
            break;
        default: return loop_.stop();
    }
    step_timer_.after(time, done);
}

}  // namespace voicectl::commands
