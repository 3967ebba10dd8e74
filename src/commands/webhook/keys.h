// Which secrets webhook deliveries are judged by. Main thread.
#pragma once

#include "commands/env.h"
#include "voicectl/livekit/webhook.h"

namespace voicectl::commands {

/// The key in use (flags, environment, profile) and those of `keys_file`, when that is not empty: a YAML map of key and secret,
/// as LiveKit's own key_file has it, which only its owner may read. Usage when there is none at all.
Result<livekit::WebhookKeys> webhook_keys(const std::string& keys_file, Env& env);

}  // namespace voicectl::commands
