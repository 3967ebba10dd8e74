// The same cases for every language model, then what is each one's own. The openai provider meets a server
// that sends what the test says.
#include "engines.h"
#include "fake_model_server.h"
#include "voicectl/base/redact.h"

using namespace voicectl;
using namespace voicectl::speech;
using test::FakeModelServer;
using Connection = FakeModelServer::Connection;

namespace {

std::string chunk(const std::string& text) {
    return "data: " + nlohmann::json{{"choices", {{{"index", 0}, {"delta", {{"content", text}}}, {"finish_reason", nullptr}}}}}.dump() + "\n\n";
}
const std::string kStop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const std::string kUsage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3}}\n\n";
const std::string kDone = "data: [DONE]\n\n";

struct Listener {
    test::LiveLoop loop;
    test::Waiter waiter;
    std::string text, order;  // t: text, d: done, e: error
    Usage usage;
    LlmEnd end;
    int usages = 0;
    Error error;
    std::unique_ptr<LlmStream> stream;

    LlmSink sink() {
        return {.on_text = [this](const std::string& piece) {
                    waiter.change([&] {
                        text += piece;
                        if (!order.ends_with('t')) order += 't';
                    });
                },
                .on_done = [this](const LlmEnd& told) { waiter.change([&] { order += 'd', end = told; }); },
                .on_error = [this](const Error& what) { waiter.change([&] { order += 'e', error = what; }); },
                .on_usage = [this](const Usage& told) { waiter.change([&] { ++usages, usage = told; }); }};
    }
    explicit Listener(LanguageModel& model, const std::string& said = "hello", std::vector<ChatMessage> before = {}) {
        before.push_back({ChatMessage::Role::User, said});
        loop.on_loop([&] { stream = model.generate(loop.get(), {std::move(before)}, sink()); });
    }
    Listener(LanguageModel& model, const Chat& chat) {
        loop.on_loop([&] { stream = model.generate(loop.get(), chat, sink()); });
    }
    /// Nothing more is told: what it has may be read.
    void stop() {
        loop.on_loop([this] { stream.reset(); });
    }
    ~Listener() { stop(); }
    Listener& finish() {
        REQUIRE(waiter.wait([this] { return order.ends_with('d') || order.ends_with('e'); }));
        return *this;
    }
};

std::unique_ptr<LanguageModel> openai(const FakeModelServer& server, nlohmann::json more = nlohmann::json::object()) {
    more["provider"] = "openai";
    more["model"] = "test-model";
    more["base_url"] = server.url();
    return test::must(build_llm(more, test::context()));
}

std::unique_ptr<LanguageModel> script(nlohmann::json options) {
    options["provider"] = "script";
    return test::must(build_llm(options, test::context()));
}

/// Answers every request alike.
FakeModelServer::Answer stream_of(std::string bytes) {
    return [bytes = std::move(bytes)](const Connection& connection, int) { connection.head("200 OK"), connection.send(bytes); };
}

OptionFault fault_in(nlohmann::json options) {
    auto built = build_llm(options, test::context());
    REQUIRE(!built);
    return built.error();
}

}  // namespace

TEST_CASE("every model gives its text in pieces, then done, and nothing after it is dropped") {
    FakeModelServer server(stream_of(chunk("Hello ") + chunk("dear ") + chunk("caller.") + kStop + kDone));
    for (const std::string name : {"script", "openai"}) {
        CAPTURE(name);
        const auto engine = name == "script" ? script({{"default", "Hello dear caller."}}) : openai(server);
        Listener listener(*engine);
        listener.finish();
        CHECK(listener.order == "td");
        CHECK(listener.text == "Hello dear caller.");

        test::LiveLoop loop;
        bool called = false;
        loop.on_loop([&] {
            engine->generate(loop.get(), {}, {.on_text = [&](const std::string&) { called = true; },
                                              .on_done = [&](const LlmEnd&) { called = true; },
                                              .on_error = [&](const Error&) { called = true; }});
        });
        Listener(*engine).finish();
        loop.on_loop([&] { CHECK(!called); });
    }
}

