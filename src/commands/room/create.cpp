#include "commands/room/create.h"

#include "commands/dispatch/agent_wait.h"
#include "commands/room/outcome.h"
#include "commands/room/view.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/room_config.h"

namespace voicectl::commands {
namespace {

using livekit::proto::CreateRoomRequest;
using livekit::proto::Room;

constexpr const char* kRoomCreateHelp = R"(Making a room that exists is no error: the server leaves it as it is, and the answer says so
(created: false) and lists the settings that did not take. With --exclusive that is exit 6.

--egress starts recordings with the room: {"room":{…},"participant":{…},"tracks":{…}} as the server API has them. A
server without an egress worker takes some 10 s to give up, and makes the room without a recording.

Examples:
  voicectl room create demo --empty-timeout 10m --max-participants 2
  voicectl room create demo --agent receptionist='{"userId":"…"}' --wait-agent)";

Result<std::uint32_t> whole(const std::string& flag, const std::string& text, std::chrono::milliseconds unit) {
    VC_TRY_ASSIGN(const auto time, parse_duration(text));
    const auto count = time / unit;
    if (count < 1) return fail_with_hint(Errc::Usage, fmt::format("{} {} is nothing to the server", flag, text), "it takes 0 for its own default");
    if (count > UINT32_MAX) return fail(Errc::Usage, "{} {} is too long", flag, text);
    return static_cast<std::uint32_t>(count);
}

template<class Setter>
Result<void> set_time(const char* flag, const std::string& text, std::chrono::milliseconds unit, Setter set) {
    if (text.empty()) return {};
    VC_TRY_ASSIGN(const auto value, whole(flag, text, unit));
    set(value);
    return {};
}

bool asks_for_settings(const CreateRoomRequest& asked) {
    CreateRoomRequest bare;
    bare.set_name(asked.name());
    return asked.SerializeAsString() != bare.SerializeAsString();
}

// Metadata has up to 64 KB; its beginning is enough to know it by.
std::string shortened(const Json& value) {
    constexpr std::size_t kShown = 80;
    return cut_speech(scalar_text(value), kShown);
}

std::string created_summary(const Json& report) {
    auto out = fmt::format("{} room {} ({})", report["created"] == true ? "created" : "there already:", terminal_safe(scalar_text(report["name"])),
                           scalar_text(report["sid"]));
    for (const auto& one : report["notApplied"]) {
        out += "\n  " + not_applied_line(one);
    }
    for (const auto& agent : report["agents"])
        out += fmt::format("\n  agent {} joined after {}", terminal_safe(scalar_text(agent["identity"])),
                           format_duration(std::chrono::milliseconds(agent["msToJoin"].get<std::int64_t>())));
    return out;
}

// The server holds the answer back until a recording runs or nobody has come for it.
constexpr std::chrono::seconds kLongWithEgress{8};

Result<Room> create_room(Env& env, livekit::RoomApi& rooms, const CreateRoomRequest& request) {
    const auto begun = Clock::now();
    auto made = rooms.create(request);
    if (!request.has_egress()) return made;
    constexpr const char* kNoWorker = "no egress worker took the recording: none runs, all are busy, or it shares no Redis with the server";
    if (made && Clock::now() - begun > kLongWithEgress) env.out.warn(fmt::format("the room is there, but most likely not recorded; {}", kNoWorker));
    if (made || made.error().code != Errc::Timeout) return made;
    if (!rooms.get(request.name())) return made;
    return fail_with_hint(Errc::Timeout, fmt::format("room \"{}\" is there, but its recording did not start", request.name()), kNoWorker);
}

Result<Json> wait_for_agents(Env& env, livekit::TwirpClient& twirp, const CreateRoomRequest& asked, const std::string& limit, TimePoint begun) {
    Json out = Json::array();
    VC_TRY_ASSIGN(const auto time, time_of("--wait-agent", limit));
    Interrupt interrupt;
    for (const auto& agent : asked.agents()) {
        AgentWait wait{asked.name(), agent.agent_name(), {}, time, {}};
        wait.interrupt = &interrupt;
        VC_TRY_ASSIGN(const auto arrival, wait_for_agent(env, twirp, wait, begun));
        out.push_back(arrival_json(arrival));
    }
    return out;
}

}  // namespace

