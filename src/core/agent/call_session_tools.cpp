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
    handlers.actions.all_heard = [this] { return all_heard(); };
    handlers.actions.transfer = [this](const std::string& name, const std::string& address, std::function<void(Result<void>)> done) {
        hand_over(name, address, std::move(done));
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

bool CallSession::all_heard() const {
    const bool caller_speaks = listener_ && (listener_->caller_is_speaking() || listener_->waits_for_words());
    return !caller_speaks && (!reply_ || reply_->all_heard());
}

void CallSession::hand_over(const std::string& name, const std::string& address, std::function<void(Result<void>)> done) {
    if (handover_ || handed_over_) return done(fail(Errc::Conflict, "a transfer is under way"));
    if (!parts_.transfer) return done(std::unexpected(no_transfers()));
    if (!caller_) return done(fail(Errc::NotFound, "there is no caller"));
    handover_ = Handover{name};
    log_.info("the caller is being transferred", {{"to", name}});
    parts_.transfer({ticket_.job_id, ticket_.room, *caller_, address}, lifeline_.guard([this, done = std::move(done)](const Result<void>& result) {
        done(result);  // noted before the call is over
        on_handed_over(result);
    }));
}

void CallSession::on_handed_over(const Result<void>& result) {
    const auto handover = *std::exchange(handover_, std::nullopt);
    if (ended_) return;
    if (result) {
        handed_over_ = true;
        leaving_ = "transferred to " + handover.name;
        record_->event(ms(parts_.loop.now()), "transferred", handover.name);
        return hang_up(*leaving_);
    }
    log_.warn("the caller could not be transferred", {{"to", handover.name}, {"error", result.error().message}});
    if (handover.closed) on_closed(*handover.closed);
    else if (handover.caller_left) on_caller_gone();
}

// Before what was heard of the answer, which is noted as one text.
void CallSession::remember_tools() {
    auto steps = reply_->tool_steps();
    history_.insert(history_.end(), std::make_move_iterator(steps.begin()), std::make_move_iterator(steps.end()));
}

}  // namespace voicectl::agent
