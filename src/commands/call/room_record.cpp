#include "commands/call/room_record.h"

#include "commands/call/metadata.h"

namespace voicectl::commands {

Result<void> set_room_metadata(livekit::TwirpClient& twirp, const std::string& room, const std::string& metadata) {
    livekit::VideoGrant grant;
    grant.room_admin = true;
    grant.room = room;
    livekit::proto::UpdateRoomMetadataRequest request;
    request.set_room(room);
    request.set_metadata(metadata);
    livekit::proto::Room reply;
    return twirp.call("RoomService", "UpdateRoomMetadata", grant, request, reply);
}

Result<void> merge_room_metadata(livekit::TwirpClient& twirp, const std::string& room, const Json& patch) {
    VC_TRY_ASSIGN(const auto now, livekit::RoomApi(twirp).get(room));
    VC_TRY_ASSIGN(const auto merged, merged_metadata(now.metadata(), patch));
    return set_room_metadata(twirp, room, merged.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace voicectl::commands
