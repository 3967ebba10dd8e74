// The same cases for every language model behind HTTP, each against a server that speaks its documented format and has
// the faults that the test scripts. A new provider is one row in wires().
#include "engines.h"
#include "fake_model_server.h"

using namespace voicectl;
using namespace voicectl::speech;
using test::FakeModelServer;
using Connection = FakeModelServer::Connection;
using nlohmann::json;

namespace {

struct Refusal {
    std::string status, body;
    Errc code;
    bool again;  // worth another try
};

/// How a provider's server writes an answer.
struct Wire {
    std::string name;
    std::function<std::string(const std::string& text)> text;
    std::string begin, end, usage;  // `usage` 12 in, of them 5 cached, 3 out; with `end` around it for those that tell it so
    std::string half;               // an event that breaks off in mid-word
    std::string error;              // in mid-stream
    std::function<std::string(const std::vector<ToolCall>& calls)> calls;  // whole, in pieces
    std::vector<Refusal> refusals;
};

std::string sse(const json& value) { return "data: " + value.dump() + "\n\n"; }

std::string event(const json& value) { return "event: " + value["type"].get<std::string>() + "\n" + sse(value); }

/// The arguments in pieces of three bytes.
std::vector<std::string> cut_up(const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < text.size(); i += 3) out.push_back(text.substr(i, 3));
    return out;
}

Wire openai_wire() {
    Wire wire;
    wire.name = "openai";
    wire.text = [](const std::string& text) { return sse({{"choices", {{{"index", 0}, {"delta", {{"content", text}}}, {"finish_reason", nullptr}}}}}); };
    wire.begin = sse({{"choices", {{{"index", 0}, {"delta", {{"role", "assistant"}, {"content", ""}}}}}}});
    wire.end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    wire.usage = sse({{"choices", json::array()}, {"usage", {{"prompt_tokens", 12}, {"completion_tokens", 3}, {"prompt_tokens_details", {{"cached_tokens", 5}}}}}});
    wire.half = "data: {\"choices\":[{\"delta\":{\"content\":\"wo";
    wire.error = "data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}\n\n";
    wire.calls = [](const std::vector<ToolCall>& calls) {
        std::string out;
        for (std::size_t i = 0; i < calls.size(); ++i) {
            const auto piece = [&](json call) { return sse({{"choices", {{{"delta", {{"tool_calls", json::array({std::move(call)})}}}}}}}); };
            out += piece({{"index", i}, {"id", calls[i].id}, {"type", "function"}, {"function", {{"name", calls[i].name}, {"arguments", ""}}}});
            for (const auto& part : cut_up(calls[i].arguments)) out += piece({{"index", i}, {"function", {{"arguments", part}}}});
        }
        return out + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";
    };
    const auto error = [](const std::string& code, const std::string& type) { return json{{"error", {{"message", "says " + code}, {"type", type}, {"param", nullptr}, {"code", code}}}}.dump(); };
    wire.refusals = {{"400 Bad Request", error("context_length_exceeded", "invalid_request_error"), Errc::Rejected, false},
                     {"401 Unauthorized", error("invalid_api_key", "invalid_request_error"), Errc::Auth, false},
                     {"403 Forbidden", error("unsupported_country_region_territory", "request_forbidden"), Errc::Auth, false},
                     {"404 Not Found", error("model_not_found", "invalid_request_error"), Errc::NotFound, false},
                     {"429 Too Many Requests", error("insufficient_quota", "insufficient_quota"), Errc::Auth, false},
                     {"429 Too Many Requests", error("rate_limit_exceeded", "requests"), Errc::Unreachable, true},
                     {"500 Internal Server Error", error("server_error", "server_error"), Errc::Unreachable, true},
                     {"503 Service Unavailable", "<html>overloaded</html>", Errc::Unreachable, true}};
    return wire;
}

