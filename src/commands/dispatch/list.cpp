#include "commands/dispatch/list.h"

#include "commands/dispatch/view.h"

namespace voicectl::commands {
namespace {

constexpr const char* kDispatchListHelp = R"(STATUS: present (the agent is in the room), taken (a worker took the job, but its agent is not there),
absent, failed, ended, deleted. Every room also has an unnamed automatic dispatch, hidden without --show-automatic.

Examples:
  voicectl dispatch list demo
  voicectl dispatch list --all-rooms --agent receptionist --status absent)";

Result<std::vector<std::string>> room_names(const DispatchListOptions& o, livekit::TwirpClient& twirp) {
    if (!o.all_rooms) return std::vector{o.room};
    VC_TRY_ASSIGN(const auto rooms, livekit::RoomApi(twirp).list());
    std::vector<std::string> out;
    for (const auto& room : rooms) out.push_back(room.name());
    return out;
}

Result<Json> dispatches_of(livekit::TwirpClient& twirp, const std::string& room) {
    VC_TRY_ASSIGN(const auto dispatches, livekit::DispatchApi(twirp).list(room));
    VC_TRY_ASSIGN(const auto people, livekit::RoomApi(twirp).participants(room));
    Json out = Json::array();
    for (const auto& one : dispatches) out.push_back(dispatch_json(one, people, dispatches));
    return out;
}

std::string agents(const Json& item) {
    std::vector<std::string> out;
    for (const auto& one : item["agents"]) out.push_back(scalar_text(one));
    return fmt::format("{}", fmt::join(out, " "));
}

}  // namespace

void add_dispatch_list(Command dispatch, Env& env, Run<DispatchListOptions> run) {
    auto o = std::make_shared<DispatchListOptions>();
    auto cmd = dispatch.add_subcommand("list", "List agent dispatches of a room, or of all").footer(kDispatchListHelp);
    auto room = cmd.add_option("room", o->room, "Room name").type_name("ROOM");
    cmd.add_flag("--all-rooms", o->all_rooms, "Of every room").excludes(room);
    cmd.add_option("--agent", o->agent, "Only of the agent with this name").type_name("AGENT");
    cmd.add_option("--status", o->status, "Only with this status")
        .one_of({"present", "taken", "absent", "failed", "ended", "deleted"});
    cmd.add_flag("--show-automatic", o->show_automatic, "Also the unnamed automatic dispatch");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_dispatch_list(const DispatchListOptions& o, Env& env) {
    if (o.room.empty() && !o.all_rooms) return fail_with_hint(Errc::Usage, "dispatches of which room?", "name it, or say --all-rooms");
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY_ASSIGN(const auto rooms, room_names(o, *twirp));
    Json items = Json::array();
    for (const auto& room : rooms) {
        const auto found = dispatches_of(*twirp, room);
        if (!found && o.all_rooms && found.error().code == Errc::NotFound) continue;  // gone since it was listed
        if (!found) return std::unexpected(found.error());
        for (const auto& one : *found) {
            if (one["agentName"] == "" && !o.show_automatic) continue;
            if (!o.agent.empty() && one["agentName"] != o.agent) continue;
            if (!o.status.empty() && one["status"] != o.status) continue;
            items.push_back(one);
        }
    }
    const std::vector<Column> columns{column("ID", "id"),         column("AGENT", "agentName"), column("ROOM", "room"),
                                      column("STATUS", "status"), {"IDENTITY", agents},         {"WORKER", dispatch_workers, true},
                                      column("METADATA", "metadata", true)};
    return env.out.emit_list("dispatches", items, columns, "id");
}

void add_dispatch_get(Command dispatch, Env& env, Run<DispatchGetOptions> run) {
    auto o = std::make_shared<DispatchGetOptions>();
    auto cmd = dispatch.add_subcommand("get", "Show one dispatch").alias("show").footer("Example:\n  voicectl dispatch get demo AD_hV3mPfzJ8Q2s");
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    cmd.add_option("id", o->id, "Dispatch, AD_…").required();
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_dispatch_get(const DispatchGetOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY_ASSIGN(const auto found, dispatches_of(*twirp, o.room));
    for (const auto& one : found)
        if (one["id"] == o.id) return env.out.emit(one, dispatch_lines(one), o.id);
    return fail_with_hint(Errc::NotFound, fmt::format("room \"{}\" has no dispatch {}", o.room, o.id), fmt::format("voicectl dispatch list {} shows those there are", o.room));
}

}  // namespace voicectl::commands
