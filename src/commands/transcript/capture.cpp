#include "commands/transcript/capture.h"

#include <set>

#include "commands/room/live_room.h"
#include "commands/room/outcome.h"
#include "commands/transcript/destination.h"
#include "commands/transcript/source.h"
#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"
#include "voicectl/transcript/gather.h"
#include "voicectl/transcript/save.h"

namespace voicectl::commands {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr const char* kTranscriptCaptureHelp = R"(Joins as a hidden observer, as `room watch` does, and takes down the text
streams (lk.transcription) and transcript packets of whatever agent runs there. It ends with the room, by --for, with
--until-empty when all callers have left, or by Ctrl-C (exit 130): what was said until then is written in any case.

On a terminal turns are shown as they come. What is written at the end is --format (json unless told otherwise), to
--out or to standard output; on a terminal only when either is given. --save or --store keeps it in the store, too:
each capture as an attempt of its own, saved every few seconds, so that little is lost whatever happens.

Examples:
  voicectl transcript capture demo
  voicectl transcript capture demo --until-empty --timeout 1h --out demo.vtt --format vtt
  voicectl transcript capture demo --until-empty --save)";

constexpr auto kSaveEvery = 5s;
constexpr auto kLastWords = 3s;  // of an agent, after its caller has left
constexpr std::string_view kTopic = "transcript";

Result<void> find_room_to_capture(const std::string& name, milliseconds limit, Env& env) {
    VC_TRY_ASSIGN(auto* twirp, twirp_within(env, limit));
    auto met = meet_room(*twirp, name);
    if (!met) return std::unexpected(std::move(met).error());
    if (!env.global.dry_run) warn_of_departure(env, *met);
    return {};
}

/// One capture. Everything happens on the main thread, inside LiveRoom's calls.
class Capture {
 public:
    Capture(const TranscriptCaptureOptions& options, Env& env, const transcript::Form& form, transcript::Style style, std::unique_ptr<store::Store> store)
        : o_(options), env_(env), form_(form), style_(std::move(style)), store_(std::move(store)) {
        const bool terminal = env.out.results_are_terminal() && !env.out.for_scripts();
        live_lines_ = terminal && options.out != "-";
        whole_ = !options.out.empty() || !options.format.empty() || !terminal;
        if (options.out.empty() && whole_) live_lines_ = false;  // one or the other
    }

    Result<void> run(const LiveOptions& entry, milliseconds limit) {
        live_.on_event = [this](const Json& event) { handle(event); };
        live_.on_piece = [this](const rtc::TextMessage& piece, std::uint64_t stream) { handle_piece(piece, stream); };
        VC_TRY(live_.join(entry));
        VC_TRY(begin());
        env_.out.note(fmt::format("taking down what is said in room {}; Ctrl-C ends it and keeps what was said", call_.room));
        live_.on_loop([this] { arm(); });
        const auto ended = live_.run(limit.count() == 0 ? Deadline::never() : Deadline::in(limit));
        live_.on_loop([this] {
            save_timer_.cancel();
            empty_timer_.cancel();
        });
        live_.leave();
        const auto kept = finish();
        const auto verdict = verdict_of(ended, limit);
        return kept ? verdict : kept;
    }

 private:
    Result<void> begin() {
        call_.room = live_.room().name();
        call_.started_at = system_clock::now();
        call_.job_id = "capture-" + live_.room().identity();
        call_.status = "active";
        if (!store_) return {};
        VC_TRY_ASSIGN(call_, store_->begin_call(call_));
        return {};
    }

    void arm() {
        if (store_) save_timer_.every(kSaveEvery, [this] { save_some(); });
        look_whether_empty();
    }

    // The server tells of who publishes no track only every 3 s: words may come before we know whose they are.
    void once_known(const std::string& identity, std::function<void()> task) {
        constexpr std::size_t kMost = 1000;
        if (agents_.contains(identity) || callers_.contains(identity) || waiting_.size() >= kMost) return task();
        waiting_.emplace_back(identity, std::move(task));
    }

    void go_on(const std::string& identity) {
        for (auto& [whose, task] : std::exchange(waiting_, {})) {
            if (whose == identity) task();
            else waiting_.emplace_back(whose, std::move(task));
        }
    }

    void handle(const Json& event) {
        const auto kind = event["event"].get<std::string>();
        if (kind == "joined") joined(event);
        else if (kind == "left") left(event["identity"].get<std::string>());
        else if (kind == "transcription") words(event);
        else if (kind == "data" && event["topic"] == kTopic) packet(event);
        else if (kind == "reconnecting") env_.out.note("the connection is lost; what is said meanwhile is missing");
    }

