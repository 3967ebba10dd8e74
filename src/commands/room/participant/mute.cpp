#include "commands/room/participant/mute.h"

#include "commands/room/outcome.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

using livekit::proto::TrackInfo;
using livekit::proto::TrackType;

constexpr const char* kRoomParticipantMuteHelp = R"(Without --track and --kind: all audio of the participant. Unmuting somebody needs room.enable_remote_unmute in the
server's configuration; without it the server refuses (exit 6), so that nobody's microphone is opened from afar.
Exit 5 when there is no such track, 9 when only some could be changed.

Examples:
  voicectl room participant mute demo ann
  voicectl room participant mute demo ann --kind video
  voicectl room participant mute demo ann --track TR_AMabc --unmute)";

Result<std::vector<std::string>> chosen(const ParticipantMuteOptions& o, livekit::RoomApi& rooms) {
    VC_TRY_ASSIGN(const auto info, rooms.participant(o.room, o.identity));
    if (!o.tracks.empty()) return o.tracks;
    const auto type = o.kind == "video" ? TrackType::VIDEO : TrackType::AUDIO;
    std::vector<std::string> out;
    for (const auto& track : info.tracks())
        if (track.type() == type) out.push_back(track.sid());
    if (out.empty())
        return fail_with_hint(Errc::NotFound, fmt::format("{} publishes no {}", terminal_safe(o.identity), o.kind == "video" ? "video" : "audio"),
                              fmt::format("voicectl room participant get {} {} shows the tracks", terminal_safe(o.room), terminal_safe(o.identity)));
    return out;
}

}  // namespace

void add_participant_mute(Command participant, Env& env, Run<ParticipantMuteOptions> run) {
    auto o = std::make_shared<ParticipantMuteOptions>();
    auto cmd = participant.add_subcommand("mute", "Mute tracks, or unmute them").footer(kRoomParticipantMuteHelp);
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    cmd.add_option("identity", o->identity, "Whose tracks").required();
    auto track = cmd.add_option("--track", o->tracks, "Only this track, by its sid (repeat)").one_value().type_name("TRACK");
    cmd.add_option("--kind", o->kind, "All audio, or all video").one_of({"audio", "video"}).excludes(track);
    cmd.add_flag("--unmute", o->unmute, "Unmute instead");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_participant_mute(const ParticipantMuteOptions& o, Env& env) {
    VC_TRY(env.change(fmt::format("{} {} in room {}", o.unmute ? "unmute" : "mute", o.identity, o.room)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY_ASSIGN(const auto tracks, chosen(o, rooms));
    Json items = Json::array();
    std::optional<Error> failure;
    std::size_t done = 0;
    for (const auto& sid : tracks) {
        livekit::proto::MuteRoomTrackRequest request;
        request.set_room(o.room);
        request.set_identity(o.identity);
        request.set_track_sid(sid);
        request.set_muted(!o.unmute);
        const auto muted = env.global.dry_run ? Result<TrackInfo>{} : rooms.mute(request);
        if (muted) ++done;
        else if (!failure) failure = muted.error();
        items.push_back({{"sid", sid},
                         {"name", muted ? muted->name() : ""},
                         {"muted", muted ? Json(env.global.dry_run ? !o.unmute : muted->muted()) : Json()},
                         {"error", muted ? Json() : Json(to_string(muted.error().code))}});
    }
    if (failure && done == 0) return std::unexpected(std::move(*failure));
    const auto outcome = [&](const Json& item) -> std::string {
        if (!item["error"].is_null()) return scalar_text(item["error"]);
        return fmt::format("{}{}", env.global.dry_run ? "would be " : "", item["muted"] == true ? "muted" : "unmuted");
    };
    const std::vector<Column> columns{column("TRACK", "sid"), column("NAME", "name"), {"OUTCOME", outcome}};
    if (env.global.dry_run) return show_dry_runs(env, "tracks", std::move(items), columns, "sid");
    VC_TRY(env.out.emit_list("tracks", without_failed(env.out, items), columns, "sid"));
    if (failure) return fail(Errc::Partial, "{} of {} tracks could not be changed; first: {}", tracks.size() - done, tracks.size(), failure->message);
    return {};
}

}  // namespace voicectl::commands
