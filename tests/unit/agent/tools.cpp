// What tools are allowed to do, and what becomes of what they give: the parts that need no call.
#include "voicectl/agent/tools.h"

#include <doctest/doctest.h>

#include "contract/speech/fake_model_server.h"
#include "core/agent/tools/call_tools.h"
#include "core/agent/tools/http_tool.h"
#include "core/agent/tools/server_request.h"
#include "support/fake_loop.h"
#include "support/live_loop.h"
#include "voicectl/agent/config.h"
#include "voicectl/net/url.h"

using namespace voicectl;
using namespace voicectl::agent;
using nlohmann::json;
using test::FakeModelServer;
using ToolServed = FakeModelServer::Connection;

namespace {

HttpToolSettings http_tool_at(const std::string& url, const std::string& method = "GET") {
    HttpToolSettings out;
    out.name = "look_up";
    out.description = "Looks up.";
    out.method = method;
    out.parameters = {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}, {"days", {{"type", "integer"}}}}}, {"required", {"city"}}};
    out.server.url = url;
    return out;
}

std::string tool_url(const std::string& url, const json& arguments) {
    const auto request = request_for(http_tool_at(url), arguments);
    return request ? request->url : "refused: " + request.error().message;
}

/// Runs one call of the tools in a box, on a real loop.
struct ToolBench {
    explicit ToolBench(ToolSettings settings) {
        speech::ProviderContext context{workers, http, [](const std::string& name) { return name == "TOKEN" ? std::optional<std::string>("s3cret-token") : std::nullopt; }, "."};
        auto built = Toolbox::build(std::move(settings), context);
        REQUIRE(built);
        box = std::move(*built);
        CallTools::Handlers handlers;
        handlers.on_used = [this](const ToolUse& use) { waiter.change([&] { uses.push_back(use); }); };
        handlers.on_server = [this](const std::string&, const Result<std::size_t>& found) {
            waiter.change([&] { served = found ? static_cast<int>(*found) : -1, server_error = found ? "" : found.error().message; });
        };
        loop.on_loop([&] { tools = std::make_unique<CallTools>(loop.get(), box.get(), std::move(handlers)); });
    }
    ~ToolBench() {
        loop.on_loop([&] { runs.clear(), tools.reset(); });
    }
    ToolResult call(const std::string& name, const std::string& arguments) {
        std::optional<ToolResult> got;
        loop.on_loop([&] {
            runs.push_back(tools->run({"id", name, arguments}, [&](ToolResult result) { waiter.change([&] { got = std::move(result); }); }));
        });
        REQUIRE(waiter.wait([&] { return got.has_value(); }));
        return *got;
    }
    bool wait_for_server() {
        return waiter.wait([&] { return served.has_value(); });
    }
    Workers workers{1, "tools-test"};
    net::HttpClient http;
    test::LiveLoop loop;
    test::Waiter waiter;
    std::unique_ptr<Toolbox> box;
    std::unique_ptr<CallTools> tools;
    std::vector<std::unique_ptr<ToolRun>> runs;
    std::vector<ToolUse> uses;
    std::optional<int> served;
    std::string server_error;
};

ToolSettings one_http_tool(HttpToolSettings tool) {
    ToolSettings out;
    out.http.push_back(std::move(tool));
    return out;
}

std::vector<std::string> tool_fault_keys(const json& tools, const json& mcp = nullptr) {
    std::vector<std::string> keys;
    read_tools(tools.is_null() ? nullptr : &tools, mcp.is_null() ? nullptr : &mcp, [&](const std::string& key, const std::string&, const std::string&) { keys.push_back(key); });
    return keys;
}

}  // namespace

TEST_CASE("arguments go into the URL percent-encoded, and the rest into the query or the body") {
    CHECK(tool_url("https://x.example/w/{city}", {{"city", "Bad K\xC3\xB6ln/a?b=c&d#e"}}) == "https://x.example/w/Bad%20K%C3%B6ln%2Fa%3Fb%3Dc%26d%23e");
    CHECK(tool_url("https://x.example/w/{city}?u=c", {{"city", "a"}, {"days", 3}}) == "https://x.example/w/a?u=c&days=3");
    CHECK(tool_url("https://x.example/w", {{"city", "a b"}, {"ok", true}}) == "https://x.example/w?city=a%20b&ok=true");
    CHECK(tool_url("https://x.example/w/{city}/now", {{"days", 1}}).find("/w//now?days=1") != std::string::npos);
    const auto posted = request_for(http_tool_at("https://x.example/{city}", "POST"), {{"city", "a"}, {"days", 3}});
    REQUIRE(posted);
    CHECK(posted->url == "https://x.example/a");
    CHECK(json::parse(posted->body) == json{{"days", 3}});
    CHECK(posted->public_only);
}

