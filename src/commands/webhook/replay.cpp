#include "commands/webhook/replay.h"

#include <sys/stat.h>

#include <algorithm>
#include <csignal>

#include "commands/transcript/source.h"
#include "commands/webhook/feed.h"
#include "commands/webhook/progress.h"
#include "commands/webhook/replay_report.h"
#include "voicectl/base/json.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"
#include "voicectl/net/direct_http.h"

namespace voicectl::commands {
namespace {

using livekit::SystemTime;

constexpr const char* kWebhookReplayHelp = R"(FILE is a capture (`webhook listen --save`), or has one event a line. Each delivery goes to every --to with its exact
bytes and a token made anew; --verbatim sends the stored one. Events of one egress, ingress or room keep their order; --concurrency says how
many are on their way at once. What is not reached, 429 (with Retry-After) and 5xx but 501 are tried again after a while; 410 ends
that target; other answers are told and not tried again. Redirects are never followed.

What was delivered is kept in FILE.replay until all of it is: after a crash or Ctrl-C, --resume sends the rest. Deliveries that were on their
way at a SIGKILL are sent again and told, for they may have arrived.

One line for each delivery, a report at the end; with --json the report alone. Exit 0: all delivered; 9: a part; 3 or 7: nothing.

Examples:
  voicectl webhook replay deliveries.jsonl --to http://127.0.0.1:8080/hook
  voicectl webhook replay deliveries.jsonl --to https://example.com/hook --room demo --since 2h --rate 50
  voicectl webhook replay deliveries.jsonl --to http://127.0.0.1:8080/hook --speed 10x --set-time --new-id
  voicectl webhook replay deliveries.jsonl --to http://127.0.0.1:8080/hook --resume)";

struct Pace {
    double speed = 0;  // 0: as fast as it goes
    double rate = 0;
};

Result<Pace> parse_pace(const WebhookReplayOptions& o) {
    Pace out;
    out.rate = o.rate;
    if (o.speed == "max") return out;
    char* end = nullptr;
    out.speed = std::strtod(o.speed.c_str(), &end);
    if (!o.speed.ends_with('x') || end != o.speed.c_str() + o.speed.size() - 1 || !(out.speed > 0 && out.speed <= 1e6))
        return fail_with_hint(Errc::Usage, fmt::format("--speed: '{}' is neither max nor a factor", terminal_safe(o.speed)), "write it like 1x or 10x");
    return out;
}

struct ReplaySelection {
    std::vector<std::string> ids, events, rooms;
    std::optional<SystemTime> since, until;

    static bool among(const std::vector<std::string>& wanted, const std::string& value) {
        return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
    }
    Result<bool> wants(const CapturedDelivery& one) const {
        if (!among(ids, one.id) || !among(events, one.event) || !among(rooms, one.room)) return false;
        if (!since && !until) return true;
        if (!one.received_at) return fail(Errc::Usage, "line {} does not say when it was received, which --since and --until need", one.line);
        return (!since || *one.received_at >= *since) && (!until || *one.received_at < *until);
    }
};

Result<ReplaySelection> parse_selection(const WebhookReplayOptions& o) {
    ReplaySelection out{o.ids, o.events, o.rooms, {}, {}};
    const auto now = std::chrono::system_clock::now();
    if (!o.since.empty()) {
        VC_TRY_ASSIGN(out.since, parse_when(o.since, now));
    }
    if (!o.until.empty()) {
        VC_TRY_ASSIGN(out.until, parse_when(o.until, now));
    }
    return out;
}

/// The body with another id or time; nothing else of it changes, but it is written anew.
class Rewriter {
 public:
    Rewriter(bool set_time, bool new_id, std::string salt) : set_time_(set_time), new_id_(new_id), salt_(std::move(salt)) {}

