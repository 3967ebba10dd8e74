// One call's session with a server of the Model Context Protocol over streamable HTTP (specification of 2025-06-18): its
// tools are asked for once, and called as the model wants them. A server that has forgotten the session is greeted anew.
// Lives on the loop of the call; settings and client outlive it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/agent/tools/tool.h"

namespace voicectl::agent {

class McpSession {
 public:
    /// `on_tools` once: what the server has and the settings allow, or why there is nothing.
    using OnTools = std::function<void(Result<std::vector<speech::ToolSpec>> tools)>;
    static std::unique_ptr<McpSession> open(Loop& loop, net::HttpClient& http, const McpSettings& settings, OnTools on_tools);
    virtual ~McpSession() = default;

    /// A tool of that name; the session outlives it and its runs.
    virtual std::unique_ptr<Tool> tool(speech::ToolSpec spec) = 0;
};

/// What an answer of tools/call gives the model: its texts, else its structured content.
ToolResult to_tool_result(const nlohmann::json& result);

}  // namespace voicectl::agent
