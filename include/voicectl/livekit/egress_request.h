// What LiveKit asks an egress worker for. A value, any thread.
#pragma once

#include <string>
#include <variant>

#include "voicectl/livekit/api.h"

namespace voicectl::livekit {

struct EgressRequest {
    std::string egress_id, room_id, room_name, token, ws_url;
    int retry_count = 0;
    std::variant<std::monostate, proto::RoomCompositeEgressRequest, proto::WebEgressRequest, proto::ParticipantEgressRequest,
                 proto::TrackCompositeEgressRequest, proto::TrackEgressRequest, proto::StartEgressRequest>
        what;  // monostate: something that we do not know
};

}  // namespace voicectl::livekit