    Result<void> rewrite(CapturedDelivery& one) const {
        if (!set_time_ && !new_id_) return {};
        const auto looked = parse_object(one.body, 100);
        if (!looked) return fail(Errc::Usage, "line {}: the body {}, so neither --set-time nor --new-id can change it", one.line, looked.error());
        auto json = Json::parse(one.body, nullptr, false);
        if (new_id_) json["id"] = one.id = fresh_id(one);
        if (set_time_) json["createdAt"] = std::to_string(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
        one.body = json_text(json);
        return {};
    }

 private:
    // The same again for a second run: receivers tell repeats by it.
    std::string fresh_id(const CapturedDelivery& one) const {
        std::string out = "EV_";
        for (const char c : livekit::webhook_hash(fmt::format("{} {} {}", salt_, one.line, one.id)))
            if (c != '+' && c != '/' && out.size() < 15) out += c;
        return out;
    }
    bool set_time_, new_id_;
    std::string salt_;
};

/// When the next delivery may begin.
class Pacer {
 public:
    explicit Pacer(Pace pace) : pace_(pace) {}

    Result<TimePoint> due(const CapturedDelivery& one, TimePoint now) {
        auto at = now;
        if (pace_.speed > 0) {
            if (!one.received_at) return fail(Errc::Usage, "line {} does not say when it was received, which --speed needs", one.line);
            if (!first_) {
                first_ = *one.received_at;
                begun_ = now;
            }
            const auto after = std::chrono::duration<double>(*one.received_at - *first_) / pace_.speed;
            at = std::max(at, begun_ + std::chrono::duration_cast<Duration>(after));
        }
        if (pace_.rate > 0) {
            at = std::max(at, next_);
            next_ = at + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / pace_.rate));
        }
        return at;
    }

 private:
    Pace pace_;
    std::optional<SystemTime> first_;
    TimePoint begun_{}, next_{};
};

/// One run, on the loop of the command's own thread.
class Replay {
 public:
    Replay(const WebhookReplayOptions& o, Env& env, std::optional<livekit::ApiKey> key, Pace pace, std::unique_ptr<ReplayProgress> progress, std::chrono::milliseconds limit)
        : o_(o), env_(env), key_(std::move(key)), pacer_(pace), progress_(std::move(progress)),
          rewriter_(o.set_time, o.new_id, progress_ ? progress_->salt() : random_id(22)),
          http_(loop_, env.http()), courier_(loop_, {o.to, o.concurrency, o.attempts, limit}, hooks()), paced_(loop_), progressing_(loop_) {
        for (const auto& one : o.to) shown_.push_back(shown_target(one));
    }

    Result<void> run(CaptureReader reader, ReplaySelection selection) {
        const auto begun = loop_.now();
        Signals signals(loop_, [this](int number, int count) { on_signal(number, count); });
        feed_ = std::make_unique<CaptureFeed>(std::move(reader), [selection = std::move(selection)](const CapturedDelivery& one) { return selection.wants(one); },
                                              [this] { loop_.post(lifeline_.guard([this] { feed_on(); })); });
        progressing_.every(std::chrono::milliseconds(250), [this] { show_progress(begun_); });
        begun_ = begun;
        loop_.run();
        env_.out.progress("");
        feed_.reset();
        report_.took = loop_.now() - begun;
        report_.retries = courier_.retries();
        report_.left = report_.selected * o_.to.size() - report_.already_delivered - report_.delivered - report_.failed - report_.not_sent;
        return tell();
    }

 private:
    CourierHooks hooks() {
        return {[this](net::HttpRequest request, net::HttpStreamHandlers handlers) { return http_.stream(std::move(request), std::move(handlers)); },
                [this](const CapturedDelivery& one) { return o_.verbatim ? one.authorization : livekit::sign_delivery(*key_, one.body); },
                [this](const CapturedDelivery& one, std::size_t target) { return progress_ ? progress_->record_begin(target, one.line) : Result<void>(); },
                [this](const Outcome& outcome) { return on_end(outcome); },
                [this] { feed_on(); }};
    }

