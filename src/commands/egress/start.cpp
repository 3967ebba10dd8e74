#include "commands/egress/start.h"

#include <algorithm>
#include <condition_variable>
#include <thread>

#include "commands/egress/view.h"
#include "commands/interrupt.h"
#include "commands/shell.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::EgressInfo;

const std::string kEgressStartHelp = std::string(R"(Records a room, a participant, tracks or a web page to files, streams, HLS segments or images. The room is looked up
first, and a server without Redis is told at once; with no egress worker free the server itself needs up to 27 s to say so,
and is waited for unless a --timeout says otherwise.
Paths take {room_name} {room_id} {time} {utc}, of participants and tracks {publisher_identity}, of one track also
{track_id} {track_type} {track_source}. Exit 3 with --wait when the recording fails.

)") + kStorageHelp + R"(

Examples:
  voicectl egress start --room demo --audio-only --out s3:calls/{room_name}-{time}.ogg --wait active
  voicectl egress start --room demo --audio-only --channels agent-left --out file:calls/demo.mp3
  voicectl egress start --room demo --left agent --right caller --out s3://recordings/demo.ogg
  voicectl egress start --room demo --participant ann --out file:ann.mp4 --preset h264-1080p-30
  voicectl egress start --room demo --track TR_AMxyz --out wss://example.com/sound
  voicectl egress start --page https://example.com/scene --out file:scene.mp4
  voicectl egress start --room demo --out rtmps://live.example.com/app/KEY --out hls:live/demo --storage s3
  voicectl egress start --request @request.json --dry-run)";

// Only flags, so that JSON can say all of it.
void add_json_flags(Command cmd, EgressStartOptions& o) {
    auto request = cmd.add_option("--request", o.request, "The request as LiveKit's JSON: text, @file or -").group("As JSON").type_name("JSON|@FILE|-");
    cmd.add_option("--type", o.type, "Of which kind it is [told by its fields]")
        .one_of({"room-composite", "web", "participant", "track-composite", "track", "unified"})
        .needs(request)
        .group("As JSON");
    for (const char* other : {"--participant", "--track", "--audio-track", "--video-track", "--page", "--left", "--right", "--audio-only",
                              "--video-only", "--layout", "--custom-base-url", "--channels", "--out", "--preset", "--advanced", "--webhook",
                              "--no-manifest", "--storage", "--unified", "--segment-duration", "--live-playlist", "--segment-suffix", "--image-interval",
                              "--image-size", "--image-suffix", "--bucket", "--screen-share", "--await-start-signal"})
        request.excludes(cmd.flag(other));
}

void add_source_flags(Command cmd, EgressStartOptions& o) {
    const auto group = [](Flag flag) { return flag.group("What is recorded"); };
    group(cmd.add_option("--room", o.room, "This room")).type_name("ROOM");
    group(cmd.add_option("--participant", o.participant, "Only the participant with this identity")).type_name("IDENTITY");
    group(cmd.add_flag("--screen-share", o.screen_share, "Of the participant: the shared screen"));
    group(cmd.add_option("--track", o.tracks, "Only this track, as it is; twice: one of audio, one of video")).one_value().type_name("TRACK");
    group(cmd.add_option("--audio-track", o.audio_track, "This track of audio, encoded anew")).type_name("TRACK");
    group(cmd.add_option("--video-track", o.video_track, "This track of video, encoded anew")).type_name("TRACK");
    group(cmd.add_option("--page", o.page, "A web page, by its http or https URL")).type_name("URL");
    group(cmd.add_flag("--await-start-signal", o.await_start_signal, "Of the page: from its console line START_RECORDING on"));
    group(cmd.add_option("--left", o.left, "Left channel: agent, caller, sip, TR_… or an identity (repeat)")).one_value().type_name("WHO");
    group(cmd.add_option("--right", o.right, "Right channel, the same way (repeat)")).one_value().type_name("WHO");
}

void add_form_flags(Command cmd, EgressStartOptions& o) {
    const auto group = [](Flag flag) { return flag.group("How"); };
    group(cmd.add_flag("--audio-only", o.audio_only, "Sound alone"));
    group(cmd.add_flag("--video-only", o.video_only, "Picture alone"));
    group(cmd.add_option("--channels", o.channels, "mono, agent-left (all others right) or alternate")).one_of({"mono", "agent-left", "alternate"});
    group(cmd.add_option("--layout", o.layout, "Layout of the picture, e.g. speaker-dark"));
    group(cmd.add_option("--custom-base-url", o.custom_base_url, "Page that draws the layout")).type_name("URL");
    group(cmd.add_option("--preset", o.preset, "Encoding by name, e.g. h264-720p-30"));
    group(cmd.add_option("--advanced", o.advanced, "Encoding in detail: audio-bitrate=64,width=1280,…")).delimiter(',').one_value().type_name("KEY=VALUE");
    group(cmd.add_flag("--unified", o.unified, "By the newer StartEgress call"));
}

