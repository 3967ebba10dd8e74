// Calls of LiveKit's server API: Twirp over HTTP with protobuf bodies, errors by cause. Light to include; the
// messages themselves come with livekit/api.h.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "voicectl/base/result.h"
#include "voicectl/livekit/token.h"
#include "voicectl/net/http.h"

namespace google::protobuf {
class Message;
}

namespace voicectl::livekit {

struct Server {
    std::string url;  // ws://, wss://, http:// or https://
    ApiKey key;
};

/// ws → http, wss → https, no trailing slash; Errc::Usage when it is no URL.
Result<std::string> http_base(std::string_view url);

/// What happened on the wire, for -v and JSON errors.
struct CallTrace {
    std::string service, method;
    int status = 0;
    std::chrono::milliseconds elapsed{0};
};

/// The same in full, for --trace and --curl. Valid during the call.
struct Exchange {
    const CallTrace& call;
    const std::string& url;
    const VideoGrant& grant;
    const google::protobuf::Message& request;
    const google::protobuf::Message* reply;  // null: refused or unreadable
    const net::HttpResponse* response;       // null: none came
    const Error* error;                      // null: done
};

class TwirpClient {
 public:
    /// Told before each call (response, reply and error null) and after it, on the caller's thread.
    using Observer = std::function<void(const Exchange&)>;
    void observe(Observer before, Observer after) { before_ = std::move(before), after_ = std::move(after); }

    TwirpClient(net::HttpClient& http, Server server, std::chrono::milliseconds timeout = std::chrono::seconds{30})
        : http_(http), server_(std::move(server)), timeout_(timeout) {}

    /// Errors by Twirp code and by the plain-text bodies of the server's middleware: Auth, NotFound,
    /// Rejected, Conflict, Unreachable, Timeout, Protocol, with the server's own reason cleaned of noise
    /// and secrets, and a hint.
    Result<void> call(std::string_view service, std::string_view method, const VideoGrant& grant,
                      const google::protobuf::Message& request, google::protobuf::Message& reply,
                      std::optional<std::chrono::milliseconds> timeout = {});
    const Server& server() const { return server_; }
    const std::optional<CallTrace>& last() const { return last_; }

 private:
    net::HttpClient& http_;
    Server server_;
    std::chrono::milliseconds timeout_;
    Result<void> made(const Exchange& exchange, Result<void> outcome) const;
    std::optional<CallTrace> last_;
    Observer before_, after_;
};

}  // namespace voicectl::livekit