Wire anthropic_wire() {
    Wire wire;
    wire.name = "anthropic";
    wire.text = [](const std::string& text) { return event({{"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "text_delta"}, {"text", text}}}}); };
    const auto start = [](json usage) { return event({{"type", "message_start"}, {"message", {{"id", "msg_1"}, {"role", "assistant"}, {"content", json::array()}, {"usage", std::move(usage)}}}}); };
    wire.begin = start(json::object()) + event({{"type", "content_block_start"}, {"index", 0}, {"content_block", {{"type", "text"}, {"text", ""}}}}) + event({{"type", "ping"}});
    const auto stop = [](const char* reason) {
        return event({{"type", "message_delta"}, {"delta", {{"stop_reason", reason}}}}) + event({{"type", "message_stop"}});
    };
    wire.end = event({{"type", "content_block_stop"}, {"index", 0}}) + stop("end_turn");
    wire.usage = start({{"input_tokens", 4}, {"cache_read_input_tokens", 5}, {"cache_creation_input_tokens", 3}, {"output_tokens", 1}}) +
                 event({{"type", "message_delta"}, {"delta", json::object()}, {"usage", {{"output_tokens", 3}}}});
    wire.half = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"wo";
    wire.error = event({{"type", "error"}, {"error", {{"type", "overloaded_error"}, {"message", "Overloaded"}}}});
    wire.calls = [stop](const std::vector<ToolCall>& calls) {
        std::string out;
        for (std::size_t i = 0; i < calls.size(); ++i) {
            out += event({{"type", "content_block_start"}, {"index", i + 1}, {"content_block", {{"type", "tool_use"}, {"id", calls[i].id}, {"name", calls[i].name}, {"input", json::object()}}}});
            for (const auto& part : cut_up(calls[i].arguments))
                out += event({{"type", "content_block_delta"}, {"index", i + 1}, {"delta", {{"type", "input_json_delta"}, {"partial_json", part}}}});
            out += event({{"type", "content_block_stop"}, {"index", i + 1}});
        }
        return out + stop("tool_use");
    };
    const auto error = [](const std::string& type) { return json{{"type", "error"}, {"error", {{"type", type}, {"message", "says " + type}}}}.dump(); };
    wire.refusals = {{"400 Bad Request", error("invalid_request_error"), Errc::Rejected, false},
                     {"401 Unauthorized", error("authentication_error"), Errc::Auth, false},
                     {"403 Forbidden", error("permission_error"), Errc::Auth, false},
                     {"404 Not Found", error("not_found_error"), Errc::NotFound, false},
                     {"413 Request Too Large", error("request_too_large"), Errc::Rejected, false},
                     {"429 Too Many Requests", error("rate_limit_error"), Errc::Unreachable, true},
                     {"500 Internal Server Error", error("api_error"), Errc::Unreachable, true},
                     {"529 Overloaded", error("overloaded_error"), Errc::Unreachable, true}};
    return wire;
}

const std::vector<Wire>& wires() {
    static const std::vector<Wire> all{openai_wire(), anthropic_wire()};
    return all;
}

std::unique_ptr<LanguageModel> model_at(const Wire& wire, const FakeModelServer& server, json more = json::object()) {
    more.update({{"provider", wire.name}, {"model", "test-model"}, {"base_url", server.url()}});
    return test::must(build_llm(more, test::context()));
}

struct Ear {
    test::LiveLoop loop;
    test::Waiter waiter;
    std::string text, order;
    std::vector<ToolCall> calls;
    std::vector<Usage> usages;
    Error error;
    std::unique_ptr<LlmStream> stream;

    explicit Ear(LanguageModel& model, const Chat& chat = {{{ChatMessage::Role::User, "hello"}}}) {
        LlmSink sink{.on_text = [this](const std::string& piece) {
                         waiter.change([&] {
                             text += piece;
                             if (!order.ends_with('t')) order += 't';
                         });
                     },
                     .on_done = [this](const LlmEnd& end) { waiter.change([&] { order += 'd', calls = end.calls; }); },
                     .on_error = [this](const Error& what) { waiter.change([&] { order += 'e', error = what; }); },
                     .on_usage = [this](const Usage& total) { waiter.change([&] { usages.push_back(total); }); }};
        loop.on_loop([&] { stream = model.generate(loop.get(), chat, std::move(sink)); });
    }
    ~Ear() { stop(); }
    void stop() {
        loop.on_loop([this] { stream.reset(); });
    }
    Ear& finish() {
        REQUIRE(waiter.wait([this] { return order.ends_with('d') || order.ends_with('e'); }));
        return *this;
    }
};

FakeModelServer::Answer always(std::string bytes) {
    return [bytes = std::move(bytes)](const Connection& connection, int) { connection.head("200 OK"), connection.send(bytes); };
}

}  // namespace

TEST_CASE("remote models: a normal, a long and an empty answer") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        FakeModelServer normal(always(wire.begin + wire.text("Hello ") + wire.text("caller.") + wire.usage + wire.end));
        Ear ear(*model_at(wire, normal));
        ear.finish();
        CHECK(ear.order == "td");
        CHECK(ear.text == "Hello caller.");
        std::string many;
        for (int i = 0; i < 20'000; ++i) many += wire.text("word ");
        FakeModelServer lengthy(always(wire.begin + many + wire.end));
        CHECK(Ear(*model_at(wire, lengthy)).finish().text.size() == 100'000);
        FakeModelServer empty(always(wire.begin + wire.end));
        CHECK(Ear(*model_at(wire, empty)).finish().order == "d");
    }
}

TEST_CASE("remote models: usage is told as a total, late, doubled or not at all") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        const auto said = wire.begin + wire.text("Yes.");
        for (const auto& bytes : {said + wire.usage + wire.end, said + wire.usage + wire.usage + wire.end, said + wire.end + wire.usage}) {
            FakeModelServer server(always(bytes));
            Ear ear(*model_at(wire, server));
            ear.finish();
            REQUIRE(ear.waiter.wait([&] { return !ear.usages.empty() && ear.usages.back().output_tokens == 3; }));
            ear.stop();
            CHECK(ear.order == "td");
            CHECK(ear.usages.back().input_tokens == 12);
            CHECK(ear.usages.back().cached_tokens == 5);
            CHECK(ear.usages.back().stored_tokens == (wire.name == "anthropic" ? 3 : 0));
        }
        FakeModelServer none(always(said + wire.end));
        Ear ear(*model_at(wire, none));
        CHECK(ear.finish().order == "td");
        ear.stop();
        CHECK(ear.usages.empty());
    }
}

TEST_CASE("remote models: cancelled in mid-stream, nothing more is told and the server is let go") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        test::Waiter waiter;
        bool hung_up = false;
        FakeModelServer server([&](const Connection& connection, int) {
            connection.head("200 OK");
            connection.send(wire.begin + wire.text("first "));
            connection.wait_for_hang_up();
            waiter.change([&] { hung_up = true; });
        });
        Ear ear(*model_at(wire, server, {{"stall_timeout", 300}}));  // no deadline of ours hangs up
        REQUIRE(ear.waiter.wait([&] { return !ear.text.empty(); }));
        ear.stop();
        CHECK(waiter.wait([&] { return hung_up; }));
        CHECK(ear.order == "t");
    }
}

