// HTTP/1.1 client whose sockets live on the caller's own loop (Boost.Beast), for who sends many small requests one after the other: the
// way to HttpClient's thread and back costs more than such a request does. Connections are kept for the same URL, the last one first.
//
// Belongs to one AsioLoop, is used on its thread only, and outlives its streams. What it cannot do goes through the HttpClient it was
// given: proxies (of the request, or any in the environment), sigv4, public_only, URLs that need libcurl's care. TLS is always verified.
#pragma once

#include <memory>

#include "voicectl/net/http.h"

namespace voicectl::net {

class DirectHttp {
 public:
    DirectHttp(AsioLoop& loop, HttpClient& other);
    ~DirectHttp();
    DirectHttp(const DirectHttp&) = delete;
    DirectHttp& operator=(const DirectHttp&) = delete;

    /// As HttpClient::stream(), with the same errors, and Protocol for an answer whose body is larger than max_body. A connection that was
    /// kept and ends before a byte of the answer came was closed for being idle: the request then goes out once more on a new one.
    std::unique_ptr<HttpStream> stream(HttpRequest request, HttpStreamHandlers handlers);

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace voicectl::net