void add_room_create(Command room, Env& env, Run<RoomCreateOptions> run) {
    auto o = std::make_shared<RoomCreateOptions>();
    auto cmd = room.add_subcommand("create", "Create a room").footer(kRoomCreateHelp);
    cmd.add_option("name", o->name, "Room name").required().type_name("ROOM");
    cmd.add_option("--empty-timeout", o->empty_timeout, "How long it stays before anyone joins").type_name("TIME");
    cmd.add_option("--departure-timeout", o->departure_timeout, "How long it stays after the last one left").type_name("TIME");
    cmd.add_option("--max-participants", o->max_participants, "At most this many, agents aside").positive();
    cmd.add_option("--metadata", o->metadata, "Room metadata: text, @file or -").type_name("TEXT|@FILE|-");
    cmd.add_option("--tag", o->tags, "KEY=VALUE (repeat)").one_value().type_name("KEY=VALUE");
    cmd.add_option("--preset", o->preset, "Room configuration known to the server by this name").type_name("NAME");
    cmd.add_option("--agent", o->agents, "NAME[=METADATA] of an agent to dispatch (repeat)").one_value().type_name("AGENT[=META]");
    cmd.add_option("--egress", o->egress, "Recordings to start with the room: JSON, @file or -").type_name("JSON|@FILE|-");
    cmd.add_option("--min-playout-delay", o->min_playout_delay, "For subscribers, e.g. 100ms").type_name("TIME");
    cmd.add_option("--max-playout-delay", o->max_playout_delay, "For subscribers, e.g. 2s").type_name("TIME");
    cmd.add_flag("--sync-streams", o->sync_streams, "Keep audio and video of a participant in step");
    cmd.add_flag("--exclusive", o->exclusive, "Fail when the room is there already");
    cmd.add_flag("--wait-agent{30s}", o->wait_agent, "Wait until each --agent is in the room, at most this long (=30s)");
    on_run(cmd, o, env, std::move(run));
}

Result<CreateRoomRequest> room_request(const RoomCreateOptions& o) {
    using std::chrono::milliseconds;
    using std::chrono::seconds;
    CreateRoomRequest request;
    if (o.name.empty()) return fail(Errc::Usage, "a room needs a name");
    request.set_name(o.name);
    VC_TRY(set_time("--empty-timeout", o.empty_timeout, seconds(1), [&](auto v) { request.set_empty_timeout(v); }));
    VC_TRY(set_time("--departure-timeout", o.departure_timeout, seconds(1), [&](auto v) { request.set_departure_timeout(v); }));
    VC_TRY(set_time("--min-playout-delay", o.min_playout_delay, milliseconds(1), [&](auto v) { request.set_min_playout_delay(v); }));
    VC_TRY(set_time("--max-playout-delay", o.max_playout_delay, milliseconds(1), [&](auto v) { request.set_max_playout_delay(v); }));
    if (o.max_participants) request.set_max_participants(*o.max_participants);
    if (!o.metadata.empty()) {
        VC_TRY_ASSIGN(*request.mutable_metadata(), read_payload(o.metadata));
    }
    request.set_room_preset(o.preset);
    request.set_sync_streams(o.sync_streams);
    VC_TRY_ASSIGN(const auto tags, parse_pairs("--tag", o.tags));
    request.mutable_tags()->insert(tags.begin(), tags.end());
    for (const auto& text : o.agents) {
        VC_TRY_ASSIGN(*request.add_agents(), livekit::parse_agent(text));
    }
    if (!o.egress.empty()) {
        VC_TRY_ASSIGN(const auto text, read_payload(o.egress));
        VC_TRY_ASSIGN(*request.mutable_egress(), livekit::parse_room_egress(text));
    }
    if (request.max_playout_delay() != 0 && request.min_playout_delay() > request.max_playout_delay())
        return fail(Errc::Usage, "--min-playout-delay {} is more than --max-playout-delay {}", o.min_playout_delay, o.max_playout_delay);
    VC_TRY(time_of("--wait-agent", o.wait_agent));
    if (!o.wait_agent.empty() && o.agents.empty()) return fail(Errc::Usage, "--wait-agent needs an --agent to wait for");
    return request;
}

