// Calls of LiveKit's server API: Twirp over HTTP with protobuf bodies, errors by cause. Light to include; the
// messages themselves come with livekit/api.h.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
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
    const Claims& claims;                                // of the token
    const google::protobuf::Message* request = nullptr;  // null for call_json(), which has `json`
    std::string_view json;
    const google::protobuf::Message* reply = nullptr;    // null: refused, unreadable, or JSON
    const net::HttpResponse* response = nullptr;         // null: none came
    const Error* error = nullptr;                        // null: done
};

class TwirpClient {
 public:
    /// Told before each call (response, reply and error null) and after it, on the caller's thread.
    using Observer = std::function<void(const Exchange&)>;
    void observe(Observer before, Observer after) { before_ = std::move(before), after_ = std::move(after); }
    /// Calls end with Cancelled once this is requested; what the server does with them then is open.
    void stop_with(std::stop_token stop) { stop_ = std::move(stop); }

    TwirpClient(net::HttpClient& http, Server server, std::chrono::milliseconds timeout = std::chrono::seconds{30})
        : http_(http), server_(std::move(server)), timeout_(timeout) {}

    /// Errors by Twirp code and by the plain-text bodies of the server's middleware: Auth, NotFound,
    /// Rejected, Conflict, Unreachable, Timeout, Protocol, with the server's own reason cleaned of noise
    /// and secrets, and a hint. `server_limit` is the time after which the server is to give up by itself.
    Result<void> call(std::string_view service, std::string_view method, const VideoGrant& grant,
                      const google::protobuf::Message& request, google::protobuf::Message& reply,
                      std::optional<std::chrono::milliseconds> timeout = {},
                      std::optional<std::chrono::milliseconds> server_limit = {});
    /// Any call of any service in JSON, as the server writes it (snake_case, 64-bit numbers as strings). `body`
    /// is a JSON object; of `claims` the grants count. Errors as call().
    Result<std::string> call_json(std::string_view service, std::string_view method, const Claims& claims, std::string body,
                                  std::optional<std::chrono::milliseconds> timeout = {});
    const Server& server() const { return server_; }
    std::chrono::milliseconds timeout() const { return timeout_; }
    const std::optional<CallTrace>& last() const { return last_; }

 private:
    using Reader = std::function<Result<void>(const net::HttpResponse&, Exchange&)>;
    /// The URL of the call, which is the last one from now on.
    Result<std::string> begin(std::string_view service, std::string_view method);
    struct Limits {
        std::optional<std::chrono::milliseconds> ours, servers;
    };
    Result<void> exchange(Exchange told, const char* type, std::string body, const Limits& limits, const Reader& read);
    net::HttpClient& http_;
    Server server_;
    std::chrono::milliseconds timeout_;
    std::optional<CallTrace> last_;
    Observer before_, after_;
    std::stop_token stop_;
};

}  // namespace voicectl::livekit
