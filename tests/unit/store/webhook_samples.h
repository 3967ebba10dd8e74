// Events of a call as livekit-server 1.13.5 sends them, shortened.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace voicectl::store {

inline nlohmann::json sample_room(const std::string& sid, const std::string& name, const std::string& metadata) {
    nlohmann::json room{{"sid", sid}, {"name", name}, {"emptyTimeout", 300}, {"creationTime", "1795243093"}, {"creationTimeMs", "1795243093606"},
                        {"turnPassword", "never-to-be-seen"}};
    if (!metadata.empty()) room["metadata"] = metadata;
    return room;
}

inline std::string sample_body(const std::string& event, const std::string& id, int second, nlohmann::json rest) {
    rest["event"] = event;
    rest["id"] = id;
    rest["createdAt"] = std::to_string(1'795'243'093 + second);
    return rest.dump();
}

/// A whole call in the order in which it happened. room_finished comes without metadata, as from a server that restarted.
inline std::vector<std::string> seven_events(const std::string& sid = "RM_1", const std::string& name = "demo") {
    const nlohmann::json who{{"sid", "PA_" + sid}, {"identity", "ann"}};
    const nlohmann::json brief{{"sid", sid}, {"name", name}};
    auto joined = who, left = who;
    joined.update({{"name", "Ann A"}, {"state", "ACTIVE"}, {"joinedAt", "1795243093"}, {"attributes", {{"k", "v"}}}, {"metadata", R"({"lang":"en"})"}});
    left.update({{"state", "DISCONNECTED"}, {"disconnectReason", "CLIENT_INITIATED"}});
    const nlohmann::json track{{"sid", "TR_" + sid}, {"name", "mic"}, {"source", "MICROPHONE"}, {"mimeType", "audio/red"}};
    nlohmann::json egress{{"egressId", "EG_" + sid}, {"roomId", sid}, {"roomName", name}, {"status", "EGRESS_COMPLETE"},
                          {"startedAt", "1795243094000000000"}, {"endedAt", "1795243099000000000"}, {"updatedAt", "1795243099000000000"},
                          {"fileResults", {{{"filename", "r.mp4"}, {"duration", "1508503999"}, {"size", "12345"}, {"location", "https://b/r.mp4"}}}},
                          {"roomComposite", {{"fileOutputs", {{{"s3", {{"secret", "never-to-be-seen"}}}}}}}}};
    return {sample_body("room_started", "EV_1" + sid, 0, {{"room", sample_room(sid, name, R"({"user":{"id":7},"step":1})")}}),
            sample_body("participant_joined", "EV_2" + sid, 0, {{"room", sample_room(sid, name, R"({"step":2})")}, {"participant", joined}}),
            sample_body("track_published", "EV_3" + sid, 1, {{"room", brief}, {"participant", who}, {"track", track}}),
            sample_body("track_unpublished", "EV_4" + sid, 6, {{"room", brief}, {"participant", who}, {"track", track}}),
            sample_body("participant_left", "EV_5" + sid, 6, {{"room", sample_room(sid, name, R"({"step":null,"done":true})")}, {"participant", left}}),
            sample_body("egress_ended", "EV_6" + sid, 6, {{"egressInfo", egress}}),
            sample_body("room_finished", "EV_7" + sid, 7, {{"room", sample_room(sid, name, "")}})};
}

}  // namespace voicectl::store