std::string not_applied_line(const Json& one) {
    return fmt::format("{} not applied: asked {}{}", scalar_text(one["setting"]), shortened(one["asked"]),
                       one["actual"].is_null() ? "" : fmt::format(", is {}", shortened(one["actual"])));
}

Json settings_not_applied(const CreateRoomRequest& asked, const Room& actual) {
    Json out = Json::array();
    const auto compare = [&](const char* name, const auto& wanted, const auto& is, const auto& unset) {
        if (wanted != unset && wanted != is) out.push_back({{"setting", name}, {"asked", wanted}, {"actual", is}});
    };
    compare("emptyTimeout", asked.empty_timeout(), actual.empty_timeout(), 0U);
    compare("departureTimeout", asked.departure_timeout(), actual.departure_timeout(), 0U);
    compare("maxParticipants", asked.max_participants(), actual.max_participants(), 0U);
    compare("metadata", asked.metadata(), actual.metadata(), std::string());
    const auto unseen = [&](const char* name, bool wanted, Json value) {
        if (wanted) out.push_back({{"setting", name}, {"asked", std::move(value)}, {"actual", nullptr}});
    };
    unseen("minPlayoutDelay", asked.min_playout_delay() != 0, asked.min_playout_delay());
    unseen("maxPlayoutDelay", asked.max_playout_delay() != 0, asked.max_playout_delay());
    unseen("syncStreams", asked.sync_streams(), true);
    unseen("roomPreset", !asked.room_preset().empty(), asked.room_preset());
    const auto whole_message = livekit::to_json(asked);
    unseen("tags", asked.tags_size() > 0, whole_message["tags"]);
    unseen("egress", asked.has_egress(), whole_message["egress"]);
    unseen("agents", asked.agents_size() > 0, whole_message["agents"]);
    return out;
}

Result<void> run_room_create(const RoomCreateOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto request, room_request(o));
    if (env.global.dry_run) return show_dry_run(env, livekit::to_json(request), fmt::format("would create room {}", terminal_safe(o.name)), o.name);
    VC_TRY(env.change(fmt::format("create room {}", o.name)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY_ASSIGN(const auto before, rooms.list({o.name}));
    if (!before.empty() && o.exclusive) 
        return fail_with_hint(Errc::Conflict, fmt::format("room \"{}\" exists already", o.name),
                              "voicectl room get shows it; without --exclusive it is taken as it is");
    const auto begun = Clock::now();
    VC_TRY_ASSIGN(const auto room, create_room(env, rooms, request));

    // Also when someone else was quicker between our two calls: the sid tells only of the first case.
    const bool created = before.empty() || before.front().sid() != room.sid();
    auto report = room_json(room);
    report["created"] = created;
    report["notApplied"] = created || !asks_for_settings(request) ? Json::array() : settings_not_applied(request, room);
    report["agents"] = Json::array();
    if (!report["notApplied"].empty()) env.out.warn("the room existed already and keeps its own settings");
    if (!o.wait_agent.empty()) {
        if (!created)
            return fail_with_hint(Errc::Conflict, fmt::format("room \"{}\" exists already, so its agents were not dispatched", o.name),
                                  "voicectl dispatch create --wait sends an agent to it");
        auto came = wait_for_agents(env, *twirp, request, o.wait_agent, begun);
        if (!came) {
            if (came.error().code != Errc::NotFound) came.error().message += fmt::format("; room \"{}\" was made and stays", o.name);
            return std::unexpected(std::move(came).error());
        }
        report["agents"] = std::move(*came);
    }
    return env.out.emit(report, created_summary(report), room.name());
}

}  // namespace voicectl::commands
