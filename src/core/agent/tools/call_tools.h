// The tools of one call: those of the file, those that MCP servers have told, and what runs them. Checks what the model
// asks for, bounds how long it takes and what comes back, and tells how it went. Lives on the loop, within its session.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/agent/tools/built_in.h"
#include "core/agent/tools/mcp.h"
#include "core/agent/tools/tool.h"
#include "voicectl/base/json_schema.h"

namespace voicectl::agent {

/// One call of a tool, once it is over.
struct ToolUse {
    std::string tool;  // "unknown" for a name that the model made up
    ToolOutcome outcome = ToolOutcome::Ok;
    TimePoint began, ended;
    std::string result;  // data of others
};

class CallTools {
 public:
    struct Handlers {
        BuiltInActions actions = {};
        std::function<void(const ToolUse& use)> on_used = [](const ToolUse&) {};
        /// Of an MCP server: its tools, or why it has none for us.
        std::function<void(const std::string& url, const Result<std::size_t>& tools)> on_server = [](const std::string&, const Result<std::size_t>&) {};
    };
    /// `box` (null: no tools) outlives it. MCP servers are asked from now on.
    CallTools(Loop& loop, const Toolbox* box, Handlers handlers);

    /// Once every server has told its tools, or has had two seconds for it: at once when that is so.
    void when_ready(std::function<void()> then);
    /// Those that are known by now.
    std::vector<speech::ToolSpec> specs() const;
    bool empty() const { return tools_.empty(); }
    void add(std::unique_ptr<Tool> tool);

    /// `done` is called once, never within this call. Dropping the run cancels it, and is told as a use, too.
    std::unique_ptr<ToolRun> run(const speech::ToolCall& call, ToolDone done);

 private:
    struct Entry {
        std::unique_ptr<Tool> tool;
        std::unique_ptr<JsonSchema> schema;
    };
    const Entry* find(const std::string& name) const;
    void ask_server(const McpSettings& settings, net::HttpClient& http);
    void be_ready();

    Loop& loop_;
    Handlers handlers_;
    std::vector<Entry> tools_;
    std::size_t silent_ = 0;  // servers that have yet to tell
    std::vector<std::function<void()>> waiting_;
    Timer patience_;
    std::vector<std::unique_ptr<McpSession>> servers_;
};

}  // namespace voicectl::agent
