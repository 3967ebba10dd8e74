#include "commands/room/join.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>

#include "commands/room/dtmf_keys.h"
#include "commands/room/join_entry.h"
#include "commands/room/outcome.h"
#include "commands/room/player.h"
#include "commands/room/track_recorder.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr const char* kRoomJoinHelp = R"(Joins with a --token, or with one made for just what is asked (needs key and secret; a room that is not there is
exit 5 unless --create). Events go to standard output as in `room watch`, and with them published, heard,
playback_finished, sent, stats and recorded.

--publish plays a file, block by block, or standard input: raw signed 16-bit little endian (--rate, --channels), or a
WAV. Playing begins when somebody receives the track, after 3 s at the latest. --record writes one WAV per speaker's
track, IDENTITY-TRACK.wav; all begin at the moment of joining, what is not heard is silence in them, and a file that
exists is never overwritten (the next one is IDENTITY-TRACK-2.wav).

It ends by --for, --until, --until-alone, --exit-after-publish, Ctrl-C, or with the room.

Examples:
  voicectl room join demo --publish hello.wav --exit-after-publish --require-heard
  voicectl room join demo --record calls/ --until-alone
  voicectl room join --token @caller.jwt --publish question.ogg --record . --for 30s
  ffmpeg -i talk.mp4 -f s16le -ar 48000 -ac 1 - | voicectl room join demo --publish - --exit-after-publish
  voicectl room join demo --dtmf 123# --stats 1s --for 10s)";

constexpr auto kHeardWithin = 3s;    // then it plays to nobody
constexpr auto kTail = 400ms;        // of jitter buffers, before we leave
constexpr auto kKeyTime = 250ms;
constexpr auto kPauseTime = 1s;

struct Times {
    milliseconds duration{0}, stats{0}, until{0};
};

Result<Times> times_of(const RoomJoinOptions& o) {
    Times out;
    VC_TRY_ASSIGN(out.duration, time_of("--for", o.duration));
    VC_TRY_ASSIGN(out.stats, time_of("--stats", o.stats));
    VC_TRY_ASSIGN(out.until, time_of("--timeout", o.limit));
    if (out.until.count() != 0 && o.events.until.empty()) return fail_with_hint(Errc::Usage, "--timeout says how long --until may take", "stay for a time by --for");
    return out;
}

/// Where recordings go. One that was made here and is still empty at the end of a visit that failed goes again.
class RecordFolder {
 public:
    Result<void> open(const std::string& path) {
        made_ = !path.empty() && mkdir(path.c_str(), 0755) == 0;
        if (path.empty() || made_) {
            path_ = path;
            return {};
        }
        struct stat info {};
        if (errno != EEXIST) return fail(Errc::Usage, "cannot make the folder {}: {}", path, std::strerror(errno));
        if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return fail(Errc::Usage, "--record {} is no folder", path);
        if (access(path.c_str(), W_OK | X_OK) != 0) return fail(Errc::Usage, "cannot write into {}: {}", path, std::strerror(errno));
        return {};
    }
    Result<void> close(Result<void> visited) const {
        if (!visited && made_) rmdir(path_.c_str());  // refuses when something is in it
        return visited;
    }

 private:
    std::string path_;
    bool made_ = false;
};

/// One stay in the room. Everything happens on the main thread, inside LiveRoom's calls.
class Stay {
 public:
    Stay(const RoomJoinOptions& options, Env& env, EventStream& stream, Times times, std::string keys, std::vector<std::string> data)
        : o_(options), env_(env), stream_(stream), times_(times), keys_(std::move(keys)), data_(std::move(data)) {}

    Result<void> run(const LiveOptions& entry, std::unique_ptr<PlaySource> source) {
        live_.on_event = [this](const Json& event) { on_event(event); };
        live_.on_track = [this](const rtc::TrackInfo& track) { hear(track); };
        live_.on_track_gone = [this](const rtc::TrackInfo& track) { inputs_.erase(track.sid); };
        live_.on_left_room = [this](const std::string& identity) { on_left(identity); };
        VC_TRY(live_.join(entry));
        live_.on_loop([&] { begin(std::move(source)); });
        const auto ended = live_.run(deadline());
        finish();
        return verdict(ended);
    }

