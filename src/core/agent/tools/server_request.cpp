#include "core/agent/tools/server_request.h"

#include <algorithm>
#include <utility>

#include "voicectl/base/text.h"

namespace voicectl::agent {

net::HttpRequest request_to(const ToolServer& server, std::string method, std::string url) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.url = std::move(url);
    request.headers = server.headers;
    request.total_timeout = server.timeout;
    request.connect_timeout = std::min<std::chrono::milliseconds>(server.timeout, std::chrono::seconds(5));
    request.public_only = !server.allow_private;
    return request;
}

bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed) {
    const auto name = to_lower_ascii(host);
    return allowed.empty() || std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
        const auto wanted = to_lower_ascii(one);
        return wanted.starts_with("*.") ? name.ends_with(wanted.substr(1)) : name == wanted;
    });
}

WholeExchange::WholeExchange(Loop& loop, net::HttpClient& http, net::HttpRequest request, std::size_t limit, Done done)
    : limit_(limit), done_(std::move(done)) {
    transfer_ = http.stream(std::move(request), loop,
                            {.on_head = [this](const net::HttpResponse& head) { answer_.status = head.status; },
                             .on_chunk = [this](std::string_view chunk) { take(chunk); },
                             .on_done =
                                 [this](Result<void> over) {
                                     if (over) end(std::move(answer_));
                                     else end(std::unexpected(std::move(over).error()));
                                 }});
}

void WholeExchange::take(std::string_view chunk) {
    const auto room = limit_ - std::min(limit_, answer_.body.size());
    answer_.body += chunk.substr(0, room);
    if (chunk.size() <= room) return;
    answer_.cut = true;
    end(std::move(answer_));
}

void WholeExchange::end(Result<WholeAnswer> answer) {
    const auto transfer = std::move(transfer_);  // no more of it
    const auto done = std::exchange(done_, nullptr);
    if (done) done(std::move(answer));  // which may drop us
}

}  // namespace voicectl::agent
