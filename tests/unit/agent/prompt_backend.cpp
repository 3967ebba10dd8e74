#include "voicectl/agent/prompt_backend.h"

#include <doctest/doctest.h>

#include "support/live_loop.h"
#include "voicectl/net/http_server.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

/// A backend that answers what the test has written down, and a client of it.
struct Backend {
    explicit Backend(std::vector<net::ServedResponse> given, std::chrono::milliseconds timeout = 5s) : answers(std::move(given)) {
        server = loop.on_loop([&] {
            return std::move(*net::HttpServer::listen(loop.get(), {}, [this](const net::ServedRequest& request, const net::HttpServer::Respond& respond) {
                const auto which = seen.size();
                seen.push_back(request);
                if (which < answers.size()) respond(answers[which]);
                else kept.push_back(respond);  // for ever
            }));
        });
        config.prompt_from = {"backend"};
        config.backend.url = fmt::format("http://127.0.0.1:{}/", server->port());
        config.backend.timeout = timeout;
        auto built = PromptBackend::build(config, {workers, http, [](const std::string&) { return "the-service-key"; }, "."});
        REQUIRE(built);
        backend = std::move(*built);
    }
    ~Backend() {
        loop.on_loop([&] {
            fetch.reset();
            server.reset();
            kept.clear();  // their connections are the loop's
        });
    }
    Result<FetchedPrompt> ask(const std::string& scenario) {
        std::optional<Result<FetchedPrompt>> out;
        loop.on_loop([&] {
            fetch = backend->fetch(loop.get(), scenario, [&](Result<FetchedPrompt> prompt) {
                fetch.reset();
                waiter.change([&] { out = std::move(prompt); });
            });
        });
        REQUIRE(waiter.wait([&] { return out.has_value(); }));
        return *out;
    }

    Workers workers{1, "test"};
    net::HttpClient http;
    AgentConfig config;
    std::vector<net::ServedResponse> answers;
    std::vector<net::ServedRequest> seen;
    std::vector<net::HttpServer::Respond> kept;
    test::Waiter waiter;
    test::LiveLoop loop;
    std::unique_ptr<net::HttpServer> server;
    std::unique_ptr<PromptBackend> backend;
    std::unique_ptr<PromptFetch> fetch;
};

constexpr const char* kGood = R"({"ok":true,"data":{"prompt":"Be\nkind.","greeting":"Hello."}})";

}  // namespace

TEST_CASE("instructions come from the backend, by the scenario and with the service key") {
    Backend backend({{200, kGood}});
    const auto prompt = backend.ask("a/b:1");
    REQUIRE(prompt);
    CHECK(prompt->instructions == "Be\nkind.");
    CHECK(prompt->greeting == "Hello.");
    REQUIRE(backend.seen.size() == 1);
    CHECK(backend.seen[0].path == "/api/internal/scenarios/a%2Fb%3A1");
    CHECK(backend.seen[0].header("x-internal-service-key") == "the-service-key");
}

TEST_CASE("a backend in trouble is asked once more, and no third time") {
    SUBCASE("then it answers") {
        Backend backend({{503, "later"}, {200, kGood}});
        CHECK(backend.ask("s"));
        CHECK(backend.seen.size() == 2);
    }
    SUBCASE("then it is given up") {
        Backend backend({{503, "later"}, {500, "no"}, {200, kGood}});
        const auto prompt = backend.ask("s");
        REQUIRE_FALSE(prompt);
        CHECK(prompt.error().message == "it answered 500");
        CHECK(backend.seen.size() == 2);
    }
    SUBCASE("it never answers") {
        Backend backend({}, 200ms);
        const auto prompt = backend.ask("s");
        REQUIRE_FALSE(prompt);
        CHECK(prompt.error().code == Errc::Timeout);
        CHECK(backend.seen.size() == 2);
    }
}

TEST_CASE("a refusal is no reason to ask again") {
    for (const int status : {401, 403, 404, 400, 302}) {
        CAPTURE(status);
        Backend backend({{status, "", "text/plain", {{"Location", "http://127.0.0.1:1/"}}}, {200, kGood}});
        CHECK_FALSE(backend.ask("s"));
        CHECK(backend.seen.size() == 1);
    }
}

TEST_CASE("an answer without end is given up") {
    Backend backend({{200, std::string(1 << 20, 'x')}});
    const auto prompt = backend.ask("s");
    REQUIRE_FALSE(prompt);
    CHECK(prompt.error().message == "its answer is longer than 262144 bytes");
}

TEST_CASE("what the backend says is held to its schema") {
    const auto fault = [](const std::string& body) { return parse_prompt(body).error().message; };
    REQUIRE(parse_prompt(R"({"ok":true,"data":{"prompt":"x","title":"y"},"more":1})"));
    CHECK(fault("") == "its answer is no JSON");
    CHECK(fault("<html>") == "its answer is no JSON");
    CHECK(fault("{\"ok\":true,\"data\":{\"prompt\":\"\xff\"}}") == "its answer is no JSON");
    CHECK(fault(R"({"ok":false,"data":{"prompt":"x"}})") == "its answer does not say ok");
    CHECK(fault(R"({"ok":"true","data":{"prompt":"x"}})") == "its answer does not say ok");
    CHECK(fault(R"({"ok":true})") == "its answer has no data");
    CHECK(fault(R"({"ok":true,"data":{"prompt":" "}})") == "its answer's data.prompt is missing or empty");
    CHECK(fault(R"({"ok":true,"data":{"prompt":["x"]}})") == "its answer's data.prompt is no text");
    CHECK(fault(R"({"ok":true,"data":{"prompt":"x","greeting":7}})") == "its answer's data.greeting is no text");
    CHECK(fault(R"({"ok":true,"data":{"prompt":")" + std::string(100'001, 'x') + "\"}}") == "its answer's data.prompt is longer than 100000 characters");
    CHECK(fault("{\"ok\":true,\"data\":" + std::string(100, '[') + std::string(100, ']') + "}") == "its answer is nested too deeply");
    CHECK(parse_prompt(R"({"ok":true,"data":{"prompt":"a\u0000b\u001b[2J\nc"}})")->instructions == "a b [2J\nc");
}