 private:
    Deadline deadline() const {
        auto limit = times_.duration;
        if (times_.until.count() != 0 && (limit.count() == 0 || times_.until < limit)) limit = times_.until;
        return limit.count() == 0 ? Deadline::never() : Deadline::in(limit);
    }

    void begin(std::unique_ptr<PlaySource> source) {
        if (source) publish(std::move(source));
        for (const auto& payload : data_) send_data(payload);
        press_next_key();
        if (times_.stats.count() != 0) stats_timer_.every(times_.stats, [this] { ask_stats(); });
        tick_timer_.every(500ms, [this] { tick(); });
        check_alone();
    }

    void publish(std::unique_ptr<PlaySource> source) {
        const auto rate = source->rate_hz();
        auto shared = std::make_shared<std::unique_ptr<PlaySource>>(std::move(source));  // a function is copyable
        live_.room().publish_audio(o_.track_name, rate, [this, shared, rate](Result<std::unique_ptr<rtc::AudioOutput>> output) {
            if (!output) return live_.end(std::unexpected(output.error()));
            auto event = event_json("published");
            event["name"] = o_.track_name;
            event["file"] = (*shared)->name();
            event["rateHz"] = rate;
            player_ = std::make_unique<Player>(live_.loop(), std::move(*shared), std::move(*output), o_.again,
                                               [this](Result<void> result) { on_played(std::move(result)); });
            live_.tell(event);
            if (heard_) return player_->start();
            start_timer_.after(kHeardWithin, [this] { player_->start(); });
        });
    }

    void on_played(Result<void> result) {
        if (!result) return live_.end(std::move(result));
        auto event = event_json("playback_finished");
        event["name"] = o_.track_name;
        event["seconds"] = static_cast<double>(player_->played().count()) / 1000;
        event["heard"] = heard_;
        live_.tell(event);
        if (o_.exit_after_publish) end_timer_.after(kTail, [this] { live_.end({}); });
    }

    void send_data(const std::string& payload) {
        live_.room().send_data(payload, o_.topic, {}, [this, size = payload.size()](Result<void> sent) {
            if (!sent) return live_.end(std::move(sent));
            auto event = event_json("sent");
            event["topic"] = o_.topic;
            event["size"] = size;
            live_.tell(event);
        });
    }

    void press_next_key() {
        if (keys_.empty()) return;
        const char key = keys_.front();
        keys_.erase(0, 1);
        if (key == ',') return key_timer_.after(kPauseTime, [this] { press_next_key(); });
        live_.room().send_dtmf(key, {}, [this, key](Result<void> sent) {
            if (!sent) return live_.end(std::move(sent));
            auto event = event_json("sent");
            event["digit"] = std::string(1, key);
            live_.tell(event);
            key_timer_.after(kKeyTime, [this] { press_next_key(); });
        });
    }

    void ask_stats() {
        live_.room().statistics([this](Result<rtc::Statistics> told) {
            if (!told) return;  // between two connections
            auto tracks = live_.tracks();
            for (const auto& one : told->tracks)
                if (one.outgoing) tracks[one.track_sid] = {one.track_sid, o_.track_name, live_.room().identity()};
            live_.tell(stats_json(*told, tracks));
        });
    }

    void tick() {
        for (auto& recorder : recorders_) recorder->advance(Clock::now());
        if (env_.out.reader_gone()) live_.end({});
    }

    void hear(const rtc::TrackInfo& track) {
        if (o_.record.empty() || !track.audio) return;
        auto* recorder = recorder_of(track);
        if (recorder == nullptr) return;
        inputs_[track.sid] = {recorder, live_.room().listen(track.sid, kRecordHz, [recorder](const rtc::AudioFrame& frame) { recorder->hear(frame); })};
    }