TEST_CASE("remote models: a slow first word and a stall in mid-answer are timeouts, each by its own deadline") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        FakeModelServer slow([&](const Connection& connection, int) {
            connection.head("200 OK");
            connection.send(wire.begin);
            connection.wait_for_hang_up();
        });
        Ear first(*model_at(wire, slow, {{"first_token_timeout", 0.2}, {"stall_timeout", 300}}));
        CHECK(first.finish().error.code == Errc::Timeout);
        CHECK(first.order == "e");

        FakeModelServer stalling([&](const Connection& connection, int) {
            connection.head("200 OK");
            connection.send(wire.begin + wire.text("half "));
            connection.wait_for_hang_up();
        });
        Ear second(*model_at(wire, stalling, {{"first_token_timeout", 300}, {"stall_timeout", 0.2}}));
        CHECK(second.finish().error.code == Errc::Timeout);
        CHECK(second.order == "te");
        CHECK(stalling.requests() == 1);
    }
}

TEST_CASE("remote models: a server that has nothing to say yet, and says so, does not stall") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        FakeModelServer server([&](const Connection& connection, int) {
            connection.head("200 OK");
            connection.send(wire.begin + wire.text("half "));
            for (int i = 0; i < 8; ++i) {  // in all twice as long as the deadline
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
                connection.send(": ping\n\n");
            }
            connection.send(wire.text("rest.") + wire.end);
        });
        Ear ear(*model_at(wire, server, {{"stall_timeout", 0.4}}));
        CHECK(ear.finish().order.ends_with('d'));
        CHECK(ear.text == "half rest.");
    }
}

