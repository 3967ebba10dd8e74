#include "commands/token/roles.h"

namespace voicectl::commands {
namespace {

void microphone_only(livekit::VideoGrant& video, bool hears, bool sends_data) {
    video.room_join = true;
    video.can_publish = true;
    video.can_publish_sources = {"microphone"};
    video.can_subscribe = hears;
    video.can_publish_data = sends_data;
}

void listen_unseen(livekit::VideoGrant& video) {
    video.room_join = true;
    video.hidden = true;
    video.can_publish = false;
    video.can_publish_data = false;
    video.can_subscribe = true;
}

}  // namespace

const std::vector<std::string>& token_roles() {
    static const std::vector<std::string> roles{"caller", "publisher", "agent", "observer", "recorder", "admin"};
    return roles;
}

void apply_role(std::string_view role, livekit::Claims& claims) {
    auto& video = claims.video;
    if (role == "caller") microphone_only(video, true, true);
    if (role == "publisher") microphone_only(video, false, false);
    if (role == "observer" || role == "recorder") listen_unseen(video);
    if (role == "recorder") video.recorder = true;
    if (role == "agent") {
        claims.kind = "agent";
        video.room_join = video.agent = true;
        video.can_publish = video.can_subscribe = video.can_publish_data = video.can_update_own_metadata = true;
    }
    if (role == "admin") {
        video.room_create = video.room_list = video.room_record = true;
        video.room_admin = !video.room.empty();  // it counts for one room only
    }
}

}  // namespace voicectl::commands
