#include "commands/webhook/listener.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "commands/transcript/source.h"
#include "commands/webhook/capture.h"
#include "commands/webhook/hook_view.h"
#include "commands/webhook/keys.h"
#include "commands/webhook/target.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::chrono::hours kForgetPeriod{1};
constexpr std::chrono::seconds kGapPeriod{60};
constexpr std::chrono::seconds kStepTime{5};  // an end waits so long for each of the server, the targets and the reader
constexpr std::chrono::seconds kWarnPeriod{10};
constexpr int kMostWarnings = 5;  // in a period: who sends rubbish must not fill the log

std::string host_text(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

std::string path_of(const std::string& text) { return text.starts_with('/') ? text : "/" + text; }

}  // namespace

Listener::~Listener() {
    if (saved_ != nullptr) std::fclose(saved_);
}

Result<void> Listener::run() {
    VC_TRY(prepare());
    const Signals signals(loop_, [this](int number, int count) { on_signal(number, count); });
    loop_.post([this] {
        forget_old();
        if (forwarder_) forwarder_->wake();
        if (gaps_) gaps_->look();
    });
    loop_.run();
    for (auto* timer : {&limit_timer_, &forget_timer_, &gaps_timer_, &step_timer_}) timer->cancel();
    gaps_.reset();
    notes_.reset();
    runner_.reset();
    server_.reset();
    forwarder_.reset();
    store_.reset();  // finishes what is queued
    if (!options_.ready_file.empty()) unlink(options_.ready_file.c_str());
    if (printer_.left_out() > 0)
        env_.out.warn(fmt::format("{} events were not printed, for nobody read them; voicectl webhook list has them", printer_.left_out()));
    return result_;
}

Result<void> Listener::prepare() {
    VC_TRY(read_options());
    VC_TRY(open_store());
    VC_TRY(open_server());
    if (!targets_.empty()) start_forwarder();
    if (!options_.exec.empty()) start_runner();
    VC_TRY(start_asking());
    if (times_.limit.count() > 0) limit_timer_.after(times_.limit, [this] { on_limit(); });
    return announce();
}

Result<void> Listener::read_options() {
    const auto& o = options_;
    VC_TRY_ASSIGN(answers_, parse_answers(o.respond));
    VC_TRY_ASSIGN(times_.keep, time_of("--keep", o.keep));
    VC_TRY_ASSIGN(times_.exec_limit, time_of("--exec-timeout", o.exec_timeout));
    VC_TRY_ASSIGN(times_.limit, time_of("--timeout", o.limit));
    if (times_.limit.count() > 0 && o.until.empty() && o.count == 0)
        return fail_with_hint(Errc::Usage, "--timeout says how long --until or --count may take", "name an event or a number");
    if (!o.until.empty() && !o.events.empty() && std::find(o.events.begin(), o.events.end(), o.until) == o.events.end())
        return fail_with_hint(Errc::Usage, "--until waits for an event that --event leaves out", "name it in --event too");
    for (const auto& given : o.forward) {
        VC_TRY_ASSIGN(const auto target, read_target(given));
        if (std::find(targets_.begin(), targets_.end(), target) == targets_.end()) targets_.push_back(target);
    }
    if (!o.no_verify) {
        VC_TRY_ASSIGN(keys_, webhook_keys(o.keys_file, env_));
    }
    if (!targets_.empty()) {
        VC_TRY_ASSIGN(key_, env_.api_key());
    }
    if (env_.out.format == Format::Tsv && env_.out.fields.empty())
        return fail_with_hint(Errc::Usage, "-o tsv needs --fields here", "for example --fields receivedAt,event,room -o tsv");
    const bool table = env_.out.format == Format::Table || env_.out.format == Format::Wide;
    const bool asked = o.format_given && o.format_given();
    people_ = table && (asked || env_.out.results_are_terminal()) && env_.out.get.empty() && env_.out.fields.empty();
    if (o.save.empty()) return {};
    const int file = open(o.save.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);  // it holds tokens
    if (file < 0) return fail(Errc::Usage, "--save: cannot write {}: {}", o.save, std::strerror(errno));
    saved_ = fdopen(file, "a");
    return {};
}

