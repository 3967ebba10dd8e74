#include "core/agent/tools/call_tools.h"

#include <algorithm>
#include <utility>

#include "core/agent/tools/http_tool.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;

constexpr int kDeepestArguments = 32;
constexpr std::size_t kMostTools = 128;
constexpr std::chrono::seconds kPatience{2};  // a caller's, on top of that with the model
constexpr const char* kMadeUp = "unknown";

/// Around the run of a tool: its time, its bound, and what is told of it.
class WatchedRun final : public ToolRun {
 public:
    WatchedRun(Loop& loop, std::string name, std::size_t max_result, std::function<void(const ToolUse&)> on_used, ToolDone done)
        : loop_(loop), max_result_(max_result), on_used_(std::move(on_used)), done_(std::move(done)), timer_(loop) {
        use_.tool = std::move(name);
        use_.began = loop.now();
    }
    ~WatchedRun() override {
        inner_.reset();
        if (done_) tell_use({ToolOutcome::Cancelled, ""});
    }

    void begin(const Tool& tool, const json& arguments) {
        const auto limit = tool.timeout();
        timer_.after(limit, [this, limit] { end({ToolOutcome::Timeout, fmt::format("no result within {}", format_duration(limit))}); });
        inner_ = tool.run(loop_, arguments, lifeline_.guard([this](ToolResult result) { end(std::move(result)); }));
    }
    void end_soon(ToolResult result) {
        inner_ = tell_soon(loop_, std::move(result), lifeline_.guard([this](ToolResult told) { end(std::move(told)); }));
    }

 private:
    void end(ToolResult result) {
        if (!done_) return;
        timer_.cancel();
        result.text = cut_result(std::move(result.text), max_result_);
        tell_use(result);
        const auto done = std::exchange(done_, nullptr);
        done(std::move(result));  // which may drop us
    }
    void tell_use(const ToolResult& result) {
        use_.outcome = result.outcome;
        use_.ended = loop_.now();
        use_.result = result.text;
        on_used_(use_);
    }

    Loop& loop_;
    std::size_t max_result_;
    std::function<void(const ToolUse&)> on_used_;
    ToolDone done_;
    ToolUse use_;
    Timer timer_;
    std::unique_ptr<ToolRun> inner_;
    Lifeline lifeline_;
};

}  // namespace

CallTools::CallTools(Loop& loop, const Toolbox* box, Handlers handlers) : loop_(loop), handlers_(std::move(handlers)), patience_(loop) {
    if (box == nullptr) return;
    const auto& settings = box->settings();
    for (const auto& name : settings.built_in) add(built_in_tool(name, handlers_.actions));
    if (!settings.transfer_to.empty()) add(transfer_tool(settings.transfer_to, handlers_.actions));
    for (const auto& http : settings.http) add(http_tool(http, box->http()));
    silent_ = settings.mcp.size();
    if (silent_ > 0) patience_.after(kPatience, [this] { be_ready(); });
    for (const auto& server : settings.mcp) ask_server(server, box->http());
}

void CallTools::be_ready() {
    patience_.cancel();
    for (const auto& then : std::exchange(waiting_, {})) then();
}

void CallTools::when_ready(std::function<void()> then) {
    if (!patience_.pending()) return then();
    waiting_.push_back(std::move(then));
}

void CallTools::ask_server(const McpSettings& settings, net::HttpClient& http) {
    const auto at = servers_.size();
    servers_.push_back(McpSession::open(loop_, http, settings, [this, at, url = settings.server.url](Result<std::vector<speech::ToolSpec>> specs) {
        const auto before = tools_.size();
        if (specs)
            for (auto& spec : *specs) add(servers_[at]->tool(std::move(spec)));
        if (specs) handlers_.on_server(url, tools_.size() - before);
        else handlers_.on_server(url, std::unexpected(specs.error()));
        if (--silent_ == 0) be_ready();
    }));
}

// The first of a name is it; one whose schema cannot be read cannot be checked, and is left out.
void CallTools::add(std::unique_ptr<Tool> tool) {
    if (!tool || tools_.size() >= kMostTools || find(tool->spec().name) != nullptr) return;
    const auto parameters = json::parse(tool->spec().parameters, nullptr, false);
    auto schema = JsonSchema::create(parameters);
    if (schema) tools_.push_back({std::move(tool), std::move(*schema)});
}

const CallTools::Entry* CallTools::find(const std::string& name) const {
    const auto found = std::find_if(tools_.begin(), tools_.end(), [&](const Entry& entry) { return entry.tool->spec().name == name; });
    return found == tools_.end() ? nullptr : &*found;
}

std::vector<speech::ToolSpec> CallTools::specs() const {
    std::vector<speech::ToolSpec> out;
    for (const auto& entry : tools_) out.push_back(entry.tool->spec());
    return out;
}

std::unique_ptr<ToolRun> CallTools::run(const speech::ToolCall& call, ToolDone done) {
    const auto* entry = find(call.name);
    auto watched = std::make_unique<WatchedRun>(loop_, entry != nullptr ? call.name : kMadeUp, entry != nullptr ? entry->tool->max_result() : kToolResultBytes,
                                                handlers_.on_used, std::move(done));
    if (entry == nullptr) {
        std::string names;
        for (const auto& known : tools_) names += (names.empty() ? "" : ", ") + known.tool->spec().name;
        watched->end_soon({ToolOutcome::Unknown, fmt::format("there is no tool '{}'; there are: {}", plain_text(call.name, 64), names)});
        return watched;
    }
    const auto arguments = parse_object(valid_utf8(call.arguments), kDeepestArguments);
    const auto fault = arguments ? entry->schema->fault_in(*arguments) : "the text " + arguments.error();
    if (fault.empty()) watched->begin(*entry->tool, *arguments);
    else watched->end_soon({ToolOutcome::Invalid, "the arguments are wrong: " + fault});
    return watched;
}

}  // namespace voicectl::agent