TEST_CASE("arguments cannot lead to another path or host") {
    CHECK(tool_url("https://x.example/w/{city}/now", {{"city", ".."}}).starts_with("refused"));
    CHECK(tool_url("https://x.example/w/.{city}", {{"city", "."}}).starts_with("refused"));
    CHECK(tool_url("https://x.example/w/{city}", {{"city", "%2e%2e"}}) == "https://x.example/w/%252e%252e");
    CHECK(tool_url("https://x.example/w/{city}", {{"city", std::string(9000, 'a')}}).starts_with("refused"));
    auto open = http_tool_at("https://{city}.example.com/x");
    open.server.allowed_hosts = {"*.example.com"};
    CHECK(request_for(open, {{"city", "eu"}}));
    CHECK(!request_for(open, {{"city", "evil.org/"}}));
    CHECK(!request_for(open, {{"city", "user@evil.org:1/x"}}));
    open.server.url = "https://{city}/x";
    CHECK(!request_for(open, {{"city", "evil.org"}}));
    CHECK(is_allowed_host("API.example.com", {"api.example.com"}));
    CHECK_FALSE(is_allowed_host("example.com.evil.org", {"*.example.com"}));
    CHECK_FALSE(is_allowed_host("notexample.com", {"*.example.com"}));
}