TEST_CASE("a stream may be dropped from its own callback") {
    FakeModelServer server(stream_of(chunk("One ") + chunk("two ") + chunk("three.") + kStop + kDone));
    for (const std::string name : {"script", "openai"}) {
        CAPTURE(name);
        const auto engine = name == "script" ? script({{"default", "One two three."}}) : openai(server);
        test::LiveLoop loop;
        test::Waiter waiter;
        int calls = 0;
        std::unique_ptr<LlmStream> stream;
        loop.on_loop([&] {
            stream = engine->generate(loop.get(), {}, {.on_text = [&](const std::string&) { stream.reset(), waiter.change([&] { ++calls; }); },
                                                       .on_done = [&](const LlmEnd&) { waiter.change([&] { calls += 100; }); },
                                                       .on_error = [&](const Error&) { waiter.change([&] { calls += 100; }); }});
        });
        REQUIRE(waiter.wait([&] { return calls > 0; }));
        Listener(*engine).finish();
        loop.on_loop([&] { CHECK(calls == 1); });
    }
}

// ---- script ----

TEST_CASE("the first rule that fits the last words of the caller answers") {
    const auto model = script({{"rules",
                                {{{"match", "opening|hours"}, {"answer", "We are open from nine to five."}},
                                 {{"match", "table for (\\w+)"}, {"answer", "A table for {1}, {not a group} {0}."}},
                                 {{"match", "open"}, {"answer", "never reached by opening"}},
                                 {{"match", "\\b(bye|goodbye)\\b"}, {"answer", "Goodbye."}, {"end_call", true}}}},
                               {"default", "Pardon?"}});
    CHECK(Listener(*model, "What are your OPENING times").finish().text == "We are open from nine to five.");
    CHECK(Listener(*model, "a table for four please").finish().text == "A table for four, {not a group} table for four.");
    CHECK(Listener(*model, "something else").finish().text == "Pardon?");
    CHECK(Listener(*model, "").finish().text == "Pardon?");
    CHECK(Listener(*model, "something", {{ChatMessage::Role::User, "opening hours"}}).finish().text == "Pardon?");
    Listener bye(*model, "thank you, bye");
    CHECK(bye.finish().end.end_call);
    CHECK(!Listener(*model, "opening").finish().end.end_call);
    CHECK(bye.usage.output_tokens == 1);
}

TEST_CASE("patterns that ruin other engines and endless input are answered at once") {
    const auto model = script({{"rules", {{{"match", "(a+)+$"}, {"answer", "yes"}}, {{"match", "(.*)*x"}, {"answer", "no"}}}}, {"default", "late"}});
    CHECK(Listener(*model, std::string(10'000'000, 'a') + "!").finish().order == "td");
    CHECK(Listener(*model, std::string(500, 'b') + "!").finish().text == "late");
    CHECK(Listener(*model, "\xFF\xFE broken \xC3").finish().text == "late");
}

TEST_CASE("a script's delay passes before the first word, and an empty answer is only done") {
    const auto model = script({{"default", "later"}, {"delay_ms", 50}});
    const auto begin = Clock::now();
    CHECK(Listener(*model).finish().text == "later");
    CHECK(Clock::now() - begin >= std::chrono::milliseconds(50));
    CHECK(Listener(*script({{"default", ""}})).finish().order == "d");
}

TEST_CASE("wrong rules are found when they are built, with the place named") {
    const auto key = [](nlohmann::json options) {
        options["provider"] = "script";
        return fault_in(options).key;
    };
    CHECK(key({{"rules", {{{"match", "a"}, {"answer", "b"}}, {{"match", "("}, {"answer", "b"}}}}}) == "rules[1].match");
    CHECK(key({{"rules", {{{"answer", "b"}}}}}) == "rules[0].match");
    CHECK(key({{"rules", {{{"match", "a"}}}}}) == "rules[0].answer");
    CHECK(key({{"rules", {{{"match", "(a)"}, {"answer", "{2}"}}}}}) == "rules[0].answer");
    CHECK(key({{"rules", {{{"match", "a"}, {"answer", "b"}, {"end", true}}}}}) == "rules[0].end");
    CHECK(key({{"rules", {"a"}}}) == "rules[0]");
    CHECK(key({{"rules", "a"}}) == "rules");
    CHECK(key({{"defualt", "a"}}) == "defualt");
    CHECK(key({{"delay_ms", -1}}) == "delay_ms");
}

TEST_CASE("an unknown or missing provider is a fault that lists the known ones") {
    const auto unknown = fault_in({{"provider", "gpt"}});
    CHECK(unknown.key == "provider");
    CHECK(unknown.hint.find("openai") != std::string::npos);
    CHECK(fault_in(nlohmann::json::object()).key == "provider");
    CHECK(fault_in({{"provider", 3}}).key == "provider");
    CHECK(fault_in("script").key.empty());
}

