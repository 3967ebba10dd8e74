#include "core/agent/tools/mcp.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/agent/tools/server_request.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"
#include "voicectl/net/sse.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;

constexpr const char* kProtocolVersion = "2025-06-18";
constexpr int kDeepestMcp = 40, kMostPages = 20;
constexpr std::size_t kMostMcpTools = 128, kMostAnswer = 1024 * 1024, kLongestSchema = 32 * 1024, kLongestDescription = 4096;
constexpr int kForgotten = 404;

struct McpAnswer {
    int status = 0;
    std::string session;  // header Mcp-Session-Id
    json result = {};     // of what was asked
    std::optional<std::string> error = {};  // the server's own
};

bool is_header_value(std::string_view text) {
    return text.size() <= 1024 && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

/// One message to the server. What it answers comes as JSON, or as events of which one is the answer.
class McpExchange {
 public:
    using Done = std::function<void(Result<McpAnswer> answer)>;
    /// `id` 0: a notification, whose answer has nothing in it.
    McpExchange(Loop& loop, net::HttpClient& http, net::HttpRequest request, std::int64_t id, Done done)
        : id_(id), done_(std::move(done)), events_([this](const std::string& data) { return take_event(data); }, kMostAnswer) {
        transfer_ = http.stream(std::move(request), loop,
                                {.on_head = [this](const net::HttpResponse& head) { take(head); },
                                 .on_chunk = [this](std::string_view chunk) { take(chunk); },
                                 .on_done = [this](const Result<void>& over) { judge(over); }});
    }

 private:
    void take(const net::HttpResponse& head) {
        answer_.status = head.status;
        answer_.session = head.header("mcp-session-id");
        streams_ = head.status == 200 && to_lower_ascii(head.header("content-type")).starts_with("text/event-stream");
        if (!is_header_value(answer_.session)) end(fail(Errc::Protocol, "its session's id is no header"));
    }

    void take(std::string_view chunk) {
        bytes_ += chunk.size();
        if (bytes_ > kMostAnswer) return end(fail(Errc::Protocol, "its answer is longer than {} bytes", kMostAnswer));
        if (!streams_) return void(body_ += chunk);
        if (auto pushed = events_.push(chunk); !pushed) end(std::unexpected(std::move(pushed).error()));  // never when dropped
    }

    /// False: it was the answer, and we may be gone.
    bool take_event(const std::string& data) {
        const auto message = parse_object(valid_utf8(data), kDeepestMcp);
        if (!message || !is_answer(*message)) return true;  // its notifications and questions are not for us
        read(*message);
        end(std::move(answer_));
        return false;
    }

    bool is_answer(const json& message) const {
        const auto id = message.find("id");
        return id != message.end() && *id == id_ && (message.contains("result") || message.contains("error"));
    }

    void read(const json& message) {
        if (const auto error = message.find("error"); error != message.end() && error->is_object()) answer_.error = plain_text(text_at(*error, "message"), 500);
        else if (message.contains("result") && message["result"].is_object()) answer_.result = message["result"];
    }

    void judge(const Result<void>& done) {
        if (!done) return end(std::unexpected(done.error()));
        if (streams_) return end_of_events();
        if (id_ != 0 && answer_.status == 200) {
            const auto message = parse_object(valid_utf8(body_), kDeepestMcp);
            if (!message) return end(fail(Errc::Protocol, "its answer {}", message.error()));
            if (!is_answer(*message)) return end(fail(Errc::Protocol, "it answered something else"));
            read(*message);
        }
        end(std::move(answer_));
    }

    void end_of_events() {
        const std::weak_ptr<char> alive = alive_;
        events_.finish();
        if (alive.expired() || !done_) return;
        if (id_ == 0) return end(std::move(answer_));
        end(fail(Errc::Protocol, "it closed without an answer"));
    }

    void end(Result<McpAnswer> answer) {
        const auto transfer = std::move(transfer_);
        const auto done = std::exchange(done_, nullptr);
        if (done) done(std::move(answer));  // which may drop us
    }

    std::int64_t id_;
    Done done_;
    net::SseParser events_;
    McpAnswer answer_;
    std::string body_;
    std::size_t bytes_ = 0;
    bool streams_ = false;
    std::unique_ptr<net::HttpStream> transfer_;
    std::shared_ptr<char> alive_ = std::make_shared<char>();
};

class LiveMcp final : public McpSession {
 public:
    LiveMcp(Loop& loop, net::HttpClient& http, const McpSettings& settings, OnTools on_tools)
        : loop_(loop), http_(http), settings_(settings), on_tools_(std::move(on_tools)), deadline_(loop) {
        deadline_.after(settings_.server.timeout, [this] { no_tools({Errc::Timeout, "it did not tell its tools in time", {}}); });
        greet();
    }

    std::unique_ptr<Tool> tool(speech::ToolSpec spec) override;

    /// `again` is called when the server knows us again, or with why it does not.
    using Again = std::function<void(Result<void>)>;
    void greet_again(const std::string& forgotten, Again again) {
        if (waiting_.empty() && forgotten != session_) return again({});  // another call was told so before
        waiting_.push_back(std::move(again));
        if (waiting_.size() == 1) greet();
    }

    std::unique_ptr<McpExchange> ask(const char* method, json parameters, McpExchange::Done done) {
        const auto id = ++last_id_;
        return send({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(parameters)}}, id, std::move(done));
    }

    Loop& loop() const { return loop_; }
    const McpSettings& settings() const { return settings_; }
    const std::string& session() const { return session_; }

 private:
    std::unique_ptr<McpExchange> send(const json& message, std::int64_t id, McpExchange::Done done) {
        auto request = request_to(settings_.server, "POST", settings_.server.url);
        request.headers.emplace_back("Content-Type", "application/json");
        request.headers.emplace_back("Accept", "application/json, text/event-stream");
        if (!session_.empty()) request.headers.emplace_back("Mcp-Session-Id", session_);
        if (!version_.empty()) request.headers.emplace_back("MCP-Protocol-Version", version_);
        request.body = json_text(message);
        return std::make_unique<McpExchange>(loop_, http_, std::move(request), id, std::move(done));
    }

    void greet() {
        session_.clear();
        version_.clear();
        const json parameters{{"protocolVersion", kProtocolVersion}, {"capabilities", json::object()}, {"clientInfo", {{"name", "voicectl"}, {"version", VOICECTL_VERSION}}}};
        exchange_ = ask("initialize", parameters, [this](Result<McpAnswer> answer) { next([this, answer = checked(std::move(answer))] { greeted(answer); }); });
    }

    void greeted(const Result<McpAnswer>& answer) {
        if (!answer) return refused(answer.error());
        session_ = answer->session;
        version_ = text_at(answer->result, "protocolVersion");
        if (version_.empty() || !is_header_value(version_)) return refused({Errc::Protocol, "it names no version of the protocol", {}});
        exchange_ = send({{"jsonrpc", "2.0"}, {"method", "notifications/initialized"}}, 0, [this](const Result<McpAnswer>&) { next([this] { ready(); }); });
    }

    void ready() {
        if (on_tools_) return list("");
        for (const auto& again : std::exchange(waiting_, {})) again({});
    }

    void refused(Error error) {
        no_tools(error);
        for (const auto& again : std::exchange(waiting_, {})) again(std::unexpected(error));
    }

    void list(const std::string& cursor) {
        auto parameters = json::object();
        if (!cursor.empty()) parameters["cursor"] = cursor;
        exchange_ = ask("tools/list", std::move(parameters), [this](Result<McpAnswer> answer) { next([this, answer = checked(std::move(answer))] { listed(answer); }); });
    }

    void listed(const Result<McpAnswer>& answer) {
        if (!answer) return no_tools(answer.error());
        if (const auto tools = answer->result.find("tools"); tools != answer->result.end() && tools->is_array())
            for (const auto& tool : *tools) take_tool(tool);
        const auto cursor = text_at(answer->result, "nextCursor");
        if (!cursor.empty() && ++pages_ < kMostPages && found_.size() < kMostMcpTools) return list(cursor);
        deadline_.cancel();
        if (const auto tell = std::exchange(on_tools_, nullptr)) tell(std::move(found_));
    }

    void take_tool(const json& tool) {
        if (!tool.is_object() || found_.size() >= kMostMcpTools) return;
        const auto name = text_at(tool, "name");
        const auto& wanted = settings_.tools;
        if (name.empty() || name.size() > 128 || (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end())) return;
        const auto schema = tool.find("inputSchema");
        const auto parameters = schema != tool.end() && schema->is_object() ? json_text(*schema) : R"({"type":"object"})";
        if (parameters.size() <= kLongestSchema) found_.push_back({name, plain_text(text_at(tool, "description"), kLongestDescription, /*lines=*/true), parameters});
    }

    void no_tools(Error error) {
        deadline_.cancel();
        if (const auto tell = std::exchange(on_tools_, nullptr)) tell(std::unexpected(std::move(error)));
    }

    /// A status that is no success, and the server's own errors, as errors of ours.
    static Result<McpAnswer> checked(Result<McpAnswer> answer) {
        if (!answer) return answer;
        if (answer->status / 100 != 2) return fail(answer->status == 401 || answer->status == 403 ? Errc::Auth : Errc::Unreachable, "it answered {}", answer->status);
        if (answer->error) return fail(Errc::Rejected, "it says: {}", *answer->error);
        return answer;
    }

    /// Not within the exchange that is over, which is let go of.
    template<class Step>
    void next(Step step) {
        loop_.post(lifeline_.guard([step = std::move(step)] { step(); }));
    }

    Loop& loop_;
    net::HttpClient& http_;
    const McpSettings& settings_;
    OnTools on_tools_;
    std::vector<Again> waiting_;
    std::string session_, version_;
    std::int64_t last_id_ = 0;
    int pages_ = 0;
    std::vector<speech::ToolSpec> found_;
    Timer deadline_;
    std::unique_ptr<McpExchange> exchange_;
    Lifeline lifeline_;
};

