// A tool that is one HTTP request: its arguments go into the URL where its template names them, the rest into the query
// or, with a method that has one, into the body as JSON. Values; runs live on their loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/agent/tools/tool.h"

namespace voicectl::agent {

/// The arguments that a template names, in order.
std::vector<std::string> placeholders_in(std::string_view url_template);

/// The request for these arguments. Rejected: what they make of the URL is not allowed.
Result<net::HttpRequest> request_for(const HttpToolSettings& settings, const nlohmann::json& arguments);

/// `settings` and `http` outlive it.
std::unique_ptr<Tool> http_tool(const HttpToolSettings& settings, net::HttpClient& http);

}  // namespace voicectl::agent