    // As many as there is room for; then ends, when all is done.
    void feed_on() {
        while (!courier_.stopping() && !paced_.pending() && courier_.has_room()) {
            if (!next_) next_ = feed_->take();
            if (!next_ || !admit()) break;
        }
        if (progress_)
            if (const auto kept = progress_->flush(); !kept) stop_for(kept.error());
        if (!courier_.trouble()) stop_for(courier_.trouble().error());
        const auto ended = next_ ? std::nullopt : feed_->ended();
        if (ended && !*ended && !trouble_) trouble_ = ended->error();  // what was read before is sent all the same
        if ((courier_.stopping() || ended) && courier_.idle()) loop_.stop();
    }

    /// False: not yet, or never.
    bool admit() {
        if (!due_) {
            if (delivered_before(*next_)) {
                next_.reset();
                return true;
            }
            const auto due = pacer_.due(*next_, loop_.now());
            if (!due) return stop_for(due.error());
            due_ = *due;
        }
        if (const auto wait = *due_ - loop_.now(); wait > Duration::zero()) {
            paced_.after(wait, [this] { feed_on(); });
            return false;
        }
        due_.reset();
        auto one = std::move(*next_);
        next_.reset();
        ++report_.selected;
        if (const auto fit = prepare(one); !fit) return stop_for(fit.error());
        const auto to = targets_of(one);
        if (!to.empty()) courier_.take(std::move(one), to);
        return true;
    }

    bool delivered_before(const CapturedDelivery& one) {
        if (!progress_) return false;
        for (std::size_t i = 0; i < o_.to.size(); ++i)
            if (!progress_->delivered(i, one.line)) return false;
        ++report_.selected;
        report_.already_delivered += o_.to.size();
        return true;
    }

    Result<void> prepare(CapturedDelivery& one) {
        if (o_.verbatim && one.authorization.empty()) return fail(Errc::Usage, "line {} has no Authorization header that --verbatim could send", one.line);
        return rewriter_.rewrite(one);
    }

    std::vector<std::size_t> targets_of(const CapturedDelivery& one) {
        std::vector<std::size_t> out;
        for (std::size_t i = 0; i < o_.to.size(); ++i) {
            if (progress_ && progress_->delivered(i, one.line)) {
                ++report_.already_delivered;
                continue;
            }
            if (progress_ && progress_->in_doubt(i, one.line)) report_.in_doubt.push_back(one.line);
            out.push_back(i);
        }
        return out;
    }

    Result<void> on_end(const Outcome& outcome) {
        if (progress_ && outcome.sent) progress_->record_end(outcome.target, outcome.delivery->line, outcome.delivered);
        const auto& target = shown_[outcome.target];
        report_.add(outcome, target);
        if (!outcome.delivered && (o_.fail_fast || courier_.all_targets_gone())) courier_.stop();
        if (env_.out.format == Format::Jsonl) return env_.out.emit_raw(json_text(outcome_json(outcome, target)) + "\n");
        if (env_.out.format == Format::Name) return outcome.delivered ? env_.out.emit_raw(terminal_safe(outcome.delivery->id) + "\n") : Result<void>();
        if (env_.out.for_scripts()) return {};
        return env_.out.emit_raw(outcome_line(outcome, o_.to.size() > 1 ? target : std::string()));
    }

    bool stop_for(Error error) {
        if (!trouble_) trouble_ = std::move(error);
        courier_.stop();
        return false;
    }

    void on_signal(int number, int count) {
        if (!trouble_) trouble_ = Error{number == SIGTERM ? Errc::Terminated : Errc::Cancelled, "stopped by a signal", {}};
        courier_.stop();
        if (count > 1 || courier_.idle()) loop_.stop();
    }

    void show_progress(TimePoint begun) {
        const auto seconds = std::chrono::duration<double>(loop_.now() - begun).count();
        const auto part = feed_->part_read();
        env_.out.progress(fmt::format("{} delivered, {} not, {} on their way, {:.0f}/s{}", report_.delivered, report_.failed, courier_.in_flight(),
                                      static_cast<double>(report_.delivered) / std::max(0.001, seconds), part ? fmt::format(", {:.0f} %", *part * 100) : ""));
    }