/// tools/call, and once more when the server has forgotten us.
class McpRun final : public ToolRun {
 public:
    McpRun(LiveMcp& mcp, json parameters, ToolDone done) : mcp_(mcp), parameters_(std::move(parameters)), done_(std::move(done)) { call(); }

 private:
    void call() {
        const auto session = mcp_.session();
        exchange_ = mcp_.ask("tools/call", parameters_, lifeline_.guard([this, session](Result<McpAnswer> answer) {
            if (answer && answer->status == kForgotten && !session.empty() && !std::exchange(again_, true)) return begin_anew(session);
            judge(answer);
        }));
    }

    void begin_anew(const std::string& session) {
        mcp_.loop().post(lifeline_.guard([this, session] {
            exchange_.reset();
            mcp_.greet_again(session, lifeline_.guard([this](const Result<void>& greeted) {
                if (greeted) call();
                else tell({ToolOutcome::Failed, greeted.error().message});
            }));
        }));
    }

    void judge(const Result<McpAnswer>& answer) {
        if (!answer) return tell({answer.error().code == Errc::Timeout ? ToolOutcome::Timeout : ToolOutcome::Failed, answer.error().message});
        if (answer->status / 100 != 2) return tell({ToolOutcome::Failed, fmt::format("the tool's server answered {}", answer->status)});
        if (answer->error) return tell({ToolOutcome::Failed, *answer->error});
        tell(to_tool_result(answer->result));
    }

