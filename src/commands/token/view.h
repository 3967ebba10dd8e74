// How a token is shown, verified or not. Values, any thread.
#pragma once

#include <string>

#include "commands/output.h"
#include "voicectl/livekit/token.h"

namespace voicectl::commands {

/// What `token verify` and `token decode` have in common: issuer, identity, room, times, grants, claims.
Json token_view(const livekit::Verdict& verdict, livekit::SystemTime now);
/// The same for people, without its first line.
std::string token_lines(const Json& view);

/// A token as it is given on the line, in a file or on standard input, with or without "Bearer ".
Result<std::string> given_token(const std::string& given);

}  // namespace voicectl::commands
