#include "commands/call/room_record.h"

#include "commands/room/metadata.h"
#include "voicectl/base/json.h"

namespace voicectl::commands {

Result<void> merge_room_metadata(livekit::TwirpClient& twirp, const std::string& room, const Json& patch) {
    VC_TRY_ASSIGN(const auto now, livekit::RoomApi(twirp).get(room));
    VC_TRY_ASSIGN(const auto merged, merged_metadata(now.metadata(), patch));
    VC_TRY(livekit::RoomApi(twirp).update_metadata(room, json_text(merged)));
    return {};
}

}  // namespace voicectl::commands
