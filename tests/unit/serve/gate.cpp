#include "voicectl/serve/gate.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "support/live_loop.h"
#include "token_vectors.h"
#include "unit/net/small_server.h"
#include "voicectl/base/redact.h"

namespace voicectl::serve {
namespace {

using namespace std::chrono_literals;
using SystemTime = std::chrono::system_clock::time_point;

constexpr const char* kKey = "a key of services, of 32 letters";

SystemTime vector_time() { return SystemTime(std::chrono::seconds(kVectorTime)); }

/// Hands out the key set, or what a test says, and counts.
struct KeyServer {
    KeyServer()
        : server([this](test::tcp::socket& socket) {
              test::SmallServer::read_head(socket);
              ++asked;
              const std::lock_guard lock(mutex);
              test::SmallServer::answer(socket, body, status);
          }) {}
    void say(std::string text, std::string with_status = "200 OK") {
        const std::lock_guard lock(mutex);
        body = std::move(text);
        status = std::move(with_status);
    }
    std::mutex mutex;
    std::string body{kVectorKeys}, status = "200 OK";
    std::atomic<int> asked = 0;
    test::SmallServer server;
};

struct Guarded {
    explicit Guarded(GateOptions options) {
        options.clock = vector_time;
        loop.on_loop([&] {
            auto made = make_gate(loop.get(), http, std::move(options));
            REQUIRE(made);
            gate = std::move(*made);
        });
    }
    ~Guarded() {
        loop.on_loop([&] { gate.reset(); });
    }
    std::shared_ptr<std::promise<Result<Caller>>> ask(net::Headers headers, const std::string& peer = "192.0.2.7:4000") {
        net::ServedRequest request;
        request.method = "GET";
        request.headers = std::move(headers);
        request.peer = peer;
        auto promise = std::make_shared<std::promise<Result<Caller>>>();
        loop.on_loop([&] { gate->identify(request, [promise](Result<Caller> caller) { promise->set_value(std::move(caller)); }); });
        return promise;
    }
    Result<Caller> who(net::Headers headers, const std::string& peer = "192.0.2.7:4000") {
        auto future = ask(std::move(headers), peer)->get_future();
        REQUIRE(future.wait_for(20s) == std::future_status::ready);
        return future.get();
    }
    Result<Caller> bearer(std::string_view token) { return who({{"authorization", "Bearer " + std::string(token)}}); }

