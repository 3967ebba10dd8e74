#include "commands/room/get.h"

#include "commands/dispatch/view.h"
#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::Room;

constexpr const char* kRoomGetHelp = R"(Shows all there is about the room; --participants, --dispatches and --egress narrow it down.

Examples:
  voicectl room get demo
  voicectl room get demo --json --get '/participants/*/identity')";

// A server without Redis has no recordings; that is no fault of the question.
Result<Json> egress_of(Env& env, livekit::TwirpClient& twirp, const std::string& room) {
    livekit::proto::ListEgressRequest request;
    request.set_room_name(room);
    Json out = Json::array();
    const auto items = livekit::EgressApi(twirp).list(request);
    if (items) {
        for (const auto& item : *items) out.push_back(livekit::to_json(item));
    } else if (!livekit::lacks_redis(items.error())) {
        env.out.warn(fmt::format("recordings not known: {}", items.error().message));
    }
    return out;
}

std::string room_summary(const Json& report, const Room& room, const std::vector<livekit::proto::ParticipantInfo>& people) {
    using std::chrono::system_clock;
    auto out = fmt::format("{} ({}), {} old", terminal_safe(room.name()), room.sid(), format_duration(room_age(room, system_clock::now())));
    out += fmt::format("\n  empty timeout {} s, departure timeout {} s", room.empty_timeout(), room.departure_timeout());
    if (room.max_participants() != 0) out += fmt::format(", at most {} participants", room.max_participants());
    if (!room.metadata().empty()) out += fmt::format("\n  metadata: {}", terminal_safe(room.metadata()));
    if (report.contains("participants")) out += fmt::format("\nparticipants: {}", people.size());
    for (const auto& one : people) out += "\n  " + participant_line(one);
    if (report.contains("dispatches")) {
        out += fmt::format("\ndispatches: {}", report["dispatches"].size());
        for (const auto& one : report["dispatches"]) out += "\n  " + dispatch_line(one);
    }
    if (report.contains("egress")) {
        out += fmt::format("\nrecordings: {}", report["egress"].size());
        for (const auto& one : report["egress"]) out += fmt::format("\n  {} {}", scalar_text(one["egressId"]), scalar_text(one["status"]));
    }
    return out;
}

}  // namespace

void add_room_get(Command room, Env& env, Run<RoomGetOptions> run) {
    auto o = std::make_shared<RoomGetOptions>();
    auto cmd = room.add_subcommand("get", "Show one room with people, agents and recordings").alias("show").footer(kRoomGetHelp);
    cmd.add_option("name", o->name, "Room name").required().type_name("ROOM");
    cmd.add_flag("--participants", o->participants, "Only the room and its participants");
    cmd.add_flag("--dispatches", o->dispatches, "Only the room and its agent dispatches");
    cmd.add_flag("--egress", o->egress, "Only the room and its recordings");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_room_get(const RoomGetOptions& o, Env& env) {
    const bool all = !o.participants && !o.dispatches && !o.egress;
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY_ASSIGN(const auto room, rooms.get(o.name));
    auto report = room_json(room);
    std::vector<livekit::proto::ParticipantInfo> people;
    if (all || o.participants || o.dispatches) {
        VC_TRY_ASSIGN(people, rooms.participants(o.name));
    }
    if (all || o.dispatches) {
        VC_TRY_ASSIGN(const auto dispatches, livekit::DispatchApi(*twirp).list(o.name));
        report["dispatches"] = Json::array();
        for (const auto& one : dispatches)
            if (!one.agent_name().empty()) report["dispatches"].push_back(dispatch_json(one, people, dispatches));
    }
    if (!all && !o.participants) people.clear();
    if (all || o.participants) {
        report["participants"] = Json::array();
        for (const auto& one : people) report["participants"].push_back(participant_json(one));
    }
    if (all || o.egress) {
        VC_TRY_ASSIGN(report["egress"], egress_of(env, *twirp, o.name));
    }
    return env.out.emit(report, room_summary(report, room, people), room.name());
}

}  // namespace voicectl::commands