// ---- openai ----

TEST_CASE("the request holds the conversation, the model and the settings") {
    std::string seen;
    FakeModelServer server([&](const Connection& connection, int) {
        seen = connection.request();
        connection.head("200 OK");
        connection.send(chunk("ok") + kStop + kDone);
    });
    const auto model = openai(server, {{"temperature", 0.5}, {"max_tokens", 99}});
    Listener(*model, "quote \" and \xF0\x9F\x98\x80", {{ChatMessage::Role::System, "be kind"}, {ChatMessage::Role::Assistant, "hi"}}).finish();
    CHECK(seen.starts_with("POST /v1/chat/completions "));
    const auto body = nlohmann::json::parse(seen.substr(seen.find("\r\n\r\n") + 4));
    CHECK(body["model"] == "test-model");
    CHECK(body["stream"] == true);
    CHECK(body["stream_options"]["include_usage"] == true);
    CHECK(body["temperature"] == 0.5);
    CHECK(body["max_tokens"] == 99);
    CHECK(body["messages"].size() == 3);
    CHECK(body["messages"][0] == nlohmann::json{{"role", "system"}, {"content", "be kind"}});
    CHECK(body["messages"][2]["content"] == "quote \" and \xF0\x9F\x98\x80");
    CHECK(seen.find("Authorization") == std::string::npos);
}

TEST_CASE("usage, comments, null deltas, role chunks, CRLF and a missing last blank line are understood") {
    std::string bytes = ": keep-alive\n\nevent: x\ndata: {\"choices\":[{\"delta\":null}]}\n\n"
                        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\r\n\r\n" +
                        chunk("One ") + "data:{\"choices\":[{\"delta\":{\"content\":\"two\"}}]}\r\rdata: {\"choices\":\ndata: []}\n\n" + kStop + kUsage + "data: [DONE]";
    FakeModelServer server(stream_of(bytes));
    Listener listener(*openai(server));
    listener.finish();
    CHECK(listener.order == "td");
    CHECK(listener.text == "One two");
    REQUIRE(listener.waiter.wait([&] { return listener.usages > 0; }));
    listener.stop();
    CHECK(listener.usage.input_tokens == 12);
    CHECK(listener.usage.output_tokens == 3);
}

TEST_CASE("what an answer took is told as a total: after the end and twice it is the same figure") {
    const std::string cached = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":812,\"completion_tokens\":31,\"prompt_tokens_details\":{\"cached_tokens\":768}}}\n\n";
    for (const auto& bytes : {chunk("Yes.") + kStop + cached + kDone, chunk("Yes.") + kStop + kDone + cached, chunk("Yes.") + cached + kStop + cached + kDone + cached}) {
        FakeModelServer server(stream_of(bytes));
        Listener listener(*openai(server));
        listener.finish();
        REQUIRE(listener.waiter.wait([&] { return listener.usages > 0; }));
        listener.stop();
        CHECK(listener.text == "Yes.");
        CHECK(listener.usage.input_tokens == 812);
        CHECK(listener.usage.cached_tokens == 768);
        CHECK(listener.usage.output_tokens == 31);
    }
}

TEST_CASE("a stream may be dropped as it ends, with its usage on the way") {
    FakeModelServer server(stream_of(chunk("Yes.") + kStop + kDone + kUsage));
    const auto engine = openai(server);
    test::LiveLoop loop;
    test::Waiter waiter;
    bool ended = false;
    std::unique_ptr<LlmStream> stream;
    loop.on_loop([&] {
        stream = engine->generate(loop.get(), {}, {.on_text = [](const std::string&) {},
                                                   .on_done = [&](const LlmEnd&) { stream.reset(), waiter.change([&] { ended = true; }); },
                                                   .on_error = [](const Error&) {}});
    });
    REQUIRE(waiter.wait([&] { return ended; }));
    loop.on_loop([&] { CHECK(!stream); });
}

TEST_CASE("bytes may be cut anywhere, and broken UTF-8 is replaced") {
    const std::string bytes = "data: {\"choices\":[{\"delta\":{\"content\":\"caf\xC3\xA9 \xFF!\"}}]}\r\n\r\n" + kStop + kDone;
    FakeModelServer server([&](const Connection& connection, int) {
        connection.head("200 OK");
        for (const char byte : bytes) connection.send({&byte, 1});
    });
    CHECK(Listener(*openai(server)).finish().text == "caf\xC3\xA9 \xEF\xBF\xBD!");
}