void add_output_flags(Command cmd, EgressStartOptions& o) {
    const auto group = [](Flag flag) { return flag.group("Where to"); };
    group(cmd.add_option("--out", o.outs, "file:PATH s3:PATH gs:PATH az:PATH oss:PATH hls:PATH images:PREFIX, or a stream's URL (repeat)"))
        .one_value()
        .type_name("TARGET");
    group(cmd.add_option("--storage", o.storage.kind, "Of file:, hls: and images: [the egress service's own]"))
        .one_of({"s3", "gcp", "azure", "alioss"});
    group(cmd.add_flag("--no-manifest", o.no_manifest, "No JSON beside the recording"));
    group(cmd.add_option("--webhook", o.webhooks, "URL[=API KEY NAME] that is told of this egress (repeat)")).one_value().type_name("URL");
    group(cmd.add_option("--segment-duration", o.segment_duration, "Of hls:, e.g. 4s")).type_name("TIME");
    group(cmd.add_option("--live-playlist", o.live_playlist, "Of hls:, name of a playlist with the latest segments")).type_name("NAME");
    group(cmd.add_option("--segment-suffix", o.segment_suffix, "Of hls:, index or timestamp")).one_of({"index", "timestamp"});
    group(cmd.add_option("--image-interval", o.image_interval, "Of images:, e.g. 10s")).type_name("TIME");
    group(cmd.add_option("--image-size", o.image_size, "Of images:, e.g. 640x360")).type_name("WxH");
    group(cmd.add_option("--image-suffix", o.image_suffix, "Of images:, index, timestamp or overwrite")).one_of({"index", "timestamp", "overwrite"});
}

// A word that is no JSON is meant as a file, as `lk egress start request.json` has it.
Result<std::string> request_text(const std::string& given) {
    const auto start = trim(given).substr(0, 1);
    const bool literal = given == "-" || given.starts_with('@') || start == "{" || start == "[";
    auto text = read_payload(literal ? given : "@" + given);
    if (!text) return fail(Errc::Usage, "{}", text.error().message);
    return text;
}

template<class Request>
void set_room(Request& request, const std::string& room) {
    if constexpr (requires { request.set_room_name(room); }) request.set_room_name(room);
}

Result<StartRequest> asked_for(const EgressStartOptions& o, const Env& env) {
    if (o.request.empty()) return start_request(o, env);
    VC_TRY_ASSIGN(const auto text, request_text(o.request));
    VC_TRY_ASSIGN(auto request, request_from_json(text, o.type));
    if (!o.room.empty()) std::visit([&o](auto& one) { set_room(one, o.room); }, request);
    VC_TRY(check_complete(request));
    return request;
}

// What is not there yet may still come: the egress service waits 30 s for it.
void warn_of_absent(Env& env, const EgressStartOptions& o, const std::vector<livekit::proto::ParticipantInfo>& people) {
    if (!o.participant.empty() && std::none_of(people.begin(), people.end(), [&o](const auto& one) { return one.identity() == o.participant; }))
        env.out.warn(fmt::format("participant \"{}\" is not in the room; the egress service waits for about 30 s", terminal_safe(o.participant)));
    auto tracks = o.tracks;
    for (const auto& one : {o.audio_track, o.video_track})
        if (!one.empty()) tracks.push_back(one);
    for (const auto& sid : tracks) {
        const auto has = [&sid](const auto& person) { return std::any_of(person.tracks().begin(), person.tracks().end(), [&sid](const auto& track) { return track.sid() == sid; }); };
        if (std::none_of(people.begin(), people.end(), has))
            env.out.warn(fmt::format("nobody in the room publishes track {}; the egress service waits for about 30 s", terminal_safe(sid)));
    }
}

// The cheap questions first: both are answered in a millisecond, where a start takes half a minute to fail.
Result<void> check_before(Env& env, livekit::TwirpClient& twirp, const EgressStartOptions& o, const std::string& room) {
    livekit::proto::ListEgressRequest recordings;
    recordings.set_active(true);
    if (!room.empty()) {
        VC_TRY(livekit::RoomApi(twirp).get(room));
        recordings.set_room_name(room);
    }
    VC_TRY(livekit::EgressApi(twirp).list(recordings));
    if (!o.participant.empty() || !o.tracks.empty() || !o.audio_track.empty() || !o.video_track.empty()) {
        VC_TRY_ASSIGN(const auto people, livekit::RoomApi(twirp).participants(room));
        warn_of_absent(env, o, people);
    }
    return {};
}

