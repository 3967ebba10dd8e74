#include "core/agent/tools/built_in.h"

#include "voicectl/agent/config.h"
#include "voicectl/base/json.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::size_t kMostKeys = 32;
// Switchboards take shorter gaps for one long tone, and a pause for the end of the number.
constexpr auto kBetweenKeys = 250ms, kCommaPause = 1000ms;

class EndCallTool final : public Tool {
 public:
    const speech::ToolSpec& spec() const override { return spec_; }
    std::unique_ptr<ToolRun> run(Loop& loop, const json&, ToolDone done) const override {
        return tell_soon(loop, {ToolOutcome::Ok, "The call ends after your next words. Say goodbye, in one sentence.", /*ends_call=*/true}, std::move(done));
    }

 private:
    speech::ToolSpec spec_{"end_call", "Hangs up. Use it once the caller has said goodbye or wants nothing more. Say goodbye yourself in the same turn.",
                           R"({"type":"object","properties":{}})"};
};

class KeysRun final : public ToolRun {
 public:
    KeysRun(Loop& loop, const BuiltInActions& actions, std::string keys, ToolDone done)
        : actions_(actions), keys_(std::move(keys)), done_(std::move(done)), timer_(loop) {
        timer_.after(0ms, [this] { next(); });
    }

 private:
    void next() {
        if (at_ == keys_.size()) return tell({ToolOutcome::Ok, "The keys were pressed."});
        const auto key = keys_[at_++];
        if (key == ',') return timer_.after(kCommaPause, [this] { next(); });
        actions_.press(key, lifeline_.guard([this](const Result<void>& pressed) {
            if (!pressed) return tell({ToolOutcome::Failed, pressed.error().message});
            timer_.after(kBetweenKeys, [this] { next(); });
        }));
    }
    void tell(ToolResult result) {
        const auto done = std::move(done_);  // which may drop us
        done(std::move(result));
    }

    const BuiltInActions& actions_;
    std::string keys_;
    std::size_t at_ = 0;
    ToolDone done_;
    Timer timer_;
    Lifeline lifeline_;
};

class SendDtmfTool final : public Tool {
 public:
    explicit SendDtmfTool(BuiltInActions actions) : actions_(std::move(actions)) {}
    const speech::ToolSpec& spec() const override { return spec_; }
    std::chrono::milliseconds timeout() const override { return 60s; }
    std::unique_ptr<ToolRun> run(Loop& loop, const json& arguments, ToolDone done) const override {
        auto keys = text_at(arguments, "keys");
        const bool good = !keys.empty() && keys.size() <= kMostKeys && keys.find_first_not_of(std::string(kTelephoneKeys) + ",") == std::string::npos;
        if (!good) return tell_soon(loop, {ToolOutcome::Invalid, "keys: at most 32 of 0-9 * # A-D, and a comma for a pause of a second"}, std::move(done));
        return std::make_unique<KeysRun>(loop, actions_, std::move(keys), std::move(done));
    }

 private:
    BuiltInActions actions_;
    speech::ToolSpec spec_{"send_dtmf", "Presses keys of the telephone, for menus of other machines.",
                           R"({"type":"object","properties":{"keys":{"type":"string","minLength":1,"maxLength":32,)"
                           R"("description":"0-9 * # A-D; a comma is a pause of a second"}},"required":["keys"]})"};
};

}  // namespace

std::unique_ptr<Tool> built_in_tool(std::string_view name, const BuiltInActions& actions) {
    if (name == "end_call") return std::make_unique<EndCallTool>();
    if (name == "send_dtmf") return std::make_unique<SendDtmfTool>(actions);
    return nullptr;
}

}  // namespace voicectl::agent