    Result<void> tell() {
        const bool whole = !trouble_ && report_.failed + report_.not_sent + report_.left == 0;
        if (whole && progress_) progress_->remove();
        if (env_.out.format != Format::Name) VC_TRY(env_.out.emit(report_.json(), report_.lines()));
        const auto go_on = progress_ ? "--resume sends what is left" : "";
        if (trouble_) {
            if (trouble_->hint.empty()) trouble_->hint = go_on;
            return std::unexpected(*trouble_);
        }
        if (whole && report_.selected == 0 && !o_.ids.empty()) return fail(Errc::NotFound, "no delivery with that id is in {}", terminal_safe(o_.file));
        if (whole) {
            if (report_.selected == 0) env_.out.note("nothing was selected");
            return {};
        }
        const auto missing = report_.failed + report_.not_sent + report_.left;
        const auto code = report_.delivered + report_.already_delivered != 0 ? Errc::Partial : report_.first_failure;
        return fail_with_hint(code, fmt::format("{} of {} were not delivered; first: {}", missing, report_.selected * o_.to.size(), report_.first_reason), go_on);
    }

    const WebhookReplayOptions& o_;
    Env& env_;
    std::optional<livekit::ApiKey> key_;
    AsioLoop loop_;
    Pacer pacer_;
    std::unique_ptr<ReplayProgress> progress_;
    Rewriter rewriter_;
    net::DirectHttp http_;
    Courier courier_;
    std::vector<std::string> shown_;
    ReplayReport report_;
    std::unique_ptr<CaptureFeed> feed_;
    std::optional<CapturedDelivery> next_;  // waits for its time
    std::optional<TimePoint> due_;          // of it
    std::optional<Error> trouble_;
    TimePoint begun_{};
    Timer paced_, progressing_;
    Lifeline lifeline_;
};

/// What is read twice must be there twice; pipes are not.
bool is_regular(const std::string& path) {
    struct stat about {};
    return path != "-" && stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
}

Result<void> check_source(ReplayProgress& progress, const std::string& file) {
    VC_TRY_ASSIGN(auto reader, CaptureReader::open(file));
    VC_TRY_ASSIGN(const auto first, reader.next());
    return first ? progress.check_source(livekit::webhook_hash(first->body)) : Result<void>();
}

Result<std::unique_ptr<ReplayProgress>> open_progress(const WebhookReplayOptions& o, Env& env) {
    const bool beside = o.resume.empty() || o.resume == "default";
    if (beside && !is_regular(o.file)) {
        if (!o.resume.empty()) return fail_with_hint(Errc::Usage, "a pipe has no file beside it for the progress", "--resume=FILE names one");
        return nullptr;
    }
    using Begin = ReplayProgress::Begin;
    VC_TRY_ASSIGN(auto progress, ReplayProgress::open(beside ? o.file + ".replay" : o.resume, o.to, o.anew ? Begin::Anew : o.resume.empty() ? Begin::Fresh : Begin::Resume));
    if (is_regular(o.file)) VC_TRY(check_source(*progress, o.file));
    if (const auto doubt = progress->count_in_doubt(); doubt != 0)
        env.out.warn(fmt::format("{} deliveries were on their way when the earlier run ended; they are sent again and may arrive twice", doubt));
    return progress;
}

// What would be sent, in the order of the file; nobody is asked.
Result<void> show_plan_of(const WebhookReplayOptions& o, CaptureReader reader, const ReplaySelection& selection, Env& env) {
    if (env.out.format == Format::Json) env.out.format = Format::Jsonl;
    std::size_t count = 0;
    while (!env.out.reader_gone()) {
        VC_TRY_ASSIGN(const auto next, reader.next());
        if (!next) break;
        VC_TRY_ASSIGN(const bool wanted, selection.wants(*next));
        if (!wanted) continue;
        for (const auto& to : o.to) {
            ++count;
            const Json one{{"dryRun", true}, {"line", next->line}, {"id", next->id}, {"event", next->event}, {"room", next->room}, {"to", shown_target(to)}, {"bytes", next->body.size()}};
            VC_TRY(env.out.emit(one, plain_text(fmt::format("would send {} {} {} to {}", next->id, next->event, next->room, shown_target(to)), 300), next->id));
        }
    }
    env.out.note(fmt::format("{} deliveries would be sent", count));
    return {};
}

Result<void> check_options(const WebhookReplayOptions& o) {
    if (o.to.empty()) return fail_with_hint(Errc::Usage, "where to? --to is missing", "for example --to http://127.0.0.1:8080/hook");
    for (const auto& to : o.to) VC_TRY(check_target(to));
    if (o.verbatim && (o.set_time || o.new_id)) return fail(Errc::Usage, "--verbatim sends the stored token, which is not for a body that --set-time or --new-id changed");
    if (o.anew && o.resume == "default") return fail(Errc::Usage, "--resume goes on and --anew begins again: one of them");
    return {};
}

}  // namespace

