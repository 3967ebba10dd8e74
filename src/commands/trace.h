// What -v, --trace and --curl print of server calls, on stderr.
#pragma once

#include <string>

#include "commands/settings.h"
#include "voicectl/livekit/twirp.h"

namespace voicectl::commands {

class Env;

void show_calls(livekit::TwirpClient& twirp, Env& env);

/// The flags of `voicectl token create` that give this grant.
std::string grant_flags(const livekit::VideoGrant& grant);
/// The flags by which `voicectl token create` finds the key that this line found; a secret is never among them.
std::string key_flags(const GivenServer& given);
/// A command line that makes the same call with a token of its own.
std::string curl_command(const livekit::Exchange& exchange, const GivenServer& given);

}  // namespace voicectl::commands