TEST_CASE("a tool's answer, its refusal, and its size") {
    FakeModelServer server([](const ToolServed& connection, int number) {
        if (number == 3) return void(connection.head("302 Found", "text/plain", "Location: http://127.0.0.1:1/\r\n"));
        connection.head(number == 2 ? "404 Not Found" : "200 OK", "application/json");
        connection.send(number == 4 ? std::string(10'000, '.') + "\xC3\xA4" : number == 5 ? "" : connection.request().find("Authorization: Bearer s3cret-token\r\n") != std::string::npos ? "{\"temp\":20}" : "no key");
    });
    auto tool = http_tool_at(server.url() + "/{city}");
    tool.server.allow_private = true;
    tool.server.headers = {{"Authorization", "Bearer $TOKEN"}};
    tool.server.max_result = 1000;
    ToolBench bench(one_http_tool(tool));
    auto result = bench.call("look_up", R"({"city":"a"})");
    CHECK(result.outcome == ToolOutcome::Ok);
    CHECK(result.text == "{\"temp\":20}");
    result = bench.call("look_up", R"({"city":"a"})");
    CHECK(result.outcome == ToolOutcome::Failed);
    CHECK(result.text.find("404") != std::string::npos);
    result = bench.call("look_up", R"({"city":"a"})");
    CHECK(result.text.find("redirects are not followed") != std::string::npos);
    result = bench.call("look_up", R"({"city":"a"})");
    CHECK(result.outcome == ToolOutcome::Ok);
    CHECK(result.text.size() < 1020);
    CHECK(result.text.ends_with("(cut)"));
    CHECK(bench.call("look_up", R"({"city":"a"})").outcome == ToolOutcome::Ok);
    CHECK(server.requests() == 5);
}

TEST_CASE("what is wrong with a call is told to the model, and nothing is asked") {
    FakeModelServer server([](const ToolServed& connection, int) { connection.head("200 OK"); });
    auto tool = http_tool_at(server.url());
    tool.server.allow_private = true;
    ToolBench bench(one_http_tool(tool));
    CHECK(bench.call("look_up", "{}").outcome == ToolOutcome::Invalid);
    CHECK(bench.call("look_up", "{\"city\":").outcome == ToolOutcome::Invalid);
    CHECK(bench.call("look_up", "[]").outcome == ToolOutcome::Invalid);
    CHECK(bench.call("look_up", std::string(1000, '[')).outcome == ToolOutcome::Invalid);
    const auto unknown = bench.call("rm -rf", "{}");
    CHECK(unknown.outcome == ToolOutcome::Unknown);
    CHECK(unknown.text.find("look_up") != std::string::npos);
    CHECK(server.requests() == 0);
    bench.loop.on_loop([&] { CHECK(bench.uses.back().tool == "unknown"); });
}

TEST_CASE("private addresses are refused unless they are allowed, by name, number or redirect") {
    FakeModelServer server([](const ToolServed& connection, int) { connection.head("200 OK"), connection.send("reached"); });
    auto tool = http_tool_at(server.url());
    for (const std::string host : {"127.0.0.1", "localhost", "127.1.2.3"}) {
        auto named = tool;
        named.server.url.replace(named.server.url.find("127.0.0.1"), 9, host);
        ToolBench bench(one_http_tool(named));
        const auto result = bench.call("look_up", R"({"city":"a"})");
        CAPTURE(host);
        CHECK(result.outcome == ToolOutcome::Failed);
        CHECK(result.text.find("private address") != std::string::npos);
    }
    CHECK(server.requests() == 0);
    tool.server.allow_private = true;
    ToolBench bench(one_http_tool(tool));
    CHECK(bench.call("look_up", R"({"city":"a"})").text == "reached");
}

TEST_CASE("a tool that hangs has its time, and one that is dropped is cancelled") {
    test::Waiter waiter;
    int gone = 0;
    FakeModelServer server([&](const ToolServed& connection, int) {
        connection.wait_for_hang_up();
        waiter.change([&] { ++gone; });
    });
    auto tool = http_tool_at(server.url());
    tool.server.allow_private = true;
    tool.server.timeout = std::chrono::milliseconds(200);
    ToolBench bench(one_http_tool(tool));
    CHECK(bench.call("look_up", R"({"city":"a"})").outcome == ToolOutcome::Timeout);
    CHECK(waiter.wait([&] { return gone == 1; }));
    bench.loop.on_loop([&] {
        bench.runs.push_back(bench.tools->run({"id", "look_up", R"({"city":"a"})"}, [](const ToolResult&) { FAIL("was dropped"); }));
        bench.runs.clear();
    });
    CHECK(bench.uses.back().outcome == ToolOutcome::Cancelled);
}

TEST_CASE("results are cut between characters") {
    CHECK(cut_result("abc", 3) == "abc");
    CHECK(cut_result("ab\xC3\xA4", 3) == "ab… (cut)");
    CHECK(cut_result("\xFF", 3) == "\xEF\xBF\xBD");
}

TEST_CASE("tools in an agent's file: what is wrong is told with its place") {
    const json good{{"name", "f"}, {"description", "d"}, {"url", "https://x.example/{a}"}, {"parameters", {{"type", "object"}, {"properties", {{"a", {{"type", "string"}}}}}}}};
    const auto with = [&](const std::string& key, const json& value) {
        auto tool = good;
        tool[key] = value;
        return tool_fault_keys(json::array({tool}));
    };
    CHECK(tool_fault_keys(json::array({good, "end_call", "send_dtmf"})).empty());
    using Keys = std::vector<std::string>;
    CHECK(with("name", "a b") == Keys{"tools[0].name"});
    CHECK(with("method", "TRACE") == Keys{"tools[0].method"});
    CHECK(with("url", "ftp://x.example/{a}") == Keys{"tools[0].url"});
    CHECK(with("url", "https://{a}/x") == Keys{"tools[0].url"});
    CHECK(with("url", "https://x.example/{b}") == Keys{"tools[0].url"});
    CHECK(with("allowed_hosts", json::array({"y.example"})) == Keys{"tools[0].url"});
    CHECK(with("parameters", {{"type", "array"}}) == Keys{"tools[0].parameters"});
    CHECK(with("timeout", "2h") == Keys{"tools[0].timeout"});
    CHECK(with("headers", {{"X-Y", "a\nb"}}) == Keys{"tools[0].headers.X-Y"});
    CHECK(with("max_result", 1) == Keys{"tools[0].max_result"});
    CHECK(with("allow_private", "yes") == Keys{"tools[0].allow_private"});
    CHECK(with("no_such", 1) == Keys{"tools[0].no_such"});
    CHECK(tool_fault_keys(json::array({"no_such"})) == Keys{"tools[0]"});
    CHECK(tool_fault_keys(json::array({good, good})) == Keys{"tools[1].name"});
    CHECK(tool_fault_keys("end_call") == Keys{"tools"});
    CHECK(tool_fault_keys(nullptr, json::array({{{"url", "https://x.example/mcp"}}})).empty());
    CHECK(tool_fault_keys(nullptr, json::array({{{"url", "x"}}, 7})) == Keys{"mcp[0].url", "mcp[1]"});
}

TEST_CASE("transfer needs to be told to whom, and takes telephone numbers and SIP addresses alone") {
    using Keys = std::vector<std::string>;
    const auto to = [](const json& names) { return tool_fault_keys(json::array({{{"transfer", {{"to", names}}}}})); };
    CHECK(to({{"sales", "tel:+49301234"}, {"desk", "sip:desk@example.com"}, {"safe", "sips:desk@example.com:5061;transport=tls"}}).empty());
    CHECK(tool_fault_keys(json::array({"transfer"})) == Keys{"tools[0]"});
    CHECK(tool_fault_keys(json::array({{{"transfer", "sales"}}})) == Keys{"tools[0].transfer"});
    CHECK(tool_fault_keys(json::array({{{"transfer", json::object()}}})) == Keys{"tools[0].transfer.to"});
    CHECK(to(json::object()) == Keys{"tools[0].transfer.to"});
    CHECK(to("tel:+49301234") == Keys{"tools[0].transfer.to"});
    CHECK(tool_fault_keys(json::array({{{"transfer", {{"to", {{"a", "tel:1"}}}, {"too", 1}}}}})) == Keys{"tools[0].transfer.too"});
    for (const auto* address : {"+49301234", "tel:", "tel:+", "tel:12 34", "sip:", "sip:a b", "sip:a@x\r\nX-Evil: 1", "http://x.example", "TEL:123", ""}) {
        CAPTURE(address);
        CHECK(to({{"sales", address}}) == Keys{"tools[0].transfer.to.sales"});
    }
    CHECK(to({{"a b", "tel:1"}}) == Keys{"tools[0].transfer.to.a b"});
    CHECK(to({{"long", "tel:" + std::string(253, '1')}}) == Keys{"tools[0].transfer.to.long"});
    const json one{{"transfer", {{"to", {{"a", "tel:1"}}}}}};
    CHECK(tool_fault_keys(json::array({one, one})) == Keys{"tools[1].transfer"});
}

TEST_CASE("a header's variable that is not set is a fault, and its value a secret") {
    Workers workers{1, "tools-test"};
    net::HttpClient http;
    const speech::ProviderContext context{workers, http, [](const std::string&) { return std::nullopt; }, "."};
    auto tool = http_tool_at("https://x.example/{city}");
    tool.server.key = "tools[3]";
    tool.server.headers = {{"X-Key", "$NOT_SET"}};
    const auto built = Toolbox::build(one_http_tool(tool), context);
    REQUIRE(!built);
    CHECK(built.error().front().key == "tools[3].headers.X-Key");
    CHECK(built.error().front().message.find("NOT_SET") != std::string::npos);
}

// ---- MCP ----

namespace {

/// A server of the Model Context Protocol that answers as the test has it.
struct McpPeer {
    bool events = false;          // answers as events
    int pages = 1;
    std::string tool_result = R"({"content":[{"type":"text","text":"rain"}]})";
    std::atomic<int> greetings{0}, calls{0}, forgets{0};
    std::atomic<bool> bad_headers{false};
    FakeModelServer server{[this](const ToolServed& connection, int) { serve(connection); }};

    void serve(const ToolServed& connection) {
        const auto& request = connection.request();
        const auto message = json::parse(request.substr(request.find("\r\n\r\n") + 4));
        const auto method = message["method"].get<std::string>();
        const auto session = "Mcp-Session-Id: s" + std::to_string(greetings.load()) + "\r\n";
        if (request.find("Accept: application/json, text/event-stream\r\n") == std::string::npos) bad_headers = true;
        if (method != "initialize" && (request.find(session) == std::string::npos || request.find("MCP-Protocol-Version: 2025-03-26\r\n") == std::string::npos)) bad_headers = true;
        if (method == "initialize") {
            ++greetings;
            return answer(connection, message["id"], R"({"protocolVersion":"2025-03-26","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}})",
                          "Mcp-Session-Id: s" + std::to_string(greetings.load()) + "\r\n");
        }
        if (method == "notifications/initialized") return void(connection.head("202 Accepted", "application/json"));
        if (method == "tools/list") return list(connection, message);
        ++calls;
        if (forgets > 0) {
            --forgets;
            return void(connection.head("404 Not Found", "application/json"));
        }
        answer(connection, message["id"], tool_result);
    }
    void list(const ToolServed& connection, const json& message) const {
        const auto cursor = message["params"].value("cursor", std::string("0"));
        const auto page = std::stoi(cursor) + 1;
        json result{{"tools", {{{"name", "tool_" + cursor}, {"description", "d"}, {"inputSchema", {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}}}}}}};
        if (page < pages) result["nextCursor"] = std::to_string(page);
        answer(connection, message["id"], result.dump());
    }
    void answer(const ToolServed& connection, const json& id, const std::string& result, const std::string& more = {}) const {
        const auto text = "{\"jsonrpc\":\"2.0\",\"id\":" + id.dump() + ",\"result\":" + result + "}";
        connection.head("200 OK", events ? "text/event-stream" : "application/json", more);
        connection.send(events ? "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\nid: 1\ndata: " + text + "\n\n" : text);
        if (events) connection.wait_for_hang_up();  // the answer is what ends it
    }
};

