#include "commands/call/start.h"

#include "commands/call/recording.h"
#include "commands/interrupt.h"
#include "commands/room/create.h"
#include "commands/room/outcome.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kCallStartHelp = R"(Makes room, dispatches, the caller's token and (with --record) the recording, what does not depend on each
other side by side. When a part fails, all that was made is undone again, and the error says so; trouble with
the recording never stops a call: it is warned of, and stands in recording.error.

The room is named by --room, or by --room-template out of {user}, {agent}, {ts} and {id}; a `_` in a user's
name stands there as %5F, so that `call status` can read the user back. Dispatches and room carry the same
metadata: userId (--user, a UUID), assignmentId, scenarioId, and whatever --metadata adds.

The token lets its holder join this room, publish the microphone, hear others and send data; nothing else.
--format env prints lines that a shell can eval.

Examples:
  voicectl call start --agent receptionist --user 0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a11
  voicectl call start --room demo --agent receptionist --no-schema --record=file:recordings/{room_name}.ogg --json
  voicectl call start --room demo --no-schema --format env)";

std::string started_summary(const Json& report) {
    const auto safe = [](const Json& value) { return terminal_safe(scalar_text(value)); };
    auto out = fmt::format("room     {}{}", safe(report["room"]["name"]), report["room"]["created"] == true ? "" : " (was there already)");
    for (const auto& one : report["agents"]) {
        out += fmt::format("\nagent    {}: {}", safe(one["agentName"]),
                           one["identity"].is_null() ? "dispatched, not waited for"
                                                     : fmt::format("{} joined after {}", safe(one["identity"]),
                                                                   format_duration(std::chrono::milliseconds(one["msToJoin"].get<std::int64_t>()))));
    }
    if (const auto& recording = report["recording"]; !recording.is_null())
        out += fmt::format("\nrecorded {}", recording["error"].is_null() ? fmt::format("{} to {}", safe(recording["egressId"]), safe(recording["place"])) : "no: " + safe(recording["error"]));
    return out + fmt::format("\ncaller   {}, until {}\nurl      {}\ntoken    {}", safe(report["identity"]), safe(report["tokenExpires"]),
                             safe(report["url"]), safe(report["token"]));
}

Result<void> show(const Json& report, const std::string& format, Env& env) {
    const auto& name = report["room"]["name"].get_ref<const std::string&>();
    if (format == "env") {
        return env.out.emit_raw(shell_variables({{"LIVEKIT_URL", scalar_text(report["url"])},
                                                 {"LIVEKIT_TOKEN", scalar_text(report["token"])},
                                                 {"LIVEKIT_ROOM", name}}) +
                                "\n");
    }
    if (format == "json" && env.out.format == Format::Table) env.out.format = Format::Json;
    return env.out.emit(report, started_summary(report), name);
}

// What would be done; the token is left out, for it would work.
Json plan_json(const CallPlan& plan) {
    return {{"room", plan.room},
            {"emptyTimeout", plan.empty_timeout},
            {"identity", plan.identity},
            {"metadata", plan.metadata},
            {"agents", plan.agents},
            {"recording", plan.recording ? livekit::to_json(*plan.recording) : Json()}};
}

}  // namespace

void add_call_start(Command call, Env& env, Run<CallStartOptions> run) {
    auto o = std::make_shared<CallStartOptions>();
    auto cmd = call.add_subcommand("start", "Make room, agents, the caller's token and a recording").footer(kCallStartHelp);
    const auto room = cmd.add_option("--room", o->room, "Room name; a room that is there is taken, and not undone").group("Room").type_name("ROOM");
    cmd.add_option("--room-template", o->room_template, "Makes the name").excludes(room).capture_default().group("Room").type_name("TEMPLATE");
    cmd.add_option("--empty-timeout", o->empty_timeout, "How long the room stays before anyone joins [5m]").group("Room").type_name("TIME");
    cmd.add_option("--agent", o->agents, "Agent to dispatch (repeat)").one_value().group("Agent").type_name("AGENT");
    const auto wait = cmd.add_flag("--wait{30s}", o->wait, "Until the agents are there, at most this long").capture_default().group("Agent");
    cmd.add_flag("--no-wait", o->no_wait, "Do not wait for the agents").excludes(wait).group("Agent");
    cmd.add_option("--user", o->fields.user, "Whose call it is: userId").group("Caller").type_name("ID");
    cmd.add_option("--identity", o->identity, "The caller's identity [the user, else made up]").group("Caller").type_name("NAME");
    cmd.add_option("--token-valid-for", o->valid_for, "Life of the caller's token").capture_default().group("Caller").type_name("TIME");
    cmd.add_option("--assignment", o->fields.assignment, "assignmentId").group("Metadata").type_name("UUID");
    cmd.add_option("--scenario", o->fields.scenario, "scenarioId").group("Metadata").type_name("UUID");
    cmd.add_option("--metadata", o->metadata, "A JSON object merged over those: text, @file or -").group("Metadata").type_name("TEXT|@FILE|-");
    cmd.add_flag("--no-schema", o->no_schema, "Take any metadata").group("Metadata");
    cmd.add_flag("--record{auto}", o->record, "Record; =file:PATH or =s3:PATH says where").group("Recording");
    cmd.add_option("--format", o->format, "table, json or env (for eval)").one_of({"table", "json", "env"}).capture_default();
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_call_start(const CallStartOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto server, env.server());
    VC_TRY_ASSIGN(const auto limit, env.timeout());
    VC_TRY_ASSIGN(auto plan, plan_call(o, server, env.getenv(), std::chrono::system_clock::now()));
    if (env.global.dry_run) return show_dry_run(env, plan_json(plan), fmt::format("would start a call in room {}", terminal_safe(plan.room)), plan.room);
    VC_TRY(env.change(fmt::format("start a call in room {}", plan.room)));
    Interrupt interrupt;
    VC_TRY_ASSIGN(const auto report, make_call(std::move(plan), env, server, limit, &interrupt));
    if (const auto& recording = report["recording"]; recording.is_object() && !recording["error"].is_null())
        env.out.warn(fmt::format("the call is not recorded: {}{}{}", scalar_text(recording["error"]), recording["hint"] == "" ? "" : "; ", scalar_text(recording["hint"])));
    for (const auto& one : report["notApplied"])
        env.out.warn(fmt::format("room {} existed already and keeps its own settings: {}", terminal_safe(report["room"]["name"].get<std::string>()), not_applied_line(one)));
    return show(report, o.format, env);
}

}  // namespace voicectl::commands
