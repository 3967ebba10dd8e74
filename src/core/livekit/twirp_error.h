// What an answer other than 200 means: LiveKit's Twirp errors, the plain text of its middleware, and
// what proxies in front of it say. Values, any thread.
#pragma once

#include <string_view>

#include "voicectl/base/result.h"
#include "voicectl/net/http.h"

namespace voicectl::livekit {

/// Never holds a token or a registered secret, whatever the body echoes.
Error describe_refusal(std::string_view method, const net::HttpResponse& response);

}  // namespace voicectl::livekit