    // The same participant's track of the same name goes on in its file: after a cut it comes under another sid.
    TrackRecorder* recorder_of(const rtc::TrackInfo& track) {
        for (const auto& one : recorders_) {
            const auto& known = one->track();
            const bool same = known.participant_identity == track.participant_identity && known.name == track.name && known.source == track.source;
            const bool busy = std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& input) { return input.second.recorder == one.get(); });
            if (same && !busy) return one.get();
        }
        auto made = TrackRecorder::create(o_.record, track, live_.joined_at());
        if (!made) {
            live_.end(std::unexpected(made.error()));
            return nullptr;
        }
        recorders_.push_back(std::move(*made));
        return recorders_.back().get();
    }

    void on_left(const std::string& identity) {
        for (auto one = recorders_.begin(); one != recorders_.end();) {
            const bool theirs = (*one)->track().participant_identity == identity;
            if (theirs) std::erase_if(inputs_, [&](const auto& input) { return input.second.recorder == one->get(); });
            if (theirs) close(**one);
            one = theirs ? recorders_.erase(one) : std::next(one);
        }
        check_alone();
    }

    void close(TrackRecorder& recorder) {
        const auto event = recorder.finish(Clock::now());
        if (event) live_.tell(*event);
        else if (failed_) failed_ = std::unexpected(event.error());
    }

    void check_alone() {
        if (!live_.people().empty()) met_somebody_ = true;
        else if (o_.until_alone && met_somebody_) live_.end({});
    }

    void on_event(const Json& event) {
        const auto& kind = event["event"];
        if (kind == "joined") met_somebody_ = true;
        if (kind == "heard" && !std::exchange(heard_, true) && player_) player_->start();
        if (stream_.met() && kind != "recorded") return;
        if (auto shown = stream_.emit(event); !shown) return live_.end(std::move(shown));
        if (stream_.met() || env_.out.reader_gone()) live_.end({});
    }

    void finish() {
        live_.on_loop([this] {
            for (auto* timer : {&stats_timer_, &tick_timer_, &start_timer_, &key_timer_, &end_timer_}) timer->cancel();
            player_.reset();
            inputs_.clear();
            for (auto& recorder : recorders_) close(*recorder);
            recorders_.clear();
        });
        live_.leave();
    }

    Result<void> verdict(const Result<bool>& ended) const {
        VC_TRY(failed_);
        if (o_.require_heard && !heard_ && (ended || ended.error().code == Errc::NotFound))
            return fail_with_hint(Errc::CheckFailed, fmt::format("nobody received the track \"{}\"", o_.track_name), "was anyone in the room, and may they subscribe?");
        if (stream_.met()) return {};
        if (!ended) {
            // The room's end is the natural end of a stay, unless something else was waited for.
            if (ended.error().code == Errc::NotFound && !stream_.waits() && !o_.exit_after_publish) return {};
            return std::unexpected(ended.error());
        }
        if (!*ended && stream_.waits()) return fail(Errc::Timeout, "'{}' was not seen in time", terminal_safe(o_.events.until));
        return {};
    }

    struct Input {
        TrackRecorder* recorder = nullptr;
        std::unique_ptr<rtc::AudioInput> listening;
    };

    const RoomJoinOptions& o_;
    Env& env_;
    EventStream& stream_;
    Times times_;
    std::string keys_;
    std::vector<std::string> data_;
    LiveRoom live_;
    std::unique_ptr<Player> player_;
    std::list<std::unique_ptr<TrackRecorder>> recorders_;
    std::map<std::string, Input> inputs_;  // by sid
    Result<void> failed_;
    bool heard_ = false, met_somebody_ = false;
    Timer stats_timer_{live_.loop()}, tick_timer_{live_.loop()}, start_timer_{live_.loop()}, key_timer_{live_.loop()}, end_timer_{live_.loop()};
};

constexpr int kPipeHz = 48000;

Result<std::unique_ptr<PlaySource>> open_source(const RoomJoinOptions& o) {
    if (o.publish.empty()) return nullptr;
    if (o.publish == "-") return open_play_pipe(STDIN_FILENO, o.rate_hz.value_or(kPipeHz), o.channels.value_or(1));
    return open_play_file(o.publish);
}

Result<void> show_plan(const JoinPlan& plan, const RoomJoinOptions& o, Env& env) {
    const auto& video = plan.claims.video;
    const auto given = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
    const Json shown{{"room", video.room},
                     {"create", plan.creates},
                     {"identity", plan.claims.identity},
                     {"grants", livekit::to_json(plan.claims)["video"]},
                     {"publish", given(o.publish)},
                     {"record", given(o.record)},
                     {"dtmf", given(o.dtmf)},
                     {"data", o.data.size()}};
    const auto line = fmt::format("would {}join room {} as {}", plan.creates ? "make and " : "", terminal_safe(video.room),
                                  terminal_safe(plan.claims.identity));
    return show_dry_run(env, shown, line, video.room);
}

}  // namespace

