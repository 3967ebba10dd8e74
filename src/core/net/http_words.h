// What both HTTP clients ask of a request before it is sent, and what they call a failure. Values, any thread.
// `peer`: "host:port".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "voicectl/net/http.h"
#include "voicectl/net/url.h"

namespace voicectl::net {

/// Usage when the request cannot be sent as it stands.
Result<Url> check_request(const HttpRequest& request);
/// The same without its URL.
Result<void> check_head(const HttpRequest& request);
bool has_body(const HttpRequest& request);

Error unresolved(std::string_view host);
Error connection_refused(std::string_view peer);
Error not_connected(std::string_view peer, std::string_view cause);
Error too_far(std::string_view peer, std::chrono::milliseconds waited);
Error not_trusted(std::string_view peer, std::string_view reason);
Error no_tls(std::string_view peer, std::string_view reason);
Error no_handshake(std::string_view peer, std::chrono::milliseconds waited);
Error closed_unanswered(std::string_view peer);
Error broke(std::string_view peer, std::string_view reason);
Error ended_early(std::string_view peer);
Error no_answer_from(std::string_view peer);
Error too_large(std::string_view peer, std::string_view what, std::size_t most);
Error not_http(std::string_view peer);
Error silent(std::string_view peer, std::chrono::milliseconds limit);
Error unfinished(std::string_view peer, std::chrono::milliseconds limit);

}  // namespace voicectl::net