ToolSettings mcp_at(const std::string& url, std::vector<std::string> names = {}) {
    ToolSettings out;
    McpSettings mcp;
    mcp.server.url = url;
    mcp.server.allow_private = true;
    mcp.server.timeout = std::chrono::seconds(5);
    mcp.tools = std::move(names);
    out.mcp.push_back(std::move(mcp));
    return out;
}

}  // namespace

TEST_CASE("MCP: tools are listed page by page and called, answered as JSON or as events") {
    for (const bool events : {false, true}) {
        CAPTURE(events);
        McpPeer peer;
        peer.events = events;
        peer.pages = 3;
        ToolBench bench(mcp_at(peer.server.url()));
        REQUIRE(bench.wait_for_server());
        CHECK(bench.served == 3);
        const auto result = bench.call("tool_2", R"({"city":"Bonn"})");
        CHECK(result.outcome == ToolOutcome::Ok);
        CHECK(result.text == "rain");
        CHECK(bench.call("tool_2", R"({"city":7})").outcome == ToolOutcome::Invalid);
        CHECK(peer.calls == 1);
        CHECK(peer.greetings == 1);
        CHECK_FALSE(peer.bad_headers);
    }
}

TEST_CASE("MCP: only the tools that are named are used") {
    McpPeer peer;
    peer.pages = 3;
    ToolBench bench(mcp_at(peer.server.url(), {"tool_1", "absent"}));
    REQUIRE(bench.wait_for_server());
    CHECK(bench.served == 1);
    CHECK(bench.call("tool_0", "{}").outcome == ToolOutcome::Unknown);
}