TEST_CASE("thoughts at the start are not said, later angle brackets are") {
    for (const auto& [sent, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"<thi", "nk>secret", " plan</thi", "nk>\n\nHello", " <b>"}, "Hello <b>"},
             {{"<", "b>Hello"}, "<b>Hello"},
             {{"  Hi <think>x</think>"}, "  Hi <think>x</think>"},
             {{"<think>", "never closed"}, ""},
             {{"<thin"}, "<thin"}}) {
        std::string bytes;
        for (const auto& piece : sent) bytes += chunk(piece);
        FakeModelServer server(stream_of(bytes + kStop + kDone));
        CHECK(Listener(*openai(server)).finish().text == said);
    }
}

TEST_CASE("a server that does not stream is understood") {
    FakeModelServer server([](const Connection& connection, int) {
        connection.head("200 OK", "application/json");
        connection.send("{\"choices\":[{\"message\":{\"content\":\"All at once.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}");
    });
    Listener listener(*openai(server));
    CHECK(listener.finish().text == "All at once.");
    CHECK(listener.usage.output_tokens == 2);
}

TEST_CASE("refusals tell their cause and are not tried again") {
    const auto refused = [](const std::string& status, const std::string& body) {
        FakeModelServer server([&](const Connection& connection, int) {
            connection.head(status, "application/json");
            connection.send(body);
        });
        const auto model = openai(server);
        Listener listener(*model);
        listener.finish();
        CHECK(listener.order == "e");
        CHECK(server.requests() == 1);
        CHECK(listener.error.message.find('\n') == std::string::npos);
        return listener.error;
    };
    const auto auth = refused("401 Unauthorized", R"({"error":{"message":"Incorrect API key","code":"invalid_api_key"}})");
    CHECK(auth.code == Errc::Auth);
    CHECK(auth.message.find("Incorrect API key") != std::string::npos);
    CHECK(!auth.hint.empty());
    CHECK(refused("404 Not Found", "<html>\nnothing here</html>").code == Errc::NotFound);
    CHECK(refused("400 Bad Request", R"({"error":"too long"})").code == Errc::Rejected);
    CHECK(refused("429 Too Many Requests", R"({"error":{"message":"pay","code":"insufficient_quota"}})").code == Errc::Auth);
    CHECK(refused("200 OK", "{\"choices\":").code == Errc::Protocol);
}

TEST_CASE("a busy or broken server is tried twice more, but only before the first word") {
    FakeModelServer recovering([](const Connection& connection, int number) {
        if (number < 3) return void(connection.head(number == 1 ? "503 Busy" : "429 Too Many Requests", "application/json", "Retry-After: 0\r\n"));
        connection.head("200 OK");
        connection.send(chunk("third time") + kStop + kDone);
    });
    CHECK(Listener(*openai(recovering)).finish().text == "third time");
    CHECK(recovering.requests() == 3);

    FakeModelServer broken([](const Connection& connection, int) { connection.head("500 Oops", "text/plain", "Retry-After: 0\r\n"); });
    Listener listener(*openai(broken));
    CHECK(listener.finish().error.code == Errc::Unreachable);
    CHECK(broken.requests() == 3);

    FakeModelServer slow([](const Connection& connection, int) { connection.head("503 Busy", "text/plain", "Retry-After: 600\r\n"); });
    Listener told(*openai(slow));
    CHECK(told.finish().error.code == Errc::Unreachable);
    CHECK(told.error.wait == std::chrono::minutes(10));
    CHECK(slow.requests() == 1);  // told to wait longer than a caller would

    FakeModelServer cut([](const Connection& connection, int) { connection.head("200 OK"), connection.send(chunk("Half a ")); });
    Listener half(*openai(cut));
    half.finish();
    CHECK(half.order == "te");
    CHECK(half.error.code == Errc::Protocol);
    CHECK(cut.requests() == 1);
}

TEST_CASE("an error inside the stream ends it") {
    FakeModelServer server(stream_of(chunk("So ") + "data: {\"error\":{\"message\":\"overloaded\"}}\n\n" + chunk("never said") + kDone));
    Listener listener(*openai(server));
    listener.finish();
    CHECK(listener.order == "te");
    CHECK(listener.text == "So ");
    CHECK(listener.error.message.find("overloaded") != std::string::npos);
}

