// One function that a model may call. Tools are shared values of one call; runs live on its loop and are cancelled by
// being dropped.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "voicectl/agent/tools.h"
#include "voicectl/base/loop.h"
#include "voicectl/speech/speech.h"

namespace voicectl::agent {

enum class ToolOutcome { Ok, Failed, Timeout, Invalid, Unknown, Cancelled };
/// As metrics and reports name it: "ok", "failed", "timeout", "invalid", "unknown", "cancelled".
const char* to_string(ToolOutcome outcome);

/// What the model is told. Others wrote it: data, not for logs.
struct ToolResult {
    ToolOutcome outcome = ToolOutcome::Ok;
    std::string text;
    bool ends_call = false;  // the agent hangs up after its next words
    bool over = false;       // there is nobody left to say anything to
};
using ToolDone = std::function<void(ToolResult result)>;

class ToolRun {
 public:
    virtual ~ToolRun() = default;
};

class Tool {
 public:
    virtual ~Tool() = default;
    virtual const speech::ToolSpec& spec() const = 0;
    virtual std::chrono::milliseconds timeout() const { return std::chrono::seconds(10); }
    virtual std::size_t max_result() const { return kToolResultBytes; }
    /// `arguments` fit the schema. `done` is called once, never within this call; it may drop the run.
    virtual std::unique_ptr<ToolRun> run(Loop& loop, const nlohmann::json& arguments, ToolDone done) const = 0;
};

/// A run whose result is known already: told on the next turn of the loop.
std::unique_ptr<ToolRun> tell_soon(Loop& loop, ToolResult result, ToolDone done);

/// Whole characters, at most `limit` bytes, with a word about it when something was cut off.
std::string cut_result(std::string text, std::size_t limit);

}  // namespace voicectl::agent