TEST_CASE("remote models: a refusal without end is one as soon as it is long enough") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        FakeModelServer server([&](const Connection& connection, int) {
            connection.head("400 Bad Request", "text/html");
            while (connection.send(std::string(10'000, 'x'))) continue;
        });
        Ear ear(*model_at(wire, server));
        CHECK(ear.finish().error.code == Errc::Rejected);
        CHECK(ear.error.message.size() < 1000);
    }
}

TEST_CASE("remote models: a second try has to be in time, too") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        FakeModelServer server([&](const Connection& connection, int number) {
            connection.head("200 OK");
            if (number == 2) connection.wait_for_hang_up();
        });
        Ear ear(*model_at(wire, server, {{"first_token_timeout", 1.5}, {"stall_timeout", 300}}));
        CHECK(ear.finish().error.code == Errc::Timeout);
        CHECK(server.requests() == 2);
    }
}

TEST_CASE("remote models: closed in mid-word is an error once something was said, and tried again before") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        FakeModelServer later(always(wire.begin + wire.text("half ") + wire.half));
        Ear ear(*model_at(wire, later));
        CHECK(ear.finish().error.code == Errc::Protocol);
        CHECK(ear.order == "te");
        CHECK(later.requests() == 1);

        FakeModelServer before([&](const Connection& connection, int number) {
            connection.head("200 OK");
            connection.send(number == 1 ? wire.begin + wire.half.substr(0, 10) : wire.begin + wire.text("whole") + wire.end);
        });
        Ear whole(*model_at(wire, before));
        CHECK(whole.finish().text == "whole");
        CHECK(before.requests() == 2);
    }
}

TEST_CASE("remote models: every documented refusal has its cause, and only those that may pass are tried again") {
    for (const auto& wire : wires()) {
        for (const auto& refusal : wire.refusals) {
            CAPTURE(wire.name);
            CAPTURE(refusal.status);
            CAPTURE(refusal.body);
            FakeModelServer server([&](const Connection& connection, int) {
                connection.head(refusal.status, "application/json", "Retry-After: 0\r\n");
                connection.send(refusal.body);
            });
            Ear ear(*model_at(wire, server));
            ear.finish();
            CHECK(ear.order == "e");
            CHECK(ear.error.code == refusal.code);
            CHECK(ear.error.message.find('\n') == std::string::npos);
            CHECK(ear.error.message.find(refusal.body.starts_with("{") ? "says" : "overloaded") != std::string::npos);
            CHECK(server.requests() == (refusal.again ? 3 : 1));
        }
    }
}

