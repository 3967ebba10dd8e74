#include "commands/call/status.h"

#include <algorithm>

#include "commands/call/people.h"
#include "commands/call/recording.h"
#include "commands/call/room_name.h"
#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::EgressInfo;
using livekit::proto::ParticipantInfo;
using livekit::proto::Room;

constexpr const char* kCallStatusHelp = R"(Shows whether caller and agent are there, what the recording does, how old the call is and whose it is (from
metadata's userId, else from the room's name). Agents are known by their kind. Exit 5 when there is no such
room, 3 when something named by --require is not there.

Examples:
  voicectl call status demo
  voicectl call status demo --require agent,caller,recording --json)";

bool is_running(const EgressInfo& one) {
    using namespace livekit::proto;
    return one.status() == EGRESS_STARTING || one.status() == EGRESS_ACTIVE || one.status() == EGRESS_ENDING;
}

// Of several, the one that still runs, else the latest.
Json recording_json(const std::optional<std::vector<EgressInfo>>& recordings) {
    Json out{{"state", "unknown"}, {"egressId", nullptr}, {"error", nullptr}};
    if (!recordings) return out;
    out["state"] = "none";
    if (recordings->empty()) return out;
    const auto better = [](const EgressInfo& a, const EgressInfo& b) {
        if (is_running(a) != is_running(b)) return is_running(b);
        return a.started_at() < b.started_at();
    };
    const auto& one = *std::max_element(recordings->begin(), recordings->end(), better);
    out["state"] = to_lower_ascii(livekit::proto::EgressStatus_Name(one.status()).substr(std::string_view("EGRESS_").size()));
    out["egressId"] = one.egress_id();
    if (!one.error().empty()) out["error"] = one.error();
    return out;
}

Json user_of(const Room& room) {
    const auto metadata = Json::parse(room.metadata(), nullptr, false);
    if (metadata.is_object() && metadata.contains("userId") && metadata["userId"].is_string()) return metadata["userId"];
    const auto user = room_user(room.name());
    return user ? Json(*user) : Json();
}

Json person_json(const ParticipantInfo& person) {
    return {{"identity", person.identity()},
            {"kind", ParticipantInfo::Kind_Name(person.kind())},
            {"state", ParticipantInfo::State_Name(person.state())},
            {"agentName", livekit::is_agent(person) ? Json(livekit::agent_name(person)) : Json()}};
}

std::string names(const Json& people) {
    std::string out;
    for (const auto& one : people) out += (out.empty() ? "" : ", ") + terminal_safe(scalar_text(one["identity"]));
    return out.empty() ? "none" : out;
}

std::string call_summary(const Json& call) {
    const auto safe = [](const Json& value) { return terminal_safe(scalar_text(value)); };
    auto out = fmt::format("{} ({}), {} old", safe(call["room"]), safe(call["sid"]), format_duration(std::chrono::milliseconds(call["ageMs"].get<std::int64_t>())));
    if (!call["user"].is_null()) out += fmt::format("\n  user       {}", safe(call["user"]));
    out += fmt::format("\n  caller     {}\n  agent      {}\n  recording  {}", names(call["callers"]), names(call["agents"]), safe(call["recording"]["state"]));
    if (!call["recording"]["error"].is_null()) out += fmt::format(": {}", safe(call["recording"]["error"]));
    return out;
}

bool is_there(const Json& call, const std::string& what) {
    if (what == "recording") return call["recording"]["state"] == "active";
    const auto& people = call[what == "agent" ? "agents" : "callers"];
    return std::any_of(people.begin(), people.end(), [](const Json& one) { return one["state"] == "ACTIVE"; });
}

}  // namespace

Json call_json(const Room& room, const std::vector<ParticipantInfo>& people, const std::optional<std::vector<EgressInfo>>& recordings,
               std::chrono::system_clock::time_point now) {
    Json callers = Json::array(), agents = Json::array();
    for (const auto& one : people) {
        if (role_of(one) == Role::Caller) callers.push_back(person_json(one));
        if (role_of(one) == Role::Agent) agents.push_back(person_json(one));
    }
    return {{"schemaVersion", 1},
            {"room", room.name()},
            {"sid", room.sid()},
            {"user", user_of(room)},
            {"createdAt", room_json(room)["createdAt"]},
            {"ageMs", room_age(room, now).count()},
            {"callers", std::move(callers)},
            {"agents", std::move(agents)},
            {"recording", recording_json(recordings)},
            {"metadata", room.metadata()}};
}

void add_call_status(Command call, Env& env, Run<CallStatusOptions> run) {
    auto o = std::make_shared<CallStatusOptions>();
    auto cmd = call.add_subcommand("status", "Show one call: caller, agent, recording, age").footer(kCallStatusHelp);
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    cmd.add_option("--require", o->require, "What must be there, comma separated: agent, caller, recording")
        .delimiter(',')
        .one_value()
        .one_of({"agent", "caller", "recording"});
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_call_status(const CallStatusOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY_ASSIGN(const auto room, rooms.get(o.room));
    VC_TRY_ASSIGN(const auto people, rooms.participants(o.room));
    std::optional<std::vector<EgressInfo>> recordings;
    if (auto found = recordings_of(*twirp, o.room)) recordings = std::move(*found);
    else env.out.warn(fmt::format("recordings not known: {}", found.error().message));
    const auto call = call_json(room, people, recordings, std::chrono::system_clock::now());
    VC_TRY(env.out.emit(call, call_summary(call), room.name()));
    std::string missing;
    for (const auto& what : o.require)
        if (!is_there(call, what)) missing += (missing.empty() ? "" : ", ") + what;
    if (missing.empty()) return {};
    return fail(Errc::CheckFailed, "the call in room \"{}\" has no {}", o.room, missing);
}

}  // namespace voicectl::commands
