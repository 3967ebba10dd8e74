// Which recordings are of which call. Egress events name a room and a time, and a room's name may be used again: a
// recording is of the calls it covers. Pure, but for call_recordings().
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "voicectl/store/store.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::agent {

/// They share more than half of the shorter one's time: what runs on for a moment into the next call of the room is not
/// of that one. Those that never began are of the call in which they failed. `now`: the end of what goes on.
bool is_of(const store::Recording& recording, const store::Call& call, store::SystemTime now);

/// The longest first.
Result<std::vector<store::Recording>> call_recordings(store::Store& store, const store::Call& call);

nlohmann::ordered_json recording_json(const store::Recording& recording);

}  // namespace voicectl::agent
