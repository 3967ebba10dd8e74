// Who is who in a call: agents by kind or by saying so in their metadata, never by name (requirement A6).
#pragma once

#include "voicectl/livekit/api.h"

namespace voicectl::commands {

enum class Role { Caller, Agent, Recorder, Observer };

/// Recorder: kind EGRESS. Observer: hidden. Everybody else is a caller.
Role role_of(const livekit::proto::ParticipantInfo& person);

}  // namespace voicectl::commands
