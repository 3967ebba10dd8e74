// The page for operators: who signs in with a key sees calls now and lately, and one call with its transcript, timeline,
// recording and cost. The page is files within the binary; its data come from /v1 by the cookie. On the loop.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"
#include "voicectl/net/http_server.h"
#include "voicectl/serve/gate.h"
#include "voicectl/serve/rate_limit.h"

namespace voicectl::serve {

struct PageOptions {
    std::vector<std::string> keys;  // as internal keys: one, or two while they rotate; none: nobody signs in
    bool secure_cookie = false;     // people come by TLS
    bool behind_proxy = false;      // of ours, which writes X-Forwarded-For and X-Forwarded-Proto
    std::chrono::minutes life{std::chrono::hours(12)}, idle{std::chrono::hours(1)};  // of being signed in
    std::size_t most_sessions = 1000;                                              // of more, those idle longest are signed out
    Rate attempts{5, std::chrono::seconds(12)};                                    // to sign in, wrongly, from one address
};

class Page {
 public:
    /// Config: a key that is too short.
    static Result<std::unique_ptr<Page>> make(Loop& loop, PageOptions options);
    virtual ~Page() = default;
    /// False: it is none of the page's paths (/, /page.css, /page.js, /page.svg, /login, /logout).
    virtual bool handle(const net::ServedRequest& request, const net::HttpServer::Respond& respond) = 0;
    /// An operator, by the page's cookie. What changes something must come from the page itself, too: same_origin().
    virtual std::optional<Caller> signed_in(const net::ServedRequest& request) = 0;
};

/// False when a browser says that a page of somebody else sends it (Sec-Fetch-Site, Origin).
bool same_origin(const net::ServedRequest& request);

}  // namespace voicectl::serve