TEST_CASE("remote models: too many requests, with and without a time to wait, and longer than a caller would") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        for (const std::string wait : {"", "Retry-After: 0\r\n", "retry-after-ms: 10\r\n"}) {
            FakeModelServer server([&](const Connection& connection, int number) {
                if (number == 1) return void(connection.head("429 Too Many Requests", "application/json", wait));
                connection.head("200 OK");
                connection.send(wire.begin + wire.text("now") + wire.end);
            });
            CHECK(Ear(*model_at(wire, server)).finish().text == "now");
            CHECK(server.requests() == 2);
        }
        FakeModelServer busy([](const Connection& connection, int) { connection.head("429 Too Many Requests", "application/json", "Retry-After: 60\r\n"); });
        CHECK(Ear(*model_at(wire, busy)).finish().error.code == Errc::Unreachable);
        CHECK(busy.requests() == 1);
    }
}

TEST_CASE("remote models: an error in mid-stream ends what was begun, and what was not is tried again") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        FakeModelServer begun(always(wire.begin + wire.text("So ") + wire.error + wire.text("never said") + wire.end));
        Ear ear(*model_at(wire, begun));
        CHECK(ear.finish().error.code == Errc::Unreachable);
        CHECK(ear.order == "te");
        CHECK(ear.text == "So ");
        FakeModelServer early([&](const Connection& connection, int number) {
            connection.head("200 OK");
            connection.send(number == 1 ? wire.begin + wire.error : wire.begin + wire.text("now") + wire.end);
        });
        CHECK(Ear(*model_at(wire, early)).finish().text == "now");
        CHECK(early.requests() == 2);
    }
}

TEST_CASE("remote models: another type of answer, broken UTF-8 and a line of 10 MB") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        FakeModelServer html([](const Connection& connection, int) {
            connection.head("200 OK", "text/html");
            connection.send("<html>welcome</html>");
        });
        CHECK(Ear(*model_at(wire, html)).finish().error.code == Errc::Protocol);
        CHECK(html.requests() == 1);

        auto broken = wire.text("caf_!");
        broken.replace(broken.find("caf_"), 4, "caf\xFF");
        FakeModelServer bytes(always(wire.begin + broken + wire.end));
        CHECK(Ear(*model_at(wire, bytes)).finish().text == "caf\xEF\xBF\xBD!");

        FakeModelServer endless([](const Connection& connection, int) {
            connection.head("200 OK");
            const std::string block(1024 * 1024, 'x');
            connection.send("data: ");
            for (int i = 0; i < 10 && connection.send(block); ++i) continue;
        });
        Ear ear(*model_at(wire, endless));
        CHECK(ear.finish().error.code == Errc::Protocol);
        CHECK(endless.requests() == 1);
    }
}

TEST_CASE("remote models: events that are no JSON, or JSON of another kind, are errors or left out, never more") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        for (const std::string data : {"hello", "[1]", "{\"type\":", "null", "7"}) {
            FakeModelServer server(always("data: " + data + "\n\n" + wire.end));
            CHECK(Ear(*model_at(wire, server)).finish().error.code == Errc::Protocol);
        }
        for (const std::string odd :
             {R"({"choices":[{"delta":{"tool_calls":[7,{"index":-3},{"function":[]},{"index":1e30}]}}]})", R"({"type":"content_block_start","index":"x","content_block":7})",
              R"({"type":"message_delta","delta":null,"usage":{"output_tokens":"many"}})", R"({"type":["x"],"choices":{"a":1}})"}) {
            FakeModelServer server(always("data: " + odd + "\n\n" + wire.text("fine") + wire.end));
            Ear ear(*model_at(wire, server));
            CHECK(ear.finish().text == "fine");
            CHECK(ear.calls.empty());
        }
    }
}