/// A line on the terminal that counts the seconds while this thread waits for the server.
class Ticker {
 public:
    Ticker(Output& out, std::string text)
        : out_(out), thread_([this, text = std::move(text)] { run(text); }) {}
    ~Ticker() {
        {
            std::lock_guard lock(mutex_);
            over_ = true;
        }
        changed_.notify_all();
        thread_.join();
        out_.progress("");
    }

 private:
    void run(const std::string& text) {
        const auto begun = Clock::now();
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, std::chrono::seconds(1), [this] { return over_; })) {
            const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun);
            out_.progress(fmt::format("{} ({})", text, format_duration(elapsed)));
        }
    }
    Output& out_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;  // last: it uses the others
};

Result<EgressInfo> send(livekit::EgressApi& api, const StartRequest& request) {
    using namespace livekit::proto;
    if (const auto* one = std::get_if<RoomCompositeEgressRequest>(&request)) return api.start_room_composite(*one);
    if (const auto* one = std::get_if<WebEgressRequest>(&request)) return api.start_web(*one);
    if (const auto* one = std::get_if<ParticipantEgressRequest>(&request)) return api.start_participant(*one);
    if (const auto* one = std::get_if<TrackCompositeEgressRequest>(&request)) return api.start_track_composite(*one);
    if (const auto* one = std::get_if<TrackEgressRequest>(&request)) return api.start_track(*one);
    return api.start(std::get<StartEgressRequest>(request));
}

// The server looks for a worker for up to 24 s. Who does not wait for that has to know that it goes on looking.
Result<EgressInfo> start(Env& env, livekit::TwirpClient& twirp, const StartRequest& request, const std::string& room, bool timeout_given) {
    Interrupt interrupt;
    const Ticker ticker(env.out, "waiting for an egress worker to take it");
    twirp.stop_with(interrupt.token());
    livekit::EgressApi api(twirp, timeout_given ? std::optional(twirp.timeout()) : std::nullopt);
    auto info = send(api, request);
    twirp.stop_with({});
    const auto look = room.empty() ? std::string("look: voicectl egress list --active") : fmt::format("look: voicectl egress list --active --room {}", shell_quoted(room));
    if (const auto stopped = interrupt.check(); !info && !stopped)
        return fail_with_hint(stopped.error().code, "stopped by a signal; a worker may still take the recording", look);
    if (!info && info.error().code == Errc::Timeout)
        return fail_with_hint(Errc::Timeout, fmt::format("{}; a worker may still take the recording", info.error().message), look);
    return info;
}

}  // namespace

void add_egress_start(Command egress, Env& env, Run<EgressStartOptions> run) {
    auto o = std::make_shared<EgressStartOptions>();
    auto cmd = egress.add_subcommand("start", "Start a recording").footer(kEgressStartHelp);
    add_source_flags(cmd, *o);
    add_form_flags(cmd, *o);
    add_output_flags(cmd, *o);
    add_storage_flags(cmd, o->storage);
    add_json_flags(cmd, *o);
    cmd.add_option("--wait", o->wait, "Until it is active or complete, at most so long: active=30s");
    cmd.callback([o, cmd, &env, run = std::move(run)] {
        o->timeout_given = cmd.root_was_given("--timeout");
        env.selected = [o, &env, run] { return run(*o, env); };
    });
}

Result<void> run_egress_start(const EgressStartOptions& o, Env& env) {
    std::optional<EgressWait> wait;
    if (!o.wait.empty()) {
        VC_TRY_ASSIGN(wait, parse_egress_wait(o.wait));
    }
    VC_TRY_ASSIGN(const auto request, asked_for(o, env));
    for (const auto& doubt : doubts(request)) env.out.warn(terminal_safe(doubt));
    const auto room = room_of(request);
    if (env.global.dry_run) {
        auto shown = livekit::to_json(message_of(request));
        const auto text = json_text(shown, 2);
        shown["dryRun"] = true;
        return env.out.emit(shown, fmt::format("would start this {} egress:\n{}", type_of(request), text), room);
    }
    VC_TRY(env.change("start a recording"));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY(check_before(env, *twirp, o, room));
    VC_TRY_ASSIGN(auto info, start(env, *twirp, request, room, o.timeout_given));
    if (wait) {
        livekit::EgressApi api(*twirp);
        env.out.note(fmt::format("started {}", info.egress_id()));  // also when the wait fails, it runs
        VC_TRY_ASSIGN(info, wait_for_egress(env, api, info.egress_id(), *wait));
    }
    const auto shown = egress_json(info);
    return env.out.emit(shown, egress_text(shown), info.egress_id());
}

}  // namespace voicectl::commands
