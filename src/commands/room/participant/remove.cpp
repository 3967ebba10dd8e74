#include "commands/room/participant/remove.h"

#include "commands/room/outcome.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr const char* kRemoveLong = R"(Disconnects the participant at once. Nothing stops them from coming back with a token that still holds:
--revoke-before asks the server to refuse tokens issued before a time, which servers up to 1.13 ignore.

Examples:
  voicectl room participant remove demo ann
  voicectl room participant remove demo ann --revoke-before 2026-01-02T03:04:05Z)";

constexpr const char* kMoveLong = R"(LiveKit Cloud only: a self-hosted server says that it cannot (exit 2).

Examples:
  voicectl room participant move lobby ann --to consultation)";

}  // namespace

void add_participant_remove(Command participant, Env& env, Run<ParticipantRemoveOptions> run) {
    auto o = std::make_shared<ParticipantRemoveOptions>();
    auto cmd = participant.add_subcommand("remove", "Disconnect a participant").footer(kRemoveLong);
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    cmd.add_option("identity", o->identity, "Whom").required();
    cmd.add_option("--revoke-before", o->revoke_before, "Refuse their tokens issued before this time");
    on_run(cmd, o, env, std::move(run));
}

void add_participant_move(Command participant, Env& env, Run<ParticipantMoveOptions> run) {
    auto o = std::make_shared<ParticipantMoveOptions>();
    auto cmd = participant.add_subcommand("move", "Move a participant to another room (LiveKit Cloud)").footer(kMoveLong);
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    cmd.add_option("identity", o->identity, "Whom").required();
    cmd.add_option("--to", o->to, "The other room").required().type_name("ROOM");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_participant_remove(const ParticipantRemoveOptions& o, Env& env) {
    livekit::proto::RoomParticipantIdentity request;
    request.set_room(o.room);
    request.set_identity(o.identity);
    if (!o.revoke_before.empty()) {
        VC_TRY_ASSIGN(const auto time, parse_time(o.revoke_before));
        request.set_revoke_token_ts(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
    }
    Json report{{"room", o.room}, {"identity", o.identity}, {"removed", !env.global.dry_run}};
    VC_TRY(env.change(fmt::format("remove {} from room {}", o.identity, o.room)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    if (env.global.dry_run) {
        VC_TRY(livekit::RoomApi(*twirp).participant(o.room, o.identity));
        if (!o.revoke_before.empty()) report["revokeTokenTs"] = request.revoke_token_ts();
        return show_dry_run(env, report, fmt::format("would remove {} from room {}", terminal_safe(o.identity), terminal_safe(o.room)), o.identity);
    }
    VC_TRY(livekit::RoomApi(*twirp).remove_participant(request));
    return env.out.emit(report, fmt::format("removed {} from room {}", terminal_safe(o.identity), terminal_safe(o.room)), o.identity);
}

Result<void> run_participant_move(const ParticipantMoveOptions& o, Env& env) {
    livekit::proto::MoveParticipantRequest request;
    request.set_room(o.room);
    request.set_identity(o.identity);
    request.set_destination_room(o.to);
    const Json report{{"room", o.room}, {"identity", o.identity}, {"to", o.to}, {"moved", !env.global.dry_run}};
    VC_TRY(env.change(fmt::format("move {} out of room {}", o.identity, o.room)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY(rooms.participant(o.room, o.identity));
    if (env.global.dry_run) return show_dry_run(env, report, fmt::format("would move {} to room {}", terminal_safe(o.identity), terminal_safe(o.to)), o.identity);
    VC_TRY(rooms.move_participant(request));
    return env.out.emit(report, fmt::format("moved {} to room {}", terminal_safe(o.identity), terminal_safe(o.to)), o.identity);
}

}  // namespace voicectl::commands
