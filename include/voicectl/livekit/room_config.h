// Room configurations as tokens carry them. Values, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "voicectl/livekit/api.h"

namespace voicectl::livekit {

/// `NAME` or `NAME=METADATA`. Usage when there is no name.
Result<proto::RoomAgentDispatch> parse_agent(std::string_view text);

/// protojson for Claims::room_config_json out of `json` (empty: nothing given) and `agents`. Usage when it
/// is no RoomConfiguration, has fields of no such message, or holds storage secrets or stream keys:
/// whoever holds a token can read it.
Result<std::string> compose_room_config(std::string_view json, const std::vector<proto::RoomAgentDispatch>& agents);

/// Recordings that start with a room, as protojson of RoomEgress. Usage naming a field that it does not have.
Result<proto::RoomEgress> parse_room_egress(std::string_view json);

}  // namespace voicectl::livekit
