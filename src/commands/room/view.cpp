#include "commands/room/view.h"

#include "voicectl/base/text.h"

namespace voicectl::commands {

using std::chrono::milliseconds;
using std::chrono::system_clock;

system_clock::time_point from_milliseconds(std::int64_t value) { return system_clock::time_point(milliseconds(value)); }

namespace {

// Servers before 1.8 send seconds only.
std::int64_t created_ms(const livekit::proto::Room& room) {
    return room.creation_time_ms() != 0 ? room.creation_time_ms() : room.creation_time() * 1000;
}

std::string source_name(const livekit::proto::TrackInfo& track) {
    return to_lower_ascii(livekit::proto::TrackSource_Name(track.source())) + (track.muted() ? " muted" : "");
}

}  // namespace

Json room_json(const livekit::proto::Room& room) {
    auto out = livekit::to_json(room);
    out["createdAt"] = format_time(from_milliseconds(created_ms(room)));
    return out;
}

Json participant_json(const livekit::proto::ParticipantInfo& participant) {
    auto out = livekit::to_json(participant);
    const auto joined = participant.joined_at_ms() != 0 ? participant.joined_at_ms() : participant.joined_at() * 1000;
    out["joinedTime"] = format_time(from_milliseconds(joined));
    out["agentName"] = livekit::is_agent(participant) ? Json(livekit::agent_name(participant)) : Json();
    return out;
}

milliseconds room_age(const livekit::proto::Room& room, system_clock::time_point now) {
    return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(now - from_milliseconds(created_ms(room))));
}

std::string participant_line(const livekit::proto::ParticipantInfo& participant) {
    using livekit::proto::ParticipantInfo;
    auto out = fmt::format("{} ({}, {}", terminal_safe(participant.identity()), ParticipantInfo::Kind_Name(participant.kind()),
                           ParticipantInfo::State_Name(participant.state()));
    if (const auto agent = livekit::agent_name(participant); livekit::is_agent(participant) && !agent.empty())
        out += fmt::format(", agent {}", terminal_safe(agent));
    for (const auto& track : participant.tracks()) out += ", " + source_name(track);
    return out + ")";
}

}  // namespace voicectl::commands