    test::LiveLoop loop;
    net::HttpClient http;
    std::unique_ptr<Gate> gate;
};

/// Nobody is kept out for failures, which most of a test's cases are.
GateOptions open_options() {
    GateOptions options;
    options.internal_keys = {kKey};
    options.failures = {100'000, 1ms};
    return options;
}

GateOptions token_options(const std::string& jwks_url = {}) {
    auto options = open_options();
    options.tokens.secret = kVectorSecret;
    options.tokens.jwks_url = jwks_url;
    options.tokens.issuer = kVectorIssuer;
    return options;
}

std::string_view vector_named(std::string_view name) {
    for (const auto& vector : kTokenVectors)
        if (vector.name == name) return vector.token;
    FAIL("no such vector: " << std::string(name));
    return {};
}

Result<std::unique_ptr<Gate>> made(GateOptions options) {
    static test::LiveLoop loop;
    static net::HttpClient http;
    return loop.on_loop([&] { return make_gate(loop.get(), http, std::move(options)); });
}

}  // namespace

TEST_CASE("a service is known by either of two keys, and nobody by none") {
    auto options = open_options();
    options.internal_keys.emplace_back("the key before, still good for a week");
    Guarded guarded(options);
    CHECK(guarded.who({})->who == Who::Nobody);
    CHECK(guarded.who({{"cookie", "a=b"}})->who == Who::Nobody);
    CHECK(guarded.who({{kInternalKeyHeader, kKey}})->who == Who::Service);
    CHECK(guarded.who({{kInternalKeyHeader, "the key before, still good for a week"}})->who == Who::Service);
    for (const std::string wrong : {"", "a key of services, of 32 letter", "a key of services, of 32 letterss", "A key of services, of 32 letters"}) {
        const auto refused = guarded.who({{kInternalKeyHeader, wrong}});
        REQUIRE(!refused);
        CHECK(refused.error().code == Errc::Auth);
        CHECK(refused.error().message == "the internal key is wrong");
        CHECK(!refused.error().wait);
    }
    const auto two = guarded.who({{kInternalKeyHeader, kKey}, {kInternalKeyHeader, "x"}});
    REQUIRE(!two);
    CHECK(two.error().message == "there is more than one x-internal-service-key header");
    CHECK(!guarded.who({{"authorization", "Bearer a"}, {"authorization", "Bearer b"}}));
    CHECK(guarded.bearer("a.b.c").error().message == "tokens of users are not taken here");
    CHECK(guarded.who({{"authorization", "Basic YTpi"}}).error().message == "the Authorization header carries no bearer token");
}

TEST_CASE("without keys no service is let in, whatever it says") {
    Guarded guarded(GateOptions{});
    CHECK(guarded.who({{kInternalKeyHeader, ""}}).error().message == "no internal key is taken here");
    CHECK(guarded.who({{kInternalKeyHeader, kKey}}).error().code == Errc::Auth);
}

TEST_CASE("keys, secrets and URLs that would not protect are refused at the start") {
    const auto why = [](const std::function<void(GateOptions&)>& change) {
        GateOptions options;
        change(options);
        const auto gate = made(std::move(options));
        if (gate) return std::string();
        CHECK(gate.error().code == Errc::Config);
        CHECK(!gate.error().hint.empty());
        return gate.error().message;
    };
    CHECK(why([](auto& o) { o.internal_keys = {"sixteen letters!"}; }) == "");
    CHECK(why([](auto& o) { o.internal_keys = {"fifteen letters"}; }) == "the internal key has fewer than 16 characters");
    CHECK(why([](auto& o) { o.internal_keys = {""}; }) == "the internal key has fewer than 16 characters");
    CHECK(why([](auto& o) { o.internal_keys = {"sixteen letters!", "fifteen letters"}; }) == "the internal key has fewer than 16 characters");
    CHECK(why([](auto& o) { o.internal_keys = {"sixteen-letters!", "sixteen-letters!"}; }) == "both internal keys are the same");
    CHECK(why([](auto& o) { o.internal_keys = {"sixteen-letters1", "sixteen-letters2", "sixteen-letters3"}; }) == "there are more than two internal keys");
    CHECK(why([](auto& o) { o.internal_keys = {"a line of a file\n"}; }) == "the internal key has characters that no header carries");
    CHECK(why([](auto& o) { o.tokens.secret = std::string(31, 's'); }) == "the secret of tokens has fewer than 32 bytes");
    CHECK(why([](auto& o) { o.tokens.secret = std::string(32, 's'); }) == "");
    CHECK(why([](auto& o) { o.tokens.secret = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"; }) == "the secret of tokens is a key of another kind");
    CHECK(why([](auto& o) { o.tokens.jwks_url = "https://issuer.test/jwks"; }) == "");
    CHECK(why([](auto& o) { o.tokens.jwks_url = "http://127.0.0.1:9/jwks"; }) == "");
    CHECK(why([](auto& o) { o.tokens.jwks_url = "http://issuer.test/jwks"; }).starts_with("the JWKS URL is not https"));
    CHECK(why([](auto& o) { o.tokens.jwks_url = "ws://127.0.0.1/jwks"; }).starts_with("the JWKS URL is not https"));
    CHECK(why([](auto& o) { o.tokens.jwks_url = "nonsense"; }).starts_with("the JWKS URL: "));
}

TEST_CASE("tokens that PyJWT signed are taken, and refused for what is wrong with them") {
    KeyServer keys;
    Guarded guarded(token_options(keys.server.url() + "/jwks"));
    for (const auto& [name, token, fault] : kTokenVectors) {
        CAPTURE(name);
        const auto caller = guarded.bearer(token);
        CHECK(caller.has_value() == fault.empty());
        if (caller) {
            CHECK(caller->who == Who::User);
            CHECK(caller->user_id == kVectorUser);
            continue;
        }
        const auto& message = caller.error().message;
        CAPTURE(message);
        CHECK(caller.error().code == Errc::Auth);
        CHECK(message.starts_with("the token is refused: "));
        CHECK(message.find(fault) != std::string::npos);
        CHECK(message.find("eve") == std::string::npos);
        for (std::size_t at = 0; at + 12 < token.size(); at += 5) CHECK(message.find(token.substr(at, 12)) == std::string::npos);
    }
    CHECK(keys.asked == 1);
    CHECK(guarded.bearer(std::string(9000, 'a') + ".b.c").error().message == "the token is refused: it is longer than 8192 bytes");
    CHECK(guarded.who({{"authorization", "bearer  " + std::string(vector_named("HS256"))}})->who == Who::User);
    CHECK(!guarded.who({{"authorization", std::string(vector_named("HS256"))}}));
}

TEST_CASE("each kind of token is taken only where its keys are set") {
    KeyServer keys;
    Guarded secret_only(token_options());
    CHECK(secret_only.bearer(vector_named("HS256")));
    CHECK(secret_only.bearer(vector_named("RS256")).error().message == "the token is refused: its algorithm is none of those taken here (alg)");
    auto options = token_options(keys.server.url());
    options.tokens.secret.clear();
    Guarded keys_only(options);
    CHECK(keys_only.bearer(vector_named("RS256")));
    CHECK(keys_only.bearer(vector_named("ES256")));
    for (const auto* name : {"HS256", "HS256 with the RSA key as secret", "HS256 with a key of the set as secret", "HS256 with an empty secret"})
        CHECK(keys_only.bearer(vector_named(name)).error().message == "the token is refused: its algorithm is none of those taken here (alg)");
    auto nobody = token_options();
    nobody.tokens.audience.clear();
    Guarded for_nobody(nobody);
    CHECK(for_nobody.bearer(vector_named("HS256")).error().message == "the token is refused: it is for an audience, and none is set here (aud)");
    CHECK(for_nobody.bearer(vector_named("no audience")));
}

TEST_CASE("keys are fetched once for many, and an unknown one makes no more than one fetch in a while") {
    KeyServer keys;
    auto options = token_options(keys.server.url());
    Guarded guarded(options);
    std::vector<std::future<Result<Caller>>> answers;
    for (int i = 0; i < 20; ++i) answers.push_back(guarded.ask({{"authorization", "Bearer " + std::string(vector_named("ES256"))}})->get_future());
    for (auto& answer : answers) CHECK(answer.get().has_value());
    CHECK(keys.asked == 1);
    for (int i = 0; i < 20; ++i) CHECK(guarded.bearer(vector_named("RS256 by an unknown key")).error().code == Errc::Auth);
    CHECK(keys.asked == 1);
}

TEST_CASE("a key that is new at its source is found") {
    KeyServer keys;
    keys.say(R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"old","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
    auto options = token_options(keys.server.url());
    options.tokens.keys_asked_every = 0ms;
    Guarded guarded(options);
    CHECK(guarded.bearer(vector_named("RS256")).error().message.find("(kid)") != std::string::npos);
    keys.say(std::string(kVectorKeys));
    CHECK(guarded.bearer(vector_named("RS256")));
    CHECK(keys.asked == 2);
}

TEST_CASE("a key that its source has taken back is none once the set is old") {
    KeyServer keys;
    auto options = token_options(keys.server.url());
    Guarded patient(options);
    options.tokens.keys_fresh = options.tokens.keys_asked_every = 0ms;
    Guarded guarded(options);
    CHECK(patient.bearer(vector_named("RS256")));
    CHECK(guarded.bearer(vector_named("RS256")));
    keys.say(R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"new","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
    CHECK(guarded.bearer(vector_named("RS256")).error().message.find("(kid)") != std::string::npos);
    CHECK(patient.bearer(vector_named("RS256")));
}

TEST_CASE("while the source of keys is down, old keys serve on, for their time") {
    KeyServer keys;
    auto options = token_options(keys.server.url());
    options.tokens.keys_fresh = 0ms;
    options.tokens.keys_asked_every = 0ms;
    Guarded guarded(options);
    CHECK(guarded.bearer(vector_named("RS256")));
    for (const auto& [body, status] : {std::pair{"", "503 Service Unavailable"}, {"no JSON", "200 OK"}, {R"({"keys":[]})", "200 OK"}, {R"({"keys":7})", "200 OK"}}) {
        keys.say(body, status);
        CHECK(guarded.bearer(vector_named("RS256")));
        // Whether a key is new cannot be told now.
        CHECK(guarded.bearer(vector_named("RS256 by an unknown key")).error().code == Errc::Unreachable);
    }
    keys.say(std::string(300'000, ' ') + std::string(kVectorKeys));
    CHECK(guarded.bearer(vector_named("RS256 by an unknown key")).error().message.find("longer than 262144 bytes") != std::string::npos);
    CHECK(guarded.bearer(vector_named("RS256")));

    options.tokens.keys_usable = 0ms;
    Guarded strict(options);
    CHECK(strict.bearer(vector_named("RS256")).error().code == Errc::Unreachable);
    options.tokens.keys_usable = 24h;
    options.tokens.keys_asked_every = 1h;
    keys.say("", "500 Oh");
    Guarded never(options);
    const auto before = keys.asked.load();
    for (int i = 0; i < 5; ++i) {
        const auto refused = never.bearer(vector_named("RS256"));
        CHECK(refused.error().code == Errc::Unreachable);
        CHECK(refused.error().message == "the keys of tokens cannot be had: their source answered 500");
    }
    CHECK(keys.asked == before + 1);
    CHECK(never.bearer(vector_named("HS256")));
}

TEST_CASE("keys of a source that stays away are too old at last") {
    KeyServer keys;
    auto options = token_options(keys.server.url());
    options.tokens.keys_fresh = options.tokens.keys_asked_every = 0ms;
    options.tokens.keys_usable = 2s;
    Guarded guarded(options);
    CHECK(guarded.bearer(vector_named("RS256")));
    keys.say("", "500 Oh");
    auto caller = guarded.bearer(vector_named("RS256"));
    for (const auto end = Clock::now() + 20s; caller && Clock::now() < end; caller = guarded.bearer(vector_named("RS256"))) std::this_thread::sleep_for(50ms);
    REQUIRE(!caller);
    CHECK(caller.error().code == Errc::Unreachable);
    keys.say(std::string(kVectorKeys));
    CHECK(guarded.bearer(vector_named("RS256")));
}

TEST_CASE("a gate may go while keys are on their way") {
    test::SmallServer silent([](test::tcp::socket& socket) { test::SmallServer::wait_for_end(socket); });
    const auto promise = Guarded(token_options(silent.url())).ask({{"authorization", "Bearer " + std::string(vector_named("RS256"))}});
    CHECK(promise->get_future().wait_for(0s) == std::future_status::timeout);
}

TEST_CASE("an address that fails too often has to wait; its keys are not looked at, its tokens are") {
    auto options = token_options();
    options.failures = {3, 1h};
    Guarded guarded(options);
    for (int i = 0; i < 3; ++i) CHECK(!guarded.who({{kInternalKeyHeader, "wrong"}}).error().wait);
    const auto refused = guarded.who({{kInternalKeyHeader, kKey}});
    REQUIRE(!refused);
    CHECK(refused.error().message == "too many attempts failed from this address");
    REQUIRE(refused.error().wait);
    CHECK(*refused.error().wait > 59min);
    CHECK(!guarded.who({{kInternalKeyHeader, kKey}}, "192.0.2.7:9999").has_value());
    CHECK(guarded.who({{kInternalKeyHeader, kKey}}, "192.0.2.8:4000")->who == Who::Service);
    // Its token is good all the same: one user with an old page open does not lock out those who share his address.
    for (int i = 0; i < 3; ++i) CHECK(!guarded.bearer(vector_named("expired")).error().wait);
    CHECK(guarded.bearer(vector_named("expired")).error().wait);
    CHECK(guarded.bearer(vector_named("HS256")));
}

TEST_CASE("ten tries that fail, of tokens as of keys, and then one in six seconds") {
    CHECK(GateOptions{}.failures.burst == 10);
    CHECK(GateOptions{}.failures.every == 6s);
    auto options = token_options();
    options.failures = {10, 1h};
    Guarded guarded(options);
    for (int i = 0; i < 10; ++i) CHECK(!guarded.bearer(vector_named("expired")).error().wait);
    CHECK(guarded.bearer(vector_named("expired")).error().wait);
    CHECK(guarded.who({{kInternalKeyHeader, kKey}})->who == Who::Service);  // which are counted for themselves
}

TEST_CASE("behind a proxy of ours it is the proxy's word that counts") {
    auto options = open_options();
    options.failures = {1, 1h};
    options.behind_proxy = true;
    Guarded guarded(options);
    CHECK(!guarded.who({{kInternalKeyHeader, "wrong"}, {"x-forwarded-for", "198.51.100.1, 203.0.113.9"}}));
    CHECK(!guarded.who({{kInternalKeyHeader, kKey}, {"x-forwarded-for", "203.0.113.9"}}));
    CHECK(guarded.who({{kInternalKeyHeader, kKey}, {"x-forwarded-for", "203.0.113.9, 198.51.100.1"}}));
}

}  // namespace voicectl::serve
