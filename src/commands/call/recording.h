// The recording of a call: one audio-only room composite. Values and blocking calls, any thread.
#pragma once

#include <string>

#include "commands/env.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

/// `--record`'s value: `file:PATH` (where the egress service keeps files) or `s3:PATH` (RECORDING_S3_* or
/// S3_*). "auto" takes S3 when a bucket is set, and recordings/{room_name}.ogg.
Result<livekit::proto::RoomCompositeEgressRequest> recording_request(const std::string& target, const std::string& room,
                                                                     const Env::Getenv& environment);

/// Where it goes: "s3:bucket/recordings/{room_name}.ogg".
std::string recording_place(const livekit::proto::RoomCompositeEgressRequest& request);

/// Asks ListEgress first, which knows at once that there is no Redis; a start without a worker is answered
/// after 21 to 24 s only.
Result<livekit::proto::EgressInfo> start_recording(livekit::TwirpClient& twirp,
                                                   const livekit::proto::RoomCompositeEgressRequest& request);

/// Recordings of the room that are still running; empty where there is no Redis, thus no recording.
Result<std::vector<livekit::proto::EgressInfo>> active_recordings(livekit::TwirpClient& twirp, const std::string& room);
/// The same for all that the server still remembers.
Result<std::vector<livekit::proto::EgressInfo>> recordings_of(livekit::TwirpClient& twirp, const std::string& room);

}  // namespace voicectl::commands
