#include "voicectl/livekit/token.h"

namespace voicectl::livekit {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string in_room(const VideoGrant& video) {
    return video.room.empty() ? std::string("no room, for none is named") : fmt::format("room \"{}\"", video.room);
}

std::string with_sources(const VideoGrant& video) {
    if (video.can_publish_sources.empty()) return "publish audio and video of any source";
    return fmt::format("publish {} and nothing else", fmt::join(video.can_publish_sources, ", "));
}

void explain_server_grants(const Claims& claims, Lines& out) {
    const auto& video = claims.video;
    if (video.room_create) out.emplace_back("roomCreate", "create and delete any room");
    if (video.room_list) out.emplace_back("roomList", "list all rooms");
    if (video.room_record) out.emplace_back("roomRecord", "start, stop and list recordings of any room");
    if (video.room_admin) {
        out.emplace_back("roomAdmin", fmt::format("manage {}: participants, tracks, metadata, data, agent dispatches", in_room(video)));
    }
    if (!video.destination_room.empty())
        out.emplace_back("destinationRoom", fmt::format("forward and move participants to room \"{}\"", video.destination_room));
    if (video.ingress_admin) out.emplace_back("ingressAdmin", "create, list and delete ingress");
    if (video.agent) out.emplace_back("agent", "register as an agent worker, and count as an agent in a room");
    if (claims.sip_admin) out.emplace_back("sip.admin", "manage SIP trunks and dispatch rules");
    if (claims.sip_call) out.emplace_back("sip.call", "place SIP calls");
    if (claims.agent_admin) out.emplace_back("agent.admin", "manage agents of LiveKit Cloud");
    if (claims.agent_simulation_admin) out.emplace_back("agent.simulationAdmin", "manage simulations of LiveKit Cloud");
    if (claims.inference_perform) out.emplace_back("inference.perform", "use inference of LiveKit Cloud");
    if (claims.observability_write) out.emplace_back("observability.write", "write observability data of LiveKit Cloud");
}

// What an absent grant means in a room stands here too: an absent canPublish allows, and surprises.
void explain_join(const VideoGrant& video, Lines& out) {
    out.emplace_back("roomJoin", fmt::format("join {}", in_room(video)));
    const bool publish = video.can_publish.value_or(true);
    const auto by_default = [](const std::optional<bool>& given) { return given ? "" : " (by default)"; };
    out.emplace_back("canPublish", (publish ? with_sources(video) : std::string("not publish")) + by_default(video.can_publish));
    out.emplace_back("canSubscribe", std::string(video.can_subscribe.value_or(true) ? "hear and see others" : "not hear or see others") +
                                         by_default(video.can_subscribe));
    out.emplace_back("canPublishData", std::string(video.can_publish_data.value_or(publish) ? "send data" : "not send data") +
                                           by_default(video.can_publish_data));
    if (video.can_update_own_metadata.value_or(false)) out.emplace_back("canUpdateOwnMetadata", "change its own name, metadata and attributes");
    if (video.can_subscribe_metrics.value_or(false)) out.emplace_back("canSubscribeMetrics", "receive metrics of others");
    if (video.can_manage_agent_session.value_or(false)) out.emplace_back("canManageAgentSession", "manage the agent's session");
    if (video.hidden) out.emplace_back("hidden", "stay unseen by other participants");
    if (video.recorder) out.emplace_back("recorder", "count as a recorder, which keeps no room open");
}

}  // namespace

Lines explain(const Claims& claims) {
    Lines out;
    if (claims.video.room_join) explain_join(claims.video, out);
    explain_server_grants(claims, out);
    if (!claims.room_config_json.empty()) out.emplace_back("roomConfig", "set the room up, if its join is what creates it");
    if (!claims.room_preset.empty()) out.emplace_back("roomPreset", fmt::format("set the room up as \"{}\", if its join is what creates it", claims.room_preset));
    if (!claims.sha256.empty()) out.emplace_back("sha256", "vouch for one webhook body");
    return out;
}

}  // namespace voicectl::livekit