TEST_CASE("remote models: tools are asked for in one or several calls, with words before or alone") {
    const std::vector<ToolCall> one{{"id_1", "get_weather", R"({"city":"Bad Honnef"})"}};
    const std::vector<ToolCall> two{{"id_1", "get_weather", R"({"city":"Bonn","days":[1,2]})"}, {"id_2", "now", "{}"}};
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        for (const auto& calls : {one, two}) {
            FakeModelServer server(always(wire.begin + wire.text("Let me look. ") + wire.calls(calls)));
            Ear ear(*model_at(wire, server));
            ear.finish();
            CHECK(ear.order == "td");
            CHECK(ear.calls == calls);
        }
        FakeModelServer alone(always(wire.begin + wire.calls(one)));
        Ear ear(*model_at(wire, alone));
        CHECK(ear.finish().order == "d");
        CHECK(ear.calls == one);
    }
}

TEST_CASE("remote models: endless calls and endless arguments are refused") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        std::vector<ToolCall> many;
        for (int i = 0; i < 65; ++i) many.push_back({"id_" + std::to_string(i), "f", "{}"});
        FakeModelServer calls(always(wire.begin + wire.calls(many)));
        CHECK(Ear(*model_at(wire, calls)).finish().error.code == Errc::Protocol);
        many.pop_back();
        FakeModelServer enough(always(wire.begin + wire.calls(many)));
        CHECK(Ear(*model_at(wire, enough)).finish().calls.size() == 64);
        FakeModelServer arguments(always(wire.begin + wire.calls({{"id", "f", std::string(300 * 1024, ' ')}})));
        CHECK(Ear(*model_at(wire, arguments)).finish().error.code == Errc::Protocol);
    }
}

TEST_CASE("remote models: the end of an answer that is told but not sent is its end") {
    for (const auto& wire : wires()) {
        CAPTURE(wire.name);
        auto end = wire.end;
        end.resize(end.rfind(wire.name == "openai" ? "data: [DONE]" : "event: message_stop"));
        FakeModelServer closes(always(wire.begin + wire.text("Yes.") + end));
        CHECK(Ear(*model_at(wire, closes)).finish().order == "td");
        FakeModelServer stalls([&](const Connection& connection, int) {
            connection.head("200 OK");
            connection.send(wire.begin + wire.text("Yes.") + end);
            connection.wait_for_hang_up();
        });
        CHECK(Ear(*model_at(wire, stalls, {{"stall_timeout", 0.2}})).finish().order == "td");
    }
}

TEST_CASE("remote models: the conversation, tools and what they gave are sent in each one's own form") {
    std::string seen;
    const auto body_of = [&](const Wire& wire, const Chat& chat) {
        FakeModelServer server([&](const Connection& connection, int) {
            seen = connection.request();
            connection.head("200 OK");
            connection.send(wire.begin + wire.end);
        });
        Ear(*model_at(wire, server)).finish();
        Ear(*model_at(wire, server), chat).finish();
        return json::parse(seen.substr(seen.find("\r\n\r\n") + 4));
    };
    using Role = ChatMessage::Role;
    Chat chat;
    chat.messages = {{Role::System, "be kind"},
                     {Role::Assistant, "Hello."},
                     {Role::User, "weather?"},
                     {Role::Assistant, "", {{"id_1", "get_weather", R"({"city":"Bonn"})"}}},
                     {Role::Tool, "rain", {}, "id_1"},
                     {Role::Assistant, "It rains."},
                     {Role::User, "and \xFF then?"}};
    chat.tools = {{"get_weather", "the weather", R"({"type":"object","properties":{"city":{"type":"string"}}})"}};

    auto body = body_of(wires()[0], chat);
    CHECK(seen.starts_with("POST /v1/chat/completions "));
    CHECK(body["messages"][3]["content"] == nullptr);
    CHECK(body["messages"][3]["tool_calls"][0] == json{{"id", "id_1"}, {"type", "function"}, {"function", {{"name", "get_weather"}, {"arguments", R"({"city":"Bonn"})"}}}});
    CHECK(body["messages"][4] == json{{"role", "tool"}, {"tool_call_id", "id_1"}, {"content", "rain"}});
    CHECK(body["tools"][0]["function"]["parameters"]["properties"]["city"]["type"] == "string");
    CHECK(!body.contains("tool_choice"));

    body = body_of(wires()[1], chat);
    CHECK(seen.starts_with("POST /v1/v1/messages "));  // the test server's base ends in /v1
    CHECK(seen.find("anthropic-version: 2023-06-01\r\n") != std::string::npos);
    CHECK(body["max_tokens"] == 1024);
    CHECK(body["system"] == json::array({{{"type", "text"}, {"text", "be kind"}, {"cache_control", {{"type", "ephemeral"}}}}}));
    const auto& messages = body["messages"];
    REQUIRE(messages.size() == 7);
    CHECK(messages[0]["role"] == "user");  // it has to begin
    CHECK(messages[3]["content"][0] == json{{"type", "tool_use"}, {"id", "id_1"}, {"name", "get_weather"}, {"input", {{"city", "Bonn"}}}});
    CHECK(messages[4] == json{{"role", "user"}, {"content", {{{"type", "tool_result"}, {"tool_use_id", "id_1"}, {"content", "rain"}}}}});
    CHECK(messages[6]["content"][0]["text"] == "and \xEF\xBF\xBD then?");
    CHECK(body["tools"][0]["input_schema"]["type"] == "object");

    chat.may_call = false;
    CHECK(body_of(wires()[0], chat)["tool_choice"] == "none");
    CHECK(body_of(wires()[1], chat)["tool_choice"]["type"] == "none");
}

