#include "commands/room/update.h"

#include "commands/room/metadata.h"
#include "commands/room/outcome.h"
#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kRoomUpdateHelp = R"(Metadata is all that the server lets be changed of a room. --merge keeps what is there: keys of a JSON object are set,
a null removes one (RFC 7396). An empty text clears it.

Examples:
  voicectl room update demo --metadata '{"step":2}' --merge
  voicectl room update demo --metadata @room.json)";

}  // namespace

void add_room_update(Command room, Env& env, Run<RoomUpdateOptions> run) {
    auto o = std::make_shared<RoomUpdateOptions>();
    auto cmd = room.add_subcommand("update", "Change a room's metadata").footer(kRoomUpdateHelp);
    cmd.add_option("name", o->name, "Room name").required().type_name("ROOM");
    cmd.add_option("--metadata", o->metadata, "New metadata: text, @file or -").type_name("TEXT|@FILE|-");
    cmd.add_flag("--merge", o->merge, "Merge it into what is there");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_room_update(const RoomUpdateOptions& o, Env& env) {
    if (!o.metadata) return fail_with_hint(Errc::Usage, "nothing to change", "pass --metadata");
    VC_TRY_ASSIGN(auto metadata, read_payload(*o.metadata));
    if (o.merge) VC_TRY(merge_metadata({}, metadata));
    VC_TRY(env.change(fmt::format("update room {}", o.name)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY_ASSIGN(const auto before, rooms.get(o.name));
    if (o.merge) {
        VC_TRY_ASSIGN(metadata, merge_metadata(before.metadata(), metadata));
    }
    if (env.global.dry_run)
        return show_dry_run(env, {{"room", o.name}, {"metadata", metadata}}, fmt::format("would set the metadata of room {}", terminal_safe(o.name)), o.name);
    VC_TRY_ASSIGN(const auto room, rooms.update_metadata(o.name, metadata));
    auto report = room_json(room);
    report["metadataBefore"] = before.metadata();
    return env.out.emit(report, fmt::format("metadata of room {}: {}", terminal_safe(room.name()), terminal_safe(room.metadata())), room.name());
}

}  // namespace voicectl::commands
