// AWS Signature Version 4 over every header and the body of a request. Our own: libcurl 7.88 sorts whole header lines, so
// that "x-amz-meta-call-id" comes before "x-amz-meta-call", and S3 refuses what it signs then. Any thread.
#pragma once

#include <chrono>

#include "voicectl/net/http.h"
#include "voicectl/net/url.h"

namespace voicectl::net {

/// Of a request with `sigv4`: all headers that it is sent with, Authorization among them. The URL's query must be encoded.
Headers signed_headers(const HttpRequest& request, const Url& url, std::chrono::system_clock::time_point now);

}  // namespace voicectl::net