void add_webhook_replay(Command webhook, Env& env, Run<WebhookReplayOptions> run) {
    auto o = std::make_shared<WebhookReplayOptions>();
    auto cmd = webhook.add_subcommand("replay", "Send captured deliveries again").footer(kWebhookReplayHelp);
    cmd.add_option("file", o->file, "The capture, or - for standard input").required().type_name("FILE");
    cmd.add_option("--to", o->to, "Where to (repeat)").one_value().type_name("URL");
    cmd.add_option("--id", o->ids, "Only these events, by id (repeat)").delimiter(',').one_value().type_name("A,B");
    cmd.add_option("--event", o->events, "Only events of these names (repeat)").delimiter(',').one_value().type_name("A,B");
    cmd.add_option("--room", o->rooms, "Only events of these rooms (repeat)").one_value().type_name("ROOM");
    cmd.add_option("--since", o->since, "Only what was received since: a time, or how long ago").type_name("TIME");
    cmd.add_option("--until", o->until, "Only what was received before: a time, or how long ago").type_name("TIME");
    cmd.add_option("--speed", o->speed, "max, or a factor of the pace at which they were received: 1x, 10x").capture_default().type_name("SPEED");
    cmd.add_option("--rate", o->rate, "At most so many a second [no limit]").positive().type_name("N");
    cmd.add_option("--concurrency", o->concurrency, "How many on their way at once").range(1, 1024).capture_default().type_name("N");
    cmd.add_option("--attempts", o->attempts, "How often each is tried").range(1, 100).capture_default().type_name("N");
    cmd.add_flag("--verbatim", o->verbatim, "Send the stored token instead of a fresh one");
    cmd.add_flag("--set-time", o->set_time, "Set createdAt to now; the body is written anew");
    cmd.add_flag("--new-id", o->new_id, "Give each event a new id; the body is written anew");
    cmd.add_flag("--fail-fast", o->fail_fast, "Stop at the first that is not delivered");
    cmd.add_flag("--resume{default}", o->resume, "Go on with a replay that did not deliver everything; its progress is in FILE.replay, or in this file");
    cmd.add_flag("--anew", o->anew, "Forget what an earlier replay has delivered");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_webhook_replay(const WebhookReplayOptions& o, Env& env) {
    VC_TRY(check_options(o));
    VC_TRY_ASSIGN(const auto pace, parse_pace(o));
    VC_TRY_ASSIGN(auto selection, parse_selection(o));
    VC_TRY_ASSIGN(const auto limit, env.timeout());
    VC_TRY_ASSIGN(auto reader, CaptureReader::open(o.file));
    if (env.global.dry_run) return show_plan_of(o, std::move(reader), selection, env);
    std::optional<livekit::ApiKey> key;
    if (!o.verbatim) {
        VC_TRY_ASSIGN(key, env.api_key());
    }
    VC_TRY_ASSIGN(auto progress, open_progress(o, env));
    env.out.changed();
    return Replay(o, env, std::move(key), pace, std::move(progress), limit).run(std::move(reader), std::move(selection));
}

}  // namespace voicectl::commands