Result<void> Listener::open_store() {
    VC_TRY_ASSIGN(auto opened, store::Store::open(store_place(options_.store, env_).path));
    store_ = std::make_unique<store::AsyncStore>(std::move(opened), loop_);
    webhook::IntakeOptions intake;
    intake.keys = keys_;
    intake.verify = !options_.no_verify;
    intake.path = path_of(options_.path);
    intake.targets = targets_;
    intake.forwards = [this](const store::WebhookEvent& event) { return wanted(event); };
    intake.answers = answers_;
    intake_ = std::make_unique<webhook::Intake>(loop_, *store_, std::move(intake));
    intake_->on_handled = [this](const webhook::Handled& handled) { on_handled(handled); };
    return {};
}

Result<void> Listener::open_server() {
    net::HttpServerOptions options;
    options.host = options_.host;
    options.port = options_.port;
    options.max_body = webhook::kMaxBody;
    options.max_connections = static_cast<std::size_t>(options_.max_connections);
    VC_TRY_ASSIGN(server_, net::HttpServer::listen(loop_, options, [this](const net::ServedRequest& request, net::HttpServer::Respond respond) {
                      intake_->handle(request, std::move(respond));
                  }));
    return {};
}

void Listener::start_forwarder() {
    webhook::ForwarderOptions options;
    options.targets = targets_;
    options.key = key_;
    forwarder_ = std::make_unique<webhook::Forwarder>(loop_, *store_, env_.http(), options);
    forwarder_->on_attempt = [this](const store::Delivery& attempt) {
        log::info("webhook", "forwarded", {{"event", attempt.event}, {"id", attempt.event_id}, {"room", attempt.room}, {"target", attempt.target}, {"outcome", attempt.outcome}, {"status", attempt.status}});
        if (attempt.outcome == "refused" || attempt.outcome == "expired")
            warn_now_and_then(fmt::format("{} was not forwarded to {}: {}", attempt.event_id, attempt.target, attempt.status != 0 ? answer_words(attempt.status) : attempt.reason));
    };
    forwarder_->on_gone = [this](const std::string& target, int dropped) {
        env_.out.warn(fmt::format("{} answered 410 and gets no more events; {} that waited are dropped", target, dropped));
    };
}

void Listener::start_runner() {
    runner_ = std::make_unique<EventRunner>(loop_, EventRunnerOptions{options_.exec, options_.exec_at_once, times_.exec_limit});
    runner_->on_trouble = [this](const std::string& id, const std::string& what) { warn_now_and_then(fmt::format("--exec for {}: {}", terminal_safe(id), what)); };
}

Result<void> Listener::start_asking() {
    if (!options_.fill_gaps && !options_.note_egress) return {};
    VC_TRY_ASSIGN(const auto server, env_.server());
    if (options_.note_egress) {
        notes_ = std::make_unique<EgressNotes>(loop_, server);
        notes_->on_trouble = [this](const std::string& room, const Error& error) {
            warn_now_and_then(fmt::format("the egress is not noted in room {}: {}", terminal_safe(room), error.message));
        };
    }
    if (!options_.fill_gaps) return {};
    gaps_ = std::make_unique<webhook::GapFiller>(loop_, *store_, server);
    gaps_->on_found = [this](Result<std::vector<store::WebhookEvent>> found) {
        if (!found) return warn_now_and_then("gaps are not filled: " + found.error().message);
        if (!finishing_) intake_->add(std::move(*found));
    };
    gaps_timer_.every(kGapPeriod, [this] { gaps_->look(); });
    return {};
}

Result<void> Listener::announce() {
    const auto url = fmt::format("http://{}:{}{}", host_text(options_.host), server_->port(), path_of(options_.path));
    env_.out.note("listening on " + url);
    if (options_.no_verify) env_.out.warn("--no-verify: events of anybody are taken");
    if (options_.ready_file.empty()) return {};
    const Json ready{{"url", url}, {"port", server_->port()}, {"pid", getpid()}};
    auto written = write_file_atomically(options_.ready_file, ready.dump() + "\n");
    if (written) return {};
    return fail(Errc::Usage, "--ready-file: {}", written.error().message);
}

void Listener::forget_old() {
    store_->run<int>([keep = times_.keep](store::Store& store) { return store.webhooks().forget(std::chrono::system_clock::now() - keep); },
                     [](const Result<int>& forgotten) {
                         if (!forgotten) log::warn("webhook", "old events are not removed", {{"error", forgotten.error().message}});
                     });
    forget_timer_.after(kForgetPeriod, [this] { forget_old(); });
}

bool Listener::wanted(const store::WebhookEvent& event) const {
    const auto among = [](const std::vector<std::string>& list, const std::string& one) { return list.empty() || std::find(list.begin(), list.end(), one) != list.end(); };
    return among(options_.events, event.event) && among(options_.rooms, event.room);
}

