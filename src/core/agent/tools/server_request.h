// What tools behind HTTP share: the request with its rules, and reading an answer that somebody else wrote, up to a
// bound. Lives on its loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/agent/tools/tool.h"
#include "voicectl/net/http.h"

namespace voicectl::agent {

/// With the server's headers, its timeout, and whether private addresses are allowed.
net::HttpRequest request_to(const ToolServer& server, std::string method, std::string url);

/// The host is one of those that are allowed; none named: any.
bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed);

struct WholeAnswer {
    int status = 0;
    std::string body;  // as far as the bound
    bool cut = false;
};

/// One request, its answer read whole, or up to `limit` bytes.
class WholeExchange {
 public:
    using Done = std::function<void(Result<WholeAnswer> answer)>;
    /// `done` is called once, never within this call; it may drop the exchange.
    WholeExchange(Loop& loop, net::HttpClient& http, net::HttpRequest request, std::size_t limit, Done done);

 private:
    void take(std::string_view chunk);
    void end(Result<WholeAnswer> answer);
    std::size_t limit_;
    Done done_;
    WholeAnswer answer_;
    std::unique_ptr<net::HttpStream> transfer_;
};

}  // namespace voicectl::agent
