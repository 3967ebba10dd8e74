// HTTP client on libcurl. libcurl is loaded when the first request is made, not before (it is most of a
// start-up; design: docs/design.md).
//
// Owned by main and shared by reference. send() may be called on any thread that may block; stream() is
// for the loop, and the client outlives its streams. TLS is always verified (SSL_CERT_FILE names other
// authorities); proxies come from the environment as curl knows them. Connections are kept and reused.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Signed as Amazon S3 and what is compatible with it want it (AWS Signature Version 4).
struct SigV4 {
    std::string region, service = "s3", access_key, secret_key;
};

/// For one request, instead of the environment's.
struct HttpProxy {
    std::string url, username, password;
};

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    Headers headers;
    std::string body;
    std::optional<SigV4> sigv4 = {};
    std::optional<HttpProxy> proxy = {};
    std::chrono::milliseconds connect_timeout{5000};  // name lookup, TCP and TLS together
    std::chrono::milliseconds idle_timeout{30000};    // no byte for this long ends the transfer
    std::chrono::milliseconds total_timeout{60000};   // zero: none (long streams)
    /// Addresses of private networks, of this machine and of its link are refused (Errc::Rejected), whatever name led to
    /// them; nothing goes through a proxy then, for it would resolve the name elsewhere. Redirects are never followed.
    bool public_only = false;
    std::size_t max_body = 64 * 1024 * 1024;          // of send(): more is Errc::Protocol
};

struct HttpResponse {
    int status = 0;
    Headers headers;  // names in lower case
    std::string body;
    std::chrono::milliseconds elapsed{0};

    /// Empty when absent. `name` in lower case.
    std::string_view header(std::string_view name) const;
};

/// IMF-fixdate (RFC 9110, section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);
/// How long a server asks to be left alone: `retry-after-ms`, then `retry-after` in seconds or as a date
/// (RFC 9110, section 10.2.3). Never negative, an hour at most.
std::optional<std::chrono::milliseconds> retry_after(const HttpResponse& head, std::chrono::system_clock::time_point now);

/// A transfer whose body arrives piece by piece. Dropping it closes the connection's stream; nothing is
/// called afterwards. Lives on the loop it was opened for.
class HttpStream {
 public:
    virtual ~HttpStream() = default;
};

struct HttpStreamHandlers {
    std::function<void(const HttpResponse& head)> on_head;  // status and headers, body empty
    std::function<void(std::string_view chunk)> on_chunk;
    std::function<void(Result<void>)> on_done;  // last call; errors are of transport only, not of status
};

class HttpClient {
 public:
    HttpClient();
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Blocks. Errors: Unreachable (name, connect, TLS), Timeout, Protocol. A status of 400 or more is a
    /// response, not an error.
    /// Cancelled soon after `stop` was requested.
    Result<HttpResponse> send(HttpRequest request, std::stop_token stop = {});

    /// Handlers run on `loop`.
    std::unique_ptr<HttpStream> stream(HttpRequest request, Loop& loop, HttpStreamHandlers handlers);

    /// "7.88.1 OpenSSL/3.0.11", or the reason why libcurl cannot be loaded.
    static std::string version();

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace voicectl::net
