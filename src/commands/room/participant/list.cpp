#include "commands/room/participant/list.h"

#include "commands/room/view.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr const char* kListLong = R"(An agent is who has the participant kind AGENT, whatever it is called. A room that is not there is exit 5.

Examples:
  voicectl room participant list demo
  voicectl room participant list demo --json --get '/participants/*/identity')";

constexpr const char* kGetLong = R"(Shows permissions, attributes and tracks of one participant.

Examples:
  voicectl room participant get demo ann
  voicectl room participant get demo ann --json --get /permission/canPublish)";

// "audio" of each track, joined: "microphone, camera".
std::string of_tracks(const Json& item, const std::function<std::string(const Json&)>& text) {
    std::string out;
    for (const auto& track : item["tracks"]) out += (out.empty() ? "" : ", ") + text(track);
    return out;
}

std::vector<Column> participant_columns() {
    const auto source = [](const Json& track) { return to_lower_ascii(scalar_text(track["source"])); };
    const auto codec = [](const Json& track) { return scalar_text(track["mimeType"]); };
    const auto muted = [](const Json& track) { return track["muted"] == true ? std::string("yes") : std::string("no"); };
    return {column("IDENTITY", "identity"),
            column("NAME", "name", true),
            column("KIND", "kind"),
            column("STATE", "state"),
            {"TRACKS", [source](const Json& item) { return of_tracks(item, source); }},
            {"CODEC", [codec](const Json& item) { return of_tracks(item, codec); }},
            {"MUTED", [muted](const Json& item) { return of_tracks(item, muted); }},
            column("AGENT", "agentName"),
            column("SID", "sid", true),
            column("JOINED", "joinedTime", true),
            column("METADATA", "metadata", true)};
}

std::string participant_summary(const Json& item, const livekit::proto::ParticipantInfo& info) {
    auto out = participant_line(info);
    out += fmt::format("\n  sid {}, joined {}", scalar_text(item["sid"]), scalar_text(item["joinedTime"]));
    if (!info.name().empty()) out += fmt::format("\n  name: {}", terminal_safe(info.name()));
    if (!info.metadata().empty()) out += fmt::format("\n  metadata: {}", terminal_safe(info.metadata()));
    for (const auto& [key, value] : item["attributes"].items()) out += fmt::format("\n  {}: {}", terminal_safe(key), terminal_safe(scalar_text(value)));
    std::string allowed;
    for (const auto& [key, value] : item["permission"].items())
        if (value == true) allowed += (allowed.empty() ? "" : ", ") + key;
    out += fmt::format("\n  may: {}", allowed.empty() ? "nothing" : allowed);
    for (const auto& track : item["tracks"])
        out += fmt::format("\n  track {}: {} \"{}\", {}{}", scalar_text(track["sid"]), to_lower_ascii(scalar_text(track["source"])),
                           terminal_safe(scalar_text(track["name"])), scalar_text(track["mimeType"]), track["muted"] == true ? ", muted" : "");
    return out;
}

}  // namespace

void add_participant_list(Command participant, Env& env, Run<ParticipantOptions> run) {
    auto o = std::make_shared<ParticipantOptions>();
    auto cmd = participant.add_subcommand("list", "List who is in a room").footer(kListLong);
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    on_run(cmd, o, env, std::move(run));
}

void add_participant_get(Command participant, Env& env, Run<ParticipantOptions> run) {
    auto o = std::make_shared<ParticipantOptions>();
    auto cmd = participant.add_subcommand("get", "Show one participant").alias("show").footer(kGetLong);
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    cmd.add_option("identity", o->identity, "Whom").required();
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_participant_list(const ParticipantOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY_ASSIGN(const auto people, rooms.participants(o.room));
    if (people.empty()) VC_TRY(rooms.get(o.room));  // an absent room has an empty list, too
    Json items = Json::array();
    for (const auto& one : people) items.push_back(participant_json(one));
    return env.out.emit_list("participants", items, participant_columns(), "identity");
}

Result<void> run_participant_get(const ParticipantOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    VC_TRY_ASSIGN(const auto info, livekit::RoomApi(*twirp).participant(o.room, o.identity));
    const auto item = participant_json(info);
    return env.out.emit(item, participant_summary(item, info), info.identity());
}

}  // namespace voicectl::commands