    void joined(const Json& event) {
        const auto identity = event["identity"].get<std::string>();
        const auto role = event["kind"].get<std::string>();
        if (role == "agent") agents_.insert(identity), gatherer_.add_agent(identity);
        else if (role != "egress") callers_.insert(identity), somebody_ = true;
        empty_timer_.cancel();
        go_on(identity);
    }

    void left(const std::string& identity) {
        callers_.erase(identity);
        look_whether_empty();
    }

    void look_whether_empty() {
        if (o_.until_empty && somebody_ && callers_.empty()) empty_timer_.after(kLastWords, [this] { live_.end({}); });
    }

    void words(const Json& event) {
        const transcript::Segment said{event["identity"].get<std::string>(), event["segment"].get<std::string>(), event["text"].get<std::string>(), event["final"].get<bool>(),
                                       event.contains("language")};
        const auto news = gatherer_.add(said, system_clock::now());
        if (!said.final) env_.out.progress(fmt::format("{}: {}", said.identity, said.text));
        if (news) once_known(said.identity, [this, turn = *news] { show(turn); });
    }

    void handle_piece(const rtc::TextMessage& piece, std::uint64_t stream) {
        if (piece.topic != "lk.transcription") return;
        const auto id = piece.attributes.find("lk.segment_id");
        if (id != piece.attributes.end()) gatherer_.add_piece({piece.sender_identity, id->second, piece.text}, stream, system_clock::now());
    }

    void packet(const Json& event) {
        const auto from = event["identity"].get<std::string>();
        if (!event["payload"].is_string()) return refuse(from, "sends what is no text");
        once_known(from, [this, from, payload = event["payload"].get<std::string>()] { read_packet(from, payload); });
    }

    void read_packet(const std::string& from, const std::string& payload) {
        if (!agents_.contains(from)) return refuse(from, "is no agent");
        auto news = gatherer_.add_packet(payload);
        if (!news) return refuse(from, news.error().message);
        if (*news) show(**news);
    }

    void refuse(const std::string& from, std::string_view why) {
        if (refused_.insert(from).second) env_.out.warn(fmt::format("transcript packets of {} are left out: {}", from.empty() ? "somebody unknown" : from, why));
    }

    void show(store::Turn turn) {
        env_.out.progress("");
        if (!live_lines_) return;
        if (agents_.contains(turn.identity)) turn.speaker = store::Speaker::Agent;  // we may know it since
        std::string text;
        live_writer_->turn(turn, call_, text);
        if (auto written = env_.out.emit_raw(text); !written) live_.end(std::move(written));
        else if (env_.out.reader_gone()) live_.end({});
    }

    // A store that is away for a moment is there again the next time; the last time counts.
    void save_some() {
        if (gatherer_.version() == saved_version_) return;
        if (save([](milliseconds) -> Result<void> { return fail(Errc::Cancelled, "later"); })) saved_version_ = gatherer_.version();
    }

    Result<void> save(const transcript::Wait& wait) {
        const auto turns = gatherer_.turns();
        auto call = call_;
        if (!turns.empty()) call.started_at = std::min(call.started_at, turns.front().started_at);
        VC_TRY(transcript::save_with_retries(*store_, call, turns, wait));
        return {};
    }

    Result<void> finish() {
        env_.out.progress("");
        for (const auto& [whose, task] : std::exchange(waiting_, {})) task();  // nobody has told who they are
        const auto turns = gatherer_.turns();
        call_.status = "completed";
        call_.reason = "captured";
        call_.ended_at = system_clock::now();
        call_.turns = static_cast<int>(turns.size());
        if (!turns.empty()) call_.started_at = std::min(call_.started_at, turns.front().started_at);
        const auto written = write(turns);
        Result<void> stored;  // also when it could not be written, and the other way round
        if (store_) {
            stored = save([this](milliseconds pause) {
                live_.loop().run_until(Clock::now() + pause);
                return Result<void>();
            });
        }
        if (!stored) return std::unexpected(std::move(stored).error().while_doing("saving what was captured"));
        if (!written) return std::unexpected(written.error());
        const auto where = o_.out.empty() || o_.out == "-" ? std::string() : " to " + o_.out;
        env_.out.note(fmt::format("{} turns captured{}{}", turns.size(), where, store_ ? fmt::format(", stored as call {}", call_.id) : ""));
        return {};
    }

