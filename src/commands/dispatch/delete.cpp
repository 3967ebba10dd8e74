#include "commands/dispatch/delete.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr const char* kLong = R"(The worker is told to end the job; an agent that is still in the room 3 s later is removed by the server.
Exit 5 when no such dispatch exists, 9 when only some could be deleted.

Examples:
  voicectl dispatch delete demo AD_hV3mPfzJ8Q2s
  voicectl dispatch delete demo --agent receptionist)";

Result<std::vector<std::string>> chosen(const DispatchDeleteOptions& o, livekit::TwirpClient& twirp) {
    if (o.agent.empty()) return o.ids;
    VC_TRY_ASSIGN(const auto dispatches, livekit::DispatchApi(twirp).list(o.room));
    std::vector<std::string> out;
    for (const auto& one : dispatches)
        if (one.agent_name() == o.agent) out.push_back(one.id());
    if (out.empty()) return fail(Errc::NotFound, "room \"{}\" has no dispatch of agent \"{}\"", o.room, o.agent);
    return out;
}

}  // namespace

void add_dispatch_delete(CLI::App& dispatch, Env& env, Run<DispatchDeleteOptions> run) {
    auto o = std::make_shared<DispatchDeleteOptions>();
    auto& cmd = *dispatch.add_subcommand("delete", "Delete dispatches, which calls their agents back")->footer(kLong);
    cmd.add_option("room", o->room, "Room name")->required()->type_name("ROOM");
    auto* ids = cmd.add_option("ids", o->ids, "Dispatches, AD_…");
    cmd.add_option("--agent", o->agent, "All of the agent with this name")->excludes(ids)->type_name("AGENT");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_dispatch_delete(const DispatchDeleteOptions& o, Env& env) {
    if (o.ids.empty() && o.agent.empty()) return fail_with_hint(Errc::Usage, "which dispatches?", "name them, or say --agent NAME");
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY_ASSIGN(const auto ids, chosen(o, *twirp));
    VC_TRY(env.change(fmt::format("delete {} dispatches of room {}", ids.size(), o.room)));
    Json items = Json::array();
    std::vector<Error> failures;
    for (const auto& id : ids) {
        const auto done = env.global.dry_run ? Result<livekit::proto::AgentDispatch>{} : livekit::DispatchApi(*twirp).remove(o.room, id);
        if (!done) failures.push_back(done.error());
        items.push_back({{"id", id},
                         {"deleted", done.has_value() && !env.global.dry_run},
                         {"error", done ? Json() : Json(to_string(done.error().code))},
                         {"message", done ? std::string() : done.error().message}});
    }
    if (failures.size() == items.size()) return std::unexpected(failures.front());
    const auto outcome = [&env](const Json& item) -> std::string {
        if (!item["error"].is_null()) return scalar_text(item["message"]);
        return env.global.dry_run ? "would be deleted" : "deleted";
    };
    VC_TRY(env.out.emit_list("dispatches", items, {column("ID", "id"), {"OUTCOME", outcome}}, "id"));
    if (failures.empty()) return {};
    return fail(Errc::Partial, "{} of {} dispatches could not be deleted; first: {}", failures.size(), items.size(), failures.front().message);
}

}  // namespace voicectl::commands