TEST_CASE("remote models: headers of the configuration win, and the version can be another") {
    std::string seen;
    FakeModelServer server([&](const Connection& connection, int) {
        seen = connection.request();
        connection.head("200 OK");
        connection.send(wires()[1].begin + wires()[1].end);
    });
    Ear(*model_at(wires()[1], server, {{"version", "2026-10-21"}, {"headers", {{"X-Team", "voice"}, {"Accept", "text/event-stream, x/y"}}}})).finish();
    CHECK(seen.find("anthropic-version: 2026-10-21\r\n") != std::string::npos);
    CHECK(seen.find("X-Team: voice\r\n") != std::string::npos);
    CHECK(seen.find("Accept: text/event-stream, x/y\r\n") != std::string::npos);
    CHECK(seen.find("Accept: text/event-stream\r\n") == std::string::npos);
}

TEST_CASE("openai: tool calls as other servers write them") {
    const auto& wire = wires()[0];
    const auto calls_in = [&](const std::vector<json>& chunks) {
        std::string bytes;
        for (const auto& calls : chunks) bytes += sse({{"choices", {{{"delta", {{"tool_calls", calls}}}}}}});
        FakeModelServer server(always(bytes + wire.end));
        return Ear(*model_at(wire, server)).finish().calls;
    };
    const auto call = [](json index, json id, json name, json arguments) {
        json out{{"function", json::object()}};
        if (!index.is_null()) out["index"] = index;
        if (!id.is_null()) out["id"] = id;
        if (!name.is_null()) out["function"]["name"] = name;
        if (!arguments.is_null()) out["function"]["arguments"] = arguments;
        return out;
    };
    // Ollama: several in one chunk, all with index 0; arguments as an object.
    auto calls = calls_in({json::array({call(0, "a", "f", json{{"x", 1}}), call(0, "b", "g", "{}")})});
    REQUIRE(calls.size() == 2);
    CHECK(calls[0] == ToolCall{"a", "f", R"({"x":1})"});
    CHECK(calls[1] == ToolCall{"b", "g", "{}"});
    // No ids at all, no arguments.
    calls = calls_in({json::array({call(0, nullptr, "f", nullptr)}), json::array({call(1, "", "f", "")})});
    REQUIRE(calls.size() == 2);
    CHECK(!calls[0].id.empty());
    CHECK(calls[0].id != calls[1].id);
    CHECK(calls[1].arguments == "{}");
    // No index: pieces belong to the last one. Id and name with each piece.
    calls = calls_in({json::array({call(nullptr, "a", "f", "{\"x\"")}), json::array({call(nullptr, nullptr, nullptr, ":1}")}), json::array({call(nullptr, "b", "g", "{}")})});
    REQUIRE(calls.size() == 2);
    CHECK(calls[0].arguments == "{\"x\":1}");
    calls = calls_in({json::array({call(0, "a", "f", "{\"x\"")}), json::array({call(0, "a", "f", ":1}")})});
    REQUIRE(calls.size() == 1);
    CHECK(calls[0] == ToolCall{"a", "f", "{\"x\":1}"});
    // The same call twice, under two indices; and one without a name.
    calls = calls_in({json::array({call(0, "a", "f", "{}"), call(1, "a", "f", "{}"), call(2, "c", nullptr, "{}")})});
    CHECK(calls == std::vector<ToolCall>{{"a", "f", "{}"}});
}