    Result<void> write(const std::vector<store::Turn>& turns) {
        if (!whole_) return {};
        const auto writer = form_.create(style_);
        std::string text;
        writer->begin(text);
        writer->begin_call(call_, text);
        for (const auto& turn : turns) writer->turn(turn, call_, text);
        writer->end_call(text);
        writer->end(text);
        VC_TRY_ASSIGN(auto destination, Destination::open(o_.out, env_.out));
        VC_TRY(destination.write(text));
        return destination.finish();
    }

    Result<void> verdict_of(const Result<bool>& ended, milliseconds limit) const {
        if (!ended) {
            if (ended.error().code == Errc::NotFound) return {};  // the room's end is the conversation's
            return std::unexpected(ended.error());
        }
        const bool timed_out = !*ended && !o_.limit.empty() && o_.until_empty;
        if (timed_out) return fail(Errc::Timeout, "room {} was not empty: {} have passed", terminal_safe(o_.room), format_duration(limit));
        return {};
    }

    const TranscriptCaptureOptions& o_;
    Env& env_;
    const transcript::Form& form_;
    transcript::Style style_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<transcript::Writer> live_writer_ = transcript::find_form("txt")->create(style_);
    transcript::Gatherer gatherer_;
    store::Call call_;
    std::set<std::string> agents_, callers_, refused_;
    std::vector<std::pair<std::string, std::function<void()>>> waiting_;  // until we know whose it is
    std::uint64_t saved_version_ = 0;
    bool somebody_ = false, live_lines_ = false, whole_ = false;
    LiveRoom live_;
    Timer save_timer_{live_.loop()}, empty_timer_{live_.loop()};
};

Result<void> show_capture_plan(const TranscriptCaptureOptions& o, const livekit::Claims& claims, Env& env) {
    const Json plan{{"room", o.room}, {"identity", claims.identity}, {"grants", livekit::to_json(claims)["video"]}};
    return show_dry_run(env, plan, fmt::format("would take down what is said in room {}, unseen", terminal_safe(o.room)), o.room);
}

Result<milliseconds> limit_of(const TranscriptCaptureOptions& o) {
    VC_TRY_ASSIGN(const auto duration, time_of("--for", o.duration));
    VC_TRY_ASSIGN(const auto timeout, time_of("--timeout", o.limit));
    if (timeout.count() != 0 && !o.until_empty) return fail_with_hint(Errc::Usage, "--timeout says how long --until-empty may take", "capture for a time by --for");
    if (duration.count() == 0) return timeout;
    return timeout.count() == 0 ? duration : std::min(duration, timeout);
}

}  // namespace

void add_transcript_capture(Command transcript, Env& env, Run<TranscriptCaptureOptions> run) {
    auto options = std::make_shared<TranscriptCaptureOptions>();
    auto command = transcript.add_subcommand("capture", "Take down what is said in a running call");
    command.footer(kTranscriptCaptureHelp);
    command.add_option("room", options->room, "Room name").required().type_name("ROOM");
    command.add_flag("--until-empty", options->until_empty, "End when all callers have left");
    command.add_option("--for", options->duration, "Capture for this long").type_name("TIME");
    command.add_option("--timeout", options->limit, "How long --until-empty may take [no limit]").type_name("TIME");
    command.add_option("--format", options->format, "How it is written [json]").one_of(transcript_formats());
    command.add_option("--out", options->out, "Write this file, also over an old one; - is standard output").type_name("FILE");
    command.add_option("--speaker-names", options->speaker_names, "What speakers are called").type_name("WHO=NAME,…").one_value();
    command.add_flag("--save", options->save, "Keep it in the store");
    command.add_option("--store", options->store, "Keep it in this store [VOICECTL_STORE]").type_name("PATH");
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_transcript_capture(const TranscriptCaptureOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto format, chosen_format(o.format.empty() ? "json" : o.format, env.out));
    const auto* form = transcript::find_form(format);
    if (form == nullptr) return fail(Errc::Usage, "no export format '{}'", format);
    transcript::Style style;
    VC_TRY_ASSIGN(style.speaker_names, parse_speaker_names(o.speaker_names));
    VC_TRY_ASSIGN(const auto limit, limit_of(o));
    const auto claims = observer_claims(o.room);
    VC_TRY(find_room_to_capture(o.room, limit, env));
    if (env.global.dry_run) return show_capture_plan(o, claims, env);
    std::unique_ptr<store::Store> store;
    if (o.save || !o.store.empty()) {
        VC_TRY_ASSIGN(store, store::Store::open(store_place(o.store, env).path));
    }
    VC_TRY_ASSIGN(const auto server, env.server());
    LiveOptions entry;
    mint_into(entry, server, claims);
    return Capture(o, env, *form, std::move(style), std::move(store)).run(entry, limit);
}

}  // namespace voicectl::commands
