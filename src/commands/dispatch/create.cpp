#include "commands/dispatch/create.h"

#include "commands/dispatch/agent_wait.h"
#include "commands/dispatch/view.h"
#include "commands/room/outcome.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::AgentDispatch;

constexpr const char* kDispatchCreateHelp = R"(The server takes a dispatch whether or not any worker of that name exists, and never reports that none came.
--wait looks for the agent in the room and is exit 8, with what was seen and the likely cause, when it has not
come in time; once it is there, it is given 5 s to publish audio.

Examples:
  voicectl dispatch create demo --agent receptionist --wait
  voicectl dispatch create demo --agent receptionist --metadata @call.json --wait=10s --json)";

Result<std::optional<AgentDispatch>> existing(livekit::TwirpClient& twirp, const std::string& room, const std::string& agent) {
    const auto dispatches = livekit::DispatchApi(twirp).list(room);
    if (!dispatches && dispatches.error().code == Errc::NotFound) return std::nullopt;
    if (!dispatches) return std::unexpected(dispatches.error());
    for (const auto& one : *dispatches)
        if (one.agent_name() == agent && one.state().deleted_at() == 0) return one;
    return std::nullopt;
}

std::string dispatch_summary(const Json& report) {
    auto out = fmt::format("{} {} of agent {} to room {}", report["created"] == true ? "dispatch" : "there already: dispatch",
                           scalar_text(report["id"]), terminal_safe(scalar_text(report["agentName"])), terminal_safe(scalar_text(report["room"])));
    const auto& agent = report["agent"];
    if (agent.is_null()) return out;
    const auto time = [&](const char* name) { return format_duration(std::chrono::milliseconds(agent[name].get<std::int64_t>())); };
    out += fmt::format("\nagent {} joined after {}", terminal_safe(scalar_text(agent["identity"])), time("msToJoin"));
    return out + (agent["msToAudio"].is_null() ? "; it publishes no audio" : fmt::format(", its audio track after {}", time("msToAudio")));
}

}  // namespace

void add_dispatch_create(Command dispatch, Env& env, Run<DispatchCreateOptions> run) {
    auto o = std::make_shared<DispatchCreateOptions>();
    auto cmd = dispatch.add_subcommand("create", "Send an agent to a room").footer(kDispatchCreateHelp);
    cmd.add_option("room", o->room, "Room; made when it is not there").required().type_name("ROOM");
    cmd.add_option("--agent", o->agent, "Exact name under which the worker registered").required().type_name("AGENT");
    cmd.add_option("--metadata", o->metadata, "Job metadata: text, @file or -").type_name("TEXT|@FILE|-");
    cmd.add_option("--attribute", o->attributes, "KEY=VALUE (repeat)").one_value().type_name("KEY=VALUE");
    cmd.add_option("--deployment", o->deployment, "Only workers of this deployment");
    // A flag with a value, so that `--wait ROOM` does not take the room for a time.
    cmd.add_flag("--wait{30s}", o->wait, "Wait until the agent is in the room, at most this long (=30s)");
    cmd.add_flag("--if-absent", o->if_absent, "Keep a dispatch of this agent that is there already");
    on_run(cmd, o, env, std::move(run));
}

Result<livekit::proto::CreateAgentDispatchRequest> dispatch_request(const DispatchCreateOptions& o) {
    if (o.room.empty()) return fail(Errc::Usage, "a dispatch needs a room");
    if (o.agent.empty()) return fail(Errc::Usage, "a dispatch needs an agent's name");
    livekit::proto::CreateAgentDispatchRequest request;
    request.set_room(o.room);
    request.set_agent_name(o.agent);
    request.set_deployment(o.deployment);
    if (!o.metadata.empty()) {
        VC_TRY_ASSIGN(*request.mutable_metadata(), read_payload(o.metadata));
    }
    VC_TRY_ASSIGN(const auto attributes, parse_pairs("--attribute", o.attributes));
    request.mutable_attributes()->insert(attributes.begin(), attributes.end());
    return request;
}

Result<void> run_dispatch_create(const DispatchCreateOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto request, dispatch_request(o));
    VC_TRY_ASSIGN(const auto limit, time_of("--wait", o.wait));
    if (env.global.dry_run) {
        return show_dry_run(env, livekit::to_json(request), fmt::format("would dispatch agent {} to room {}", terminal_safe(o.agent), terminal_safe(o.room)), o.agent);
    }
    VC_TRY(env.change(fmt::format("dispatch agent {} to room {}", o.agent, o.room)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    std::optional<AgentDispatch> dispatch;
    if (o.if_absent) {
        VC_TRY_ASSIGN(dispatch, existing(*twirp, o.room, o.agent));
    }
    const bool created = !dispatch;
    AgentWait wait{o.room, o.agent, {}, limit, {}};
    if (created && !o.wait.empty()) {
        VC_TRY_ASSIGN(wait.already_there, agents_in(*twirp, o.room, o.agent));
    }
    const auto begun = Clock::now();
    if (created) {
        VC_TRY_ASSIGN(dispatch, livekit::DispatchApi(*twirp).create(request));
    }
    wait.dispatch_id = dispatch->id();
    auto report = dispatch_json(*dispatch, {});
    report.erase("agents");
    report.erase("status");
    report["created"] = created;
    report["agent"] = nullptr;
    if (!o.wait.empty()) {
        Interrupt interrupt;
        wait.interrupt = &interrupt;
        VC_TRY_ASSIGN(auto arrival, wait_for_agent(env, *twirp, wait, begun));
        VC_TRY(wait_for_audio(*twirp, wait, begun, arrival));
        report["agent"] = arrival_json(arrival);
    }
    return env.out.emit(report, dispatch_summary(report), dispatch->id());
}

}  // namespace voicectl::commands
