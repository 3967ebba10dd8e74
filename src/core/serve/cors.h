// Which pages of other origins may use the API (requirement F5). Values.
#pragma once

#include <string>
#include <vector>

#include "voicectl/base/result.h"
#include "voicectl/net/http_server.h"

namespace voicectl::serve {

class Cors {
 public:
    /// Usage: an origin that is none ("*", a path, a missing scheme); in production none at all, or one without TLS.
    static Result<Cors> create(std::vector<std::string> origins, bool development);
    bool allows(const std::string& origin) const;
    /// Empty for an origin that is not allowed; then the browser keeps the answer from the page.
    net::Headers headers_for(const std::string& origin) const;
    static bool is_preflight(const net::ServedRequest& request);
    net::ServedResponse preflight(const net::ServedRequest& request) const;

 private:
    std::vector<std::string> origins_;
    bool development_ = false;
};

}  // namespace voicectl::serve