void Listener::on_handled(const webhook::Handled& handled) {
    log::info("webhook", "delivery", {{"event", handled.event.event}, {"id", handled.event.id}, {"room", handled.event.room}, {"outcome", webhook::to_string(handled.outcome)}, {"status", handled.status}});
    const bool taken = handled.outcome == webhook::Outcome::Stored || handled.outcome == webhook::Outcome::Repeated;
    if (!taken) on_refused(handled);
    if (taken && !wanted(handled.event)) return;
    if (handled.outcome == webhook::Outcome::Repeated && options_.dedupe) return;
    if (handled.status != 0) save(handled);
    if (taken) pass_on(handled);
}

void Listener::on_refused(const webhook::Handled& handled) {
    warn_now_and_then(fmt::format("a delivery was answered {}: {}", handled.status, handled.reason));
}

void Listener::pass_on(const webhook::Handled& handled) {
    printer_.print(hook_text(env_.out, people_, handled_json(handled)));
    if (handled.outcome != webhook::Outcome::Stored) return;
    const auto& event = handled.event;
    if (forwarder_) forwarder_->wake();
    if (runner_ && !runner_->run(event)) warn_now_and_then(fmt::format("--exec is not run for {}: too many wait", terminal_safe(event.id)));
    if (notes_ && event.event == "egress_ended")
        if (const auto body = parse_object(event.body, 64); body && body->contains("egressInfo") && (*body)["egressInfo"].is_object())
            notes_->note(event.room, text_at((*body)["egressInfo"], "egressId"));
    count(event);
}

void Listener::save(const webhook::Handled& handled) {
    if (saved_ == nullptr) return;
    const auto verdict = options_.no_verify ? Json() : verdict_json(handled.verdict);
    const auto line = capture_line(handled.event.received_at, handled.headers, handled.event.body, verdict);
    const bool failed = std::fwrite(line.data(), 1, line.size(), saved_) != line.size() || std::fflush(saved_) != 0;
    if (failed && !std::exchange(save_failed_, failed)) env_.out.warn(fmt::format("--save {}: {}; the store has them all the same", options_.save, std::strerror(errno)));
    save_failed_ = failed;
}

void Listener::count(const store::WebhookEvent& event) {
    ++seen_;
    if (finishing_) return;
    if (event.event == options_.until || (options_.count > 0 && seen_ >= options_.count)) finish({});
}

void Listener::warn_now_and_then(const std::string& text) {
    if (loop_.now() - warned_since_ > kWarnPeriod) {
        if (warned_ > kMostWarnings) env_.out.warn(fmt::format("{} more of this kind", warned_ - kMostWarnings));
        warned_since_ = loop_.now();
        warned_ = 0;
    }
    if (++warned_ <= kMostWarnings) env_.out.warn(text);
}

void Listener::on_signal(int number, int count) {
    const auto code = number == SIGTERM ? Errc::Terminated : Errc::Cancelled;
    if (count > 1) {
        result_ = fail(code, "ended by a second signal");
        return loop_.stop();
    }
    const bool waits = !options_.until.empty() || options_.count > 0;
    if (waits) return finish(fail(code, "ended by a signal before what was waited for came"));
    env_.out.note("finishing what was taken (once more to end at once)");
    finish({});
}

void Listener::on_limit() {
    const auto what = options_.until.empty() ? fmt::format("{} of {} events came", seen_, options_.count) : fmt::format("no {} came", terminal_safe(options_.until));
    finish(fail(Errc::Timeout, "{} in {}", what, format_duration(times_.limit)));
}

void Listener::finish(Result<void> result) {
    if (std::exchange(finishing_, true)) return;
    result_ = std::move(result);
    next_step();
}

// Each has its time; what is left then is either in the store or nobody's loss.
void Listener::next_step() {
    const auto step = ++step_;
    auto done = lifeline_.guard([this, step] {
        if (step == step_) next_step();
    });
    const auto later = [this, done]() mutable { loop_.post(done); };
    auto time = std::chrono::duration_cast<std::chrono::milliseconds>(kStepTime);
    switch (step) {
        case 1: server_->drain(later); break;
        case 2:
            if (!runner_) return next_step();
            time = times_.exec_limit * 2;
            runner_->finish(later);
            break;
        case 3:
            if (!forwarder_) return next_step();
            forwarder_->finish(later);
            break;
        case 4: printer_.flush(later); break;
        default: return loop_.stop();
    }
    step_timer_.after(time, done);
}

}  // namespace voicectl::commands
