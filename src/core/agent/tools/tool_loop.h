// One answer of a model with tools: it is asked, the tools that it calls are run side by side, it is asked again with
// what they gave, until it answers in words alone. At most three such steps; then it has to. Lives on the loop, within a
// reply; stops when dropped.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/agent/tools/call_tools.h"
#include "voicectl/speech/speech.h"

namespace voicectl::agent {

class ToolLoop {
 public:
    struct Handlers {
        std::function<void(const std::string& piece)> on_text;
        std::function<void()> on_calls;              // what it has said so far is all for now
        std::function<void(bool end_call)> on_done;  // last call, unless on_error
        std::function<void(const Error&)> on_error;  // last call
    };
    static constexpr int kMostSteps = 3;

    /// `tools` may be null. Model and tools outlive it. Handlers may not drop it.
    ToolLoop(Loop& loop, speech::LanguageModel& model, CallTools* tools, speech::Chat chat, Handlers handlers);

    /// Until then no tool is run: what the caller has said may not be all yet.
    void allow();
    /// Nothing more is told; calls that are not over count as cancelled.
    void stop();
    /// Tools are running, or the model has yet to say something to what they gave.
    bool working() const { return working_; }
    /// What the model is to remember of it: its calls and what they gave.
    const std::vector<speech::ChatMessage>& steps() const { return steps_; }

 private:
    struct Pending {
        speech::ToolCall call;
        std::unique_ptr<ToolRun> run;
        std::optional<ToolResult> result;
    };
    void ask();
    void answered(const speech::LlmEnd& end);
    void run_all();
    void take(std::size_t at, ToolResult result);
    void note_step();

    Loop& loop_;
    speech::LanguageModel& model_;
    CallTools* tools_;
    speech::Chat chat_;
    Handlers handlers_;
    std::vector<Pending> pending_;
    std::vector<speech::ChatMessage> steps_;
    std::string said_;  // in this step
    int step_ = 0;
    bool allowed_ = false, working_ = false, ends_call_ = false, spoke_ = false;
    std::unique_ptr<speech::LlmStream> stream_;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