    void tell(ToolResult result) {
        const auto done = std::move(done_);  // which may drop us
        done(std::move(result));
    }

    LiveMcp& mcp_;
    json parameters_;
    ToolDone done_;
    bool again_ = false;
    std::unique_ptr<McpExchange> exchange_;
    Lifeline lifeline_;
};

class McpTool final : public Tool {
 public:
    McpTool(LiveMcp& mcp, speech::ToolSpec spec) : mcp_(mcp), spec_(std::move(spec)) {}
    const speech::ToolSpec& spec() const override { return spec_; }
    std::chrono::milliseconds timeout() const override { return mcp_.settings().server.timeout; }
    std::size_t max_result() const override { return mcp_.settings().server.max_result; }
    std::unique_ptr<ToolRun> run(Loop&, const json& arguments, ToolDone done) const override {
        return std::make_unique<McpRun>(mcp_, json{{"name", spec_.name}, {"arguments", arguments}}, std::move(done));
    }

 private:
    LiveMcp& mcp_;
    speech::ToolSpec spec_;
};

std::unique_ptr<Tool> LiveMcp::tool(speech::ToolSpec spec) { return std::make_unique<McpTool>(*this, std::move(spec)); }

}  // namespace

std::unique_ptr<McpSession> McpSession::open(Loop& loop, net::HttpClient& http, const McpSettings& settings, OnTools on_tools) {
    return std::make_unique<LiveMcp>(loop, http, settings, std::move(on_tools));
}

ToolResult to_tool_result(const json& result) {
    ToolResult out;
    if (!result.is_object()) return {ToolOutcome::Failed, "the tool's server gave no result"};
    if (const auto content = result.find("content"); content != result.end() && content->is_array())
        for (const auto& part : *content)
            if (part.is_object() && text_at(part, "type") == "text") out.text += (out.text.empty() ? "" : "\n") + text_at(part, "text");
    if (const auto data = result.find("structuredContent"); out.text.empty() && data != result.end()) out.text = json_text(*data);
    if (out.text.empty()) out.text = "(done, no answer)";
    if (result.value("isError", json()) == true) out.outcome = ToolOutcome::Failed;
    return out;
}

}  // namespace voicectl::agent
