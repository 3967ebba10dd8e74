#include "core/agent/tools/built_in.h"

#include "voicectl/agent/config.h"
#include "voicectl/agent/host.h"
#include "voicectl/base/json.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::size_t kMostKeysSent = 32;
// Switchboards take shorter gaps for one long tone, and a pause for the end of the number.
constexpr auto kBetweenKeys = 250ms, kCommaPause = 1000ms;
constexpr auto kLookAtSpeech = 100ms, kLastWordsHeard = 400ms;  // they are still on their way when they are played
constexpr auto kLongestLastWords = 30s;
constexpr std::size_t kLongestAddress = 256;

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
        const bool good = !keys.empty() && keys.size() <= kMostKeysSent && keys.find_first_not_of(std::string(kTelephoneKeys) + ",") == std::string::npos;
        if (!good) return tell_soon(loop, {ToolOutcome::Invalid, "keys: at most 32 of 0-9 * # A-D, and a comma for a pause of a second"}, std::move(done));
        return std::make_unique<KeysRun>(loop, actions_, std::move(keys), std::move(done));
    }

 private:
    BuiltInActions actions_;
    speech::ToolSpec spec_{"send_dtmf", "Presses keys of the telephone, for menus of other machines.",
                           R"({"type":"object","properties":{"keys":{"type":"string","minLength":1,"maxLength":32,)"
                           R"("description":"0-9 * # A-D; a comma is a pause of a second"}},"required":["keys"]})"};
};

/// Once the last words are heard and nobody speaks: who interrupts them cancels it, and later it cannot be taken back.
class TransferRun final : public ToolRun {
 public:
    TransferRun(Loop& loop, const BuiltInActions& actions, std::string name, std::string address, ToolDone done)
        : actions_(actions), name_(std::move(name)), address_(std::move(address)), done_(std::move(done)), timer_(loop) {
        timer_.every(kLookAtSpeech, [this] { look(); });
    }

 private:
    void look() {
        quiet_ = actions_.all_heard() ? quiet_ + kLookAtSpeech : 0ms;
        if (quiet_ < kLastWordsHeard) return;
        timer_.cancel();
        actions_.transfer(name_, address_, lifeline_.guard([this](const Result<void>& transferred) {
            const auto done = std::move(done_);  // which may drop us
            if (transferred) done({.text = "The caller was transferred to " + name_ + ".", .over = true});
            else done({ToolOutcome::Failed, fmt::format("the caller could not be transferred: {}", transferred.error().message)});
        }));
    }

    const BuiltInActions& actions_;
    std::string name_, address_;
    ToolDone done_;
    std::chrono::milliseconds quiet_{0};
    Timer timer_;
    Lifeline lifeline_;
};

class TransferTool final : public Tool {
 public:
    TransferTool(std::map<std::string, std::string> targets, BuiltInActions actions) : targets_(std::move(targets)), actions_(std::move(actions)) {
        json names = json::array();
        for (const auto& [name, address] : targets_) names.push_back(name);
        const json schema{{"type", "object"}, {"properties", {{"to", {{"enum", std::move(names)}}}}}, {"required", {"to"}}};
        spec_ = {"transfer", "Transfers the caller to somebody else, and ends your part of the call. Say in the same turn whom you are putting the caller through to.",
                 schema.dump()};
    }
    const speech::ToolSpec& spec() const override { return spec_; }
    std::chrono::milliseconds timeout() const override { return kTransferTime + kLongestLastWords; }
    std::unique_ptr<ToolRun> run(Loop& loop, const json& arguments, ToolDone done) const override {
        const auto target = targets_.find(text_at(arguments, "to"));
        if (target == targets_.end()) return tell_soon(loop, {ToolOutcome::Invalid, "to: nobody of that name"}, std::move(done));
        return std::make_unique<TransferRun>(loop, actions_, target->first, target->second, std::move(done));
    }

 private:
    std::map<std::string, std::string> targets_;
    BuiltInActions actions_;
    speech::ToolSpec spec_;
};

bool has_only(std::string_view text, std::string_view characters) { return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos; }

}  // namespace

bool is_transfer_address(std::string_view text) {
    constexpr std::string_view kNumber = "+0123456789-.()*#";
    constexpr std::string_view kAddress = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()&=+$,;?/%@:[]#";
    if (text.size() > kLongestAddress) return false;
    if (text.starts_with("tel:")) return has_only(text.substr(4), kNumber) && text.find_first_of("0123456789") != std::string_view::npos;
    for (const std::string_view scheme : {"sip:", "sips:"})
        if (text.starts_with(scheme)) return has_only(text.substr(scheme.size()), kAddress);
    return false;
}

std::unique_ptr<Tool> transfer_tool(std::map<std::string, std::string> targets, const BuiltInActions& actions) {
    return std::make_unique<TransferTool>(std::move(targets), actions);
}

std::unique_ptr<Tool> built_in_tool(std::string_view name, const BuiltInActions& actions) {
    if (name == "end_call") return std::make_unique<EndCallTool>();
    if (name == "send_dtmf") return std::make_unique<SendDtmfTool>(actions);
    return nullptr;
}

}  // namespace voicectl::agent
