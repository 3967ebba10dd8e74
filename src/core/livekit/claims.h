// Claims to and from JSON, with the strictness of server 1.13.5: a wrong JSON type refuses the token,
// null counts as absent, names are matched without regard to case, unknown names are ignored.
#pragma once

#include <string_view>

#include "voicectl/livekit/token.h"

namespace voicectl::livekit {

/// `payload` is the second part of a token, decoded. Errors are Protocol and name the claim.
Result<Claims> parse_claims(std::string_view payload);

}  // namespace voicectl::livekit
