// How rooms and participants are shown. Values, any thread.
#pragma once

#include <chrono>
#include <string>

#include "commands/output.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

/// The message as JSON, with `createdAt` in RFC 3339 beside the raw times.
Json room_json(const livekit::proto::Room& room);
/// The message as JSON, with `joinedTime` in RFC 3339 and, for agents, `agentName`.
Json participant_json(const livekit::proto::ParticipantInfo& participant);

std::chrono::milliseconds room_age(const livekit::proto::Room& room, std::chrono::system_clock::time_point now);
/// "ann (STANDARD, ACTIVE, microphone)".
std::string participant_line(const livekit::proto::ParticipantInfo& participant);

/// Milliseconds since 1970 as a time.
std::chrono::system_clock::time_point from_milliseconds(std::int64_t milliseconds);

}  // namespace voicectl::commands
