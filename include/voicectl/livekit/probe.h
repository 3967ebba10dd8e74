// Questions to a server that need no grant: what answers there, what its clock says, whether it takes a
// token. Blocking calls, any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "voicectl/base/result.h"
#include "voicectl/net/http.h"

namespace voicectl::livekit {

struct ServerSign {
    int status = 0;
    bool ready = false;    // LiveKit's own "OK"
    bool livekit = false;  // it is LiveKit, ready or not
    std::string server;    // the Server header, of a proxy mostly
    std::string redirect;  // the Location header
    std::chrono::milliseconds elapsed{0};
    /// The server's clock minus ours, to about a second; absent without a Date header.
    std::optional<std::chrono::milliseconds> clock_skew;
};

/// GET / of a server URL (ws or http). An error is of the way there; any answer is a ServerSign.
Result<ServerSign> probe_server(net::HttpClient& http, std::string_view url, std::chrono::milliseconds timeout);

/// Would the server let this token join? Nothing: yes. CheckFailed, Auth, NotFound, …: no, in the server's own
/// words (never the token); Unreachable, Timeout: it could not be asked.
Result<void> validate_join(net::HttpClient& http, std::string_view url, std::string_view token, std::chrono::milliseconds timeout);

}  // namespace voicectl::livekit
