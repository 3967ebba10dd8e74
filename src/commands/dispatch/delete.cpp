#include "commands/dispatch/delete.h"

#include <algorithm>
#include <set>

#include "commands/dispatch/view.h"
#include "commands/interrupt.h"
#include "commands/room/outcome.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr const char* kDispatchDeleteHelp = R"(The worker is told to end the job; an agent that is still in the room 3 s later is removed by the server.
--wait-gone waits for that, and is exit 8 when an agent is still there. Exit 5 when no such dispatch exists, 9 when
only some could be deleted.

Examples:
  voicectl dispatch delete demo AD_hV3mPfzJ8Q2s
  voicectl dispatch delete demo --agent receptionist --wait-gone
  voicectl dispatch delete demo --stdin)";

constexpr std::chrono::milliseconds kDeletePace{250};

Result<std::vector<std::string>> chosen(const DispatchDeleteOptions& o, livekit::TwirpClient& twirp) {
    if (o.agent.empty()) {
        auto ids = o.ids;
        if (o.from_stdin)
            for (auto& id : lines_of_stdin()) ids.push_back(std::move(id));
        return ids;
    }
    VC_TRY_ASSIGN(const auto dispatches, livekit::DispatchApi(twirp).list(o.room));
    std::vector<std::string> out;
    for (const auto& one : dispatches)
        if (one.agent_name() == o.agent) out.push_back(one.id());
    if (out.empty())
        return fail_with_hint(Errc::NotFound, fmt::format("room \"{}\" has no dispatch of agent \"{}\"", o.room, o.agent),
                              fmt::format("voicectl dispatch list {} shows those there are", o.room));
    return out;
}

/// Identities of the agents that these dispatches brought, as the room has them now.
Result<std::vector<std::string>> agents_of(livekit::TwirpClient& twirp, const std::string& room, const std::vector<std::string>& ids) {
    VC_TRY_ASSIGN(const auto dispatches, livekit::DispatchApi(twirp).list(room));
    VC_TRY_ASSIGN(const auto people, livekit::RoomApi(twirp).participants(room));
    std::vector<std::string> out;
    for (const auto& one : dispatches) {
        if (std::find(ids.begin(), ids.end(), one.id()) == ids.end()) continue;
        const auto shown = dispatch_json(one, people, dispatches);
        for (const auto& agent : shown["agents"]) out.push_back(scalar_text(agent));
    }
    return out;
}

Result<void> wait_until_gone(livekit::TwirpClient& twirp, const std::string& room, const std::vector<std::string>& agents, std::chrono::milliseconds limit) {
    Interrupt interrupt;
    const auto end = Clock::now() + limit;
    while (true) {
        VC_TRY_ASSIGN(const auto people, livekit::RoomApi(twirp).participants(room));
        const auto still = std::find_if(people.begin(), people.end(), [&](const auto& one) { return std::find(agents.begin(), agents.end(), one.identity()) != agents.end(); });
        if (still == people.end()) return {};
        if (Clock::now() >= end)
            return fail_with_hint(Errc::Timeout, fmt::format("agent {} is still in room \"{}\" after {}", still->identity(), room, format_duration(limit)), "the server removes it 3 s after the deletion; is the node that holds the room alive?");
        VC_TRY(interrupt.sleep_until(std::min(Clock::now() + kDeletePace, end)));
    }
}

Result<std::set<std::string>> ids_of(livekit::TwirpClient& twirp, const std::string& room) {
    VC_TRY_ASSIGN(const auto dispatches, livekit::DispatchApi(twirp).list(room));
    std::set<std::string> out;
    for (const auto& one : dispatches) out.insert(one.id());
    return out;
}

Result<livekit::proto::AgentDispatch> would_delete(const std::set<std::string>& there, const std::string& room, const std::string& id) {
    if (there.contains(id)) return {};
    return fail_with_hint(Errc::NotFound, fmt::format("room \"{}\" has no dispatch {}", room, id),
                          fmt::format("voicectl dispatch list {} shows those there are", room));
}

}  // namespace

void add_dispatch_delete(Command dispatch, Env& env, Run<DispatchDeleteOptions> run) {
    auto o = std::make_shared<DispatchDeleteOptions>();
    auto cmd = dispatch.add_subcommand("delete", "Delete dispatches, which calls their agents back").footer(kDispatchDeleteHelp);
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    auto ids = cmd.add_option("ids", o->ids, "Dispatches, AD_…");
    auto from_stdin = cmd.add_flag("--stdin", o->from_stdin, "Also those named on standard input, one a line");
    cmd.add_option("--agent", o->agent, "All of the agent with this name").excludes(ids).excludes(from_stdin).type_name("AGENT");
    cmd.add_flag("--wait-gone{10s}", o->wait_gone, "Wait until their agents have left, at most this long (=10s)");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_dispatch_delete(const DispatchDeleteOptions& o, Env& env) {
    if (o.ids.empty() && o.agent.empty() && !o.from_stdin) return fail_with_hint(Errc::Usage, "which dispatches?", "name them, or say --agent NAME");
    VC_TRY_ASSIGN(const auto limit, time_of("--wait-gone", o.wait_gone));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY_ASSIGN(const auto ids, chosen(o, *twirp));
    std::vector<std::string> agents;
    if (limit.count() > 0) {
        VC_TRY_ASSIGN(agents, agents_of(*twirp, o.room, ids));
    }
    std::set<std::string> there;
    if (env.global.dry_run) {
        VC_TRY_ASSIGN(there, ids_of(*twirp, o.room));
    }
    VC_TRY(env.change(fmt::format("delete {} dispatches of room {}", ids.size(), o.room)));
    Json items = Json::array();
    std::vector<Error> failures;
    for (const auto& id : ids) {
        const auto done = env.global.dry_run ? would_delete(there, o.room, id) : livekit::DispatchApi(*twirp).remove(o.room, id);
        if (!done) failures.push_back(done.error());
        items.push_back({{"id", id},
                         {"deleted", done.has_value() && !env.global.dry_run},
                         {"error", done ? Json() : Json(to_string(done.error().code))},
                         {"message", done ? std::string() : done.error().message}});
    }
    if (!failures.empty() && failures.size() == items.size()) return std::unexpected(failures.front());
    const auto outcome = [&env](const Json& item) -> std::string {
        if (!item["error"].is_null()) return scalar_text(item["message"]);
        return env.global.dry_run ? "would be deleted" : "deleted";
    };
    const std::vector<Column> columns{column("ID", "id"), {"OUTCOME", outcome}};
    if (env.global.dry_run) VC_TRY(show_dry_runs(env, "dispatches", without_failed(env.out, items), columns, "id"));
    else VC_TRY(env.out.emit_list("dispatches", without_failed(env.out, items), columns, "id"));
    if (!env.global.dry_run && !agents.empty()) VC_TRY(wait_until_gone(*twirp, o.room, agents, limit));
    if (failures.empty()) return {};
    return fail(Errc::Partial, "{} of {} dispatches could not be deleted; first: {}", failures.size(), items.size(), failures.front().message);
}

}  // namespace voicectl::commands