TEST_CASE("no first word in time is an error, and the server is let go") {
    FakeModelServer server([](const Connection& connection, int) {
        connection.head("200 OK");
        connection.send(": thinking\n\n");
        connection.wait_for_hang_up();
    });
    Listener listener(*openai(server, {{"first_token_timeout", 0.2}}));
    CHECK(listener.finish().error.code == Errc::Timeout);
}

TEST_CASE("dropping the stream hangs up on the server") {
    test::Waiter waiter;
    bool hung_up = false;
    FakeModelServer server([&](const Connection& connection, int) {
        connection.head("200 OK");
        connection.send(chunk("first "));
        connection.wait_for_hang_up();
        waiter.change([&] { hung_up = true; });
    });
    Listener listener(*openai(server));
    REQUIRE(listener.waiter.wait([&] { return !listener.text.empty(); }));
    listener.loop.on_loop([&] { listener.stream.reset(); });
    CHECK(waiter.wait([&] { return hung_up; }));
    CHECK(listener.order == "t");
}

TEST_CASE("an endless line and an answer that is no JSON are protocol errors") {
    FakeModelServer endless([](const Connection& connection, int) {
        connection.head("200 OK");
        const std::string block(64 * 1024, 'x');
        for (int i = 0; i < 40 && connection.send(block); ++i) continue;
    });
    CHECK(Listener(*openai(endless)).finish().error.code == Errc::Protocol);
    for (const std::string data : {"hello", "[1]", "{\"choices\":", "\"text\"", "null"}) {
        FakeModelServer server(stream_of("data: " + data + "\n\n" + kDone));
        CHECK(Listener(*openai(server)).finish().error.code == Errc::Protocol);
    }
    for (const std::string odd : {R"({"choices":{}})", R"({"choices":[7]})", R"({"choices":[{"delta":{"content":7}}],"usage":{"prompt_tokens":"x","completion_tokens":1e99}})"}) {
        FakeModelServer server(stream_of("data: " + odd + "\n\n" + kStop + kDone));
        CHECK(Listener(*openai(server)).finish().order == "d");
    }
}

TEST_CASE("nobody listening is unreachable") {
    const auto model = test::must(build_llm({{"provider", "openai"}, {"model", "m"}, {"base_url", "http://127.0.0.1:1"}, {"first_token_timeout", 10}}, test::context()));
    CHECK(Listener(*model).finish().error.code == Errc::Unreachable);
}

TEST_CASE("the key is sent, kept out of errors, and missing only where none is needed") {
    std::string seen;
    FakeModelServer server([&](const Connection& connection, int) {
        seen = connection.request();
        connection.head("401 Unauthorized", "application/json");
        connection.send(R"({"error":{"message":"bad key sk-very-secret-key"}})");
    });
    auto context = test::context();
    context.environment = [](const std::string& name) {
        return name == "MY_KEY" ? std::optional<std::string>("sk-very-secret-key") : std::nullopt;
    };
    const nlohmann::json options{{"provider", "openai"}, {"model", "m"}, {"base_url", server.url()}, {"api_key_env", "MY_KEY"}};
    const auto model = test::must(build_llm(options, context));
    Listener listener(*model);
    CHECK(redact(listener.finish().error.message).find("secret") == std::string::npos);
    CHECK(listener.error.hint.find("MY_KEY") != std::string::npos);
    CHECK(seen.find("Authorization: Bearer sk-very-secret-key\r\n") != std::string::npos);

    CHECK(fault_in({{"provider", "openai"}, {"model", "m"}}).key == "api_key_env");
    CHECK(fault_in({{"provider", "openai"}, {"model", "m"}, {"base_url", "https://example.com/v1"}}).key == "api_key_env");
    CHECK(fault_in({{"provider", "openai"}, {"base_url", "http://localhost:1/v1"}}).key == "model");
    CHECK(fault_in({{"provider", "openai"}, {"model", "m"}, {"base_url", "localhost"}}).key == "base_url");
    CHECK(fault_in({{"provider", "openai"}, {"model", "m"}, {"base_url", "ws://localhost/v1"}}).key == "base_url");
    CHECK(fault_in({{"provider", "openai"}, {"model", "m"}, {"base_url", "http://localhost/v1"}, {"temperature", 3}}).key == "temperature");
    CHECK(fault_in({{"provider", "openai"}, {"model", "m"}, {"api_key", "sk-in-the-file"}}).key == "api_key");
}
