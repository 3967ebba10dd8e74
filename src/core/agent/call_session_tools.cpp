// The part of a call session that has to do with tools.
#include <nlohmann/json.hpp>

#include "call_session.h"
#include "voicectl/base/log.h"
#include "voicectl/base/redact.h"

namespace voicectl::agent {

using nlohmann::json;

CallTools::Handlers CallSession::tool_handlers() {
    CallTools::Handlers handlers;
    handlers.actions.press = [this](char key, std::function<void(Result<void>)> done) {
        room_->send_dtmf(key, caller_ ? std::vector{*caller_} : std::vector<std::string>(), std::move(done));
    };
    handlers.on_used = [this](const ToolUse& use) { on_tool_used(use); };
    handlers.on_server = [this](const std::string& url, const Result<std::size_t>& tools) {
        if (tools) return log_.info("an MCP server has told its tools", {{"url", redact(url)}, {"tools", *tools}});
        record_->error(ms(parts_.loop.now()), "mcp", tools.error().message);
        log_.error("no tools from an MCP server", {{"url", redact(url)}, {"error", tools.error().message}});
    };
    return handlers;
}

void CallSession::on_tool_used(const ToolUse& use) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(use.ended - use.began).count();
    const auto* outcome = to_string(use.outcome);
    log_.info("tool called", {{"tool", use.tool}, {"outcome", outcome}, {"took_ms", took}, {"result", cut_speech(use.result)}});
    record_->event(ms(use.began), "tool_call", fmt::format("{}: {} in {} ms", use.tool, outcome, took));
    report("tool_call", {{"tool", use.tool}, {"outcome", outcome}, {"tookMs", took}});
    tools_used_.push_back({{"tool", use.tool}, {"outcome", outcome}, {"atMs", ms(use.began)}, {"tookMs", took}});
}

// Before what was heard of the answer, which is noted as one text.
void CallSession::remember_tools() {
    auto steps = reply_->tool_steps();
    history_.insert(history_.end(), std::make_move_iterator(steps.begin()), std::make_move_iterator(steps.end()));
}

}  // namespace voicectl::agent