TEST_CASE("MCP: a server that has forgotten us is greeted anew, once") {
    McpPeer peer;
    ToolBench bench(mcp_at(peer.server.url()));
    REQUIRE(bench.wait_for_server());
    peer.forgets = 1;
    CHECK(bench.call("tool_0", "{}").text == "rain");
    CHECK(peer.greetings == 2);
    CHECK(peer.calls == 2);
    peer.forgets = 5;
    CHECK(bench.call("tool_0", "{}").outcome == ToolOutcome::Failed);
    CHECK(peer.greetings == 3);
}

TEST_CASE("MCP: errors of a tool, of the protocol and of the server") {
    McpPeer peer;
    peer.tool_result = R"({"content":[{"type":"text","text":"no such city"}],"isError":true})";
    ToolBench bench(mcp_at(peer.server.url()));
    REQUIRE(bench.wait_for_server());
    const auto failed = bench.call("tool_0", "{}");
    CHECK(failed.outcome == ToolOutcome::Failed);
    CHECK(failed.text == "no such city");

    for (const std::string body : {"no json", "[]", "{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}", "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"broken\"}}",
                                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"}) {
        CAPTURE(body);
        FakeModelServer wrong([&](const ToolServed& connection, int) {
            connection.head("200 OK", "application/json");
            connection.send(body);
        });
        ToolBench none(mcp_at(wrong.url()));
        REQUIRE(none.wait_for_server());
        CHECK(none.served == -1);
        CHECK(!none.server_error.empty());
    }
    FakeModelServer endless([](const ToolServed& connection, int) {
        connection.head("200 OK", "text/event-stream");
        const std::string block(64 * 1024, 'x');
        for (int i = 0; i < 100 && connection.send(block); ++i) continue;
    });
    ToolBench none(mcp_at(endless.url()));
    REQUIRE(none.wait_for_server());
    CHECK(none.served == -1);
}

TEST_CASE("MCP: results of other forms") {
    CHECK(to_tool_result(json::parse(R"({"content":[{"type":"text","text":"a"},{"type":"image","data":"x"},{"type":"text","text":"b"}]})")).text == "a\nb");
    CHECK(to_tool_result(json::parse(R"({"content":[],"structuredContent":{"x":1}})")).text == "{\"x\":1}");
    CHECK(to_tool_result(json::parse("{}")).text == "(done, no answer)");
    CHECK(to_tool_result(json::parse("null")).outcome == ToolOutcome::Failed);
    CHECK(to_tool_result(json::parse(R"({"content":[7,{"type":"text","text":9}]})")).outcome == ToolOutcome::Ok);
}
