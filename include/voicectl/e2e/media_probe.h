// Does sound get through? Two participants in one room: one plays a tone, the other listens for it. Blocks
// its thread; starts a loop thread of its own. The room is the caller's to make and to delete.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "voicectl/base/result.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::e2e {

struct MediaProbe {
    std::chrono::milliseconds joined_after{0};  // both of them
    std::chrono::milliseconds heard_after{0};   // from the first tone played to the first tone heard
    double level_dbfs = -120;                   // of what was heard
    double purity = 0;                          // share of its energy that is the tone
    std::string path;                           // of the listener: "udp", "tcp", "relay"; empty: WebRTC did not say
};

/// Missing without LiveKit's core; Auth, Unreachable, Timeout of the joins; CheckFailed when joined but nothing
/// heard, or something else than the tone. Cancelled when `stop` is requested.
Result<MediaProbe> probe_media(const livekit::Server& server, const std::string& room, std::chrono::milliseconds timeout, std::stop_token stop);

}  // namespace voicectl::e2e
