#include "core/agent/tools/tool_loop.h"

#include <algorithm>
#include <utility>

namespace voicectl::agent {

using speech::ChatMessage;

ToolLoop::ToolLoop(Loop& loop, speech::LanguageModel& model, CallTools* tools, speech::Chat chat, Handlers handlers)
    : loop_(loop), model_(model), tools_(tools), chat_(std::move(chat)), handlers_(std::move(handlers)) {
    if (tools_ == nullptr) ask();
    else tools_->when_ready(lifeline_.guard([this] {
        chat_.tools = tools_->specs();
        ask();
    }));
}

void ToolLoop::ask() {
    said_.clear();
    speech::LlmSink sink;
    sink.on_text = [this](const std::string& piece) {
        working_ = false;
        spoke_ = true;
        said_ += piece;
        handlers_.on_text(piece);
    };
    sink.on_done = [this](const speech::LlmEnd& end) { answered(end); };
    sink.on_error = [this](const Error& error) {
        working_ = false;
        handlers_.on_error(error);
    };
    stream_ = model_.generate(loop_, chat_, std::move(sink));
}

void ToolLoop::answered(const speech::LlmEnd& end) {
    ends_call_ = ends_call_ || end.end_call;
    if (end.calls.empty() || tools_ == nullptr || !chat_.may_call) {
        working_ = false;
        return handlers_.on_done(ends_call_);
    }
    working_ = true;
    for (const auto& call : end.calls) pending_.push_back({call, nullptr, std::nullopt});
    handlers_.on_calls();
    if (allowed_) run_all();
}

void ToolLoop::allow() {
    if (std::exchange(allowed_, true)) return;
    if (!pending_.empty()) run_all();
}

void ToolLoop::run_all() {
    for (std::size_t i = 0; i < pending_.size(); ++i)
        pending_[i].run = tools_->run(pending_[i].call, [this, i](ToolResult result) { take(i, std::move(result)); });
}

void ToolLoop::take(std::size_t at, ToolResult result) {
    pending_[at].result = std::move(result);
    if (!std::all_of(pending_.begin(), pending_.end(), [](const Pending& one) { return one.result.has_value(); })) return;
    // The run is our caller, and the stream that called for it is over: both go on the next turn of the loop.
    loop_.post(lifeline_.guard([this] {
        const bool hangs_up = std::any_of(pending_.begin(), pending_.end(), [](const Pending& one) { return one.result->ends_call; });
        const bool over = std::any_of(pending_.begin(), pending_.end(), [](const Pending& one) { return one.result->over; });
        note_step();
        ends_call_ = ends_call_ || hangs_up;
        if (over || (hangs_up && spoke_)) {  // its goodbye, most likely
            working_ = false;
            return handlers_.on_done(true);
        }
        chat_.may_call = ++step_ < kMostSteps && !hangs_up;
        ask();
    }));
}

void ToolLoop::note_step() {
    ChatMessage asked{ChatMessage::Role::Assistant, said_};
    const auto first = chat_.messages.size() + 1;
    chat_.messages.push_back(asked);
    for (auto& one : pending_) {
        chat_.messages[first - 1].calls.push_back(one.call);
        const auto result = one.result.value_or(ToolResult{ToolOutcome::Cancelled, "cancelled: the caller spoke"});
        chat_.messages.push_back({ChatMessage::Role::Tool, result.text, {}, one.call.id, result.outcome != ToolOutcome::Ok});
    }
    pending_.clear();
    const auto begin = chat_.messages.begin() + static_cast<std::ptrdiff_t>(first - 1);
    steps_.insert(steps_.end(), begin, chat_.messages.end());
    // What was heard of its words is noted by whoever speaks them.
    steps_[steps_.size() - (chat_.messages.size() - first) - 1].text.clear();
}

void ToolLoop::stop() {
    lifeline_.cut();
    stream_.reset();
    working_ = false;
    if (pending_.empty()) return;
    for (auto& one : pending_) one.run.reset();
    if (allowed_) note_step();
    pending_.clear();
}

}  // namespace voicectl::agent
