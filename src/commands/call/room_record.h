// The room of a call: made or taken over, with metadata that is merged and never replaced (requirement A7).
// Blocking calls, any thread, one TwirpClient per thread.
#pragma once

#include <string>

#include "commands/output.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

/// Reads what the room has now, merges, writes. The server has no merge of its own, so two writers at the
/// same moment can still meet.
Result<void> merge_room_metadata(livekit::TwirpClient& twirp, const std::string& room, const Json& patch);

}  // namespace voicectl::commands