void add_room_join(Command room, Env& env, Run<RoomJoinOptions> run) {
    auto o = std::make_shared<RoomJoinOptions>();
    auto cmd = room.add_subcommand("join", "Be a participant: play a file, record the others, press keys").footer(kRoomJoinHelp);
    cmd.add_option("room", o->name, "Room name; a --token may say it").type_name("ROOM");
    cmd.add_option("--token", o->token, "Join with this token: text, @file or -; needs no API key").type_name("TOKEN|@FILE|-");
    cmd.add_option("--identity", o->identity, "Who to be [voicectl-RANDOM]").type_name("NAME");
    cmd.add_option("--name", o->display_name, "Display name").type_name("TEXT");
    cmd.add_option("--metadata", o->metadata, "Own metadata: text, @file or -").type_name("TEXT|@FILE|-");
    cmd.add_option("--attribute", o->attributes, "KEY=VALUE (repeat)").one_value().type_name("KEY=VALUE");
    cmd.add_flag("--create", o->create, "Make the room when it is not there");
    cmd.add_option("--publish", o->publish, "Play this .wav, .flac, .ogg or .mp3, or - for standard input").group("Playing").type_name("FILE|-");
    cmd.add_option("--track-name", o->track_name, "Name of the track").capture_default().group("Playing").type_name("NAME");
    cmd.add_flag("--loop", o->again, "Again from the beginning, without end").group("Playing");
    cmd.add_option("--rate", o->rate_hz, "Of raw standard input, in Hz [48000]").range(8000, 192000).group("Playing");
    cmd.add_option("--channels", o->channels, "Of raw standard input [1]").range(1, 8).group("Playing");
    cmd.add_flag("--exit-after-publish", o->exit_after_publish, "Leave when all was played").group("Playing");
    cmd.add_flag("--require-heard", o->require_heard, "Exit 3 when nobody ever received the track").group("Playing");
    cmd.add_option("--record", o->record, "One WAV per speaker's track into this folder").group("Hearing").type_name("DIR");
    cmd.add_option("--subscribe", o->subscribe, "none, audio or all [none; audio with --record]").one_of({"none", "audio", "all"}).group("Hearing");
    cmd.add_option("--stats", o->stats, "Tell figures of the connection this often, e.g. 1s").group("Hearing").type_name("TIME");
    cmd.add_option("--dtmf", o->dtmf, "Press these keys: 123#; a comma waits a second").group("Sending").type_name("DIGITS");
    cmd.add_option("--data", o->data, "Send a data packet after joining: text, @file or - (repeat)").one_value().group("Sending").type_name("TEXT|@FILE|-");
    cmd.add_option("--topic", o->topic, "Topic of --data").group("Sending");
    add_event_flags(cmd, o->events);
    cmd.add_option("--timeout", o->limit, "How long --until may take [no limit]").type_name("TIME");
    cmd.add_option("--for", o->duration, "Leave after this long").type_name("TIME");
    cmd.add_flag("--until-alone", o->until_alone, "Leave when the last other participant left");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_room_join(const RoomJoinOptions& o, Env& env) {
    VC_TRY(check_join(o));
    VC_TRY_ASSIGN(auto stream, EventStream::create(o.events, env));
    VC_TRY_ASSIGN(const auto times, times_of(o));
    VC_TRY_ASSIGN(auto keys, parse_keys(o.dtmf));
    std::vector<std::string> data;
    for (const auto& given : o.data) {
        VC_TRY_ASSIGN(data.emplace_back(), read_bytes(given));
        if (data.back().size() > 15000) return fail_with_hint(Errc::Usage, "--data has at most 15,000 bytes", "voicectl room send --text takes more");
    }
    std::unique_ptr<PlaySource> source;
    const bool pipe = o.publish == "-";  // its first bytes may be long in coming
    if (!pipe) {
        VC_TRY_ASSIGN(source, open_source(o));
    }
    VC_TRY_ASSIGN(const auto plan, plan_join(o, env));
    if (env.global.dry_run) return show_plan(plan, o, env);
    if (pipe) {
        VC_TRY_ASSIGN(source, open_source(o));
    }
    RecordFolder folder;
    VC_TRY(folder.open(o.record));
    const auto entry = join_entry(plan, o, env);
    if (!entry) return folder.close(std::unexpected(entry.error()));
    return folder.close(Stay(o, env, stream, times, std::move(keys), std::move(data)).run(*entry, std::move(source)));
}

}  // namespace voicectl::commands
