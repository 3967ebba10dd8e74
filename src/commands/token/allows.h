// What a token lets its holder do in a room, judged as a server judges it. Values, any thread.
#pragma once

#include <string>

#include "voicectl/livekit/token.h"

namespace voicectl::commands {

bool may_publish(const livekit::Claims& claims);
/// `source` as tokens have it: "microphone".
bool may_publish(const livekit::Claims& claims, const std::string& source);
bool may_subscribe(const livekit::Claims& claims);
bool may_send_data(const livekit::Claims& claims);

}  // namespace voicectl::commands