TEST_CASE("anthropic: a refusal is an end, thoughts are not said, and a server that does not stream is understood") {
    const auto& wire = wires()[1];
    FakeModelServer refusing(always(wire.begin + event({{"type", "message_delta"}, {"delta", {{"stop_reason", "refusal"}}}}) + event({{"type", "message_stop"}})));
    CHECK(Ear(*model_at(wire, refusing)).finish().order == "d");
    FakeModelServer thinking(always(event({{"type", "content_block_start"}, {"index", 0}, {"content_block", {{"type", "thinking"}, {"thinking", ""}}}}) +
                                    event({{"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "thinking_delta"}, {"thinking", "secret"}}}}) + wire.text("Yes.") + wire.end));
    CHECK(Ear(*model_at(wire, thinking)).finish().text == "Yes.");
    FakeModelServer whole([](const Connection& connection, int) {
        connection.head("200 OK", "application/json");
        connection.send(R"({"type":"message","content":[{"type":"text","text":"At once."},{"type":"tool_use","id":"t1","name":"f","input":{"x":1}}],"usage":{"input_tokens":7,"output_tokens":2}})");
    });
    Ear ear(*model_at(wire, whole));
    CHECK(ear.finish().text == "At once.");
    CHECK(ear.calls == std::vector<ToolCall>{{"t1", "f", R"({"x":1})"}});
    CHECK(ear.usages.back().input_tokens == 7);
}

TEST_CASE("a script calls a tool, and says what it gave") {
    const auto model = test::must(build_llm({{"provider", "script"},
                                             {"rules", {{{"match", "weather in (\\w+)"}, {"answer", "One moment."}, {"call", {{"name", "get_weather"}, {"arguments", {{"city", "{1}"}}}}}, {"then", "In {1}: {result}."}}}}},
                                            test::context()));
    Chat chat{{{ChatMessage::Role::User, "the weather in Bonn please"}}, {{"get_weather", "", "{}"}}};
    Ear ear(*model, chat);
    CHECK(ear.finish().text == "One moment.");
    REQUIRE(ear.calls.size() == 1);
    CHECK(ear.calls[0].name == "get_weather");
    CHECK(ear.calls[0].arguments == R"({"city":"Bonn"})");
    chat.messages.push_back({ChatMessage::Role::Assistant, "", ear.calls});
    chat.messages.push_back({ChatMessage::Role::Tool, "rain", {}, ear.calls[0].id});
    Ear after(*model, chat);
    CHECK(after.finish().text == "In Bonn: rain.");
    CHECK(after.calls.empty());
    const auto fault = build_llm({{"provider", "script"}, {"rules", {{{"match", "a"}, {"call", {{"nmae", "f"}}}}}}}, test::context());
    REQUIRE(!fault);
    CHECK(fault.error().key == "rules[0].call.nmae");
}
