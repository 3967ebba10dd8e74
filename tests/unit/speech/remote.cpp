#include "core/speech/remote.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "support/temp_folder.h"
#include "voicectl/base/redact.h"

using namespace voicectl;
using namespace voicectl::speech;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

struct RemoteHouse {
    Workers workers{1, "test"};
    net::HttpClient http;
    std::map<std::string, std::string> variables;
    ProviderContext context{workers, http,
                            [this](const std::string& name) {
                                const auto found = variables.find(name);
                                return found == variables.end() ? std::nullopt : std::optional(found->second);
                            },
                            "."};
    std::optional<OptionFault> fault;

    Remote read(const json& options, RemoteDefaults defaults = {.provider = "acme", .base = "https://api.acme.example/v1", .key_variable = "ACME_KEY"}) {
        OptionReader reader(options);
        auto out = read_remote(reader, context, defaults);
        fault = reader.finish();
        return out;
    }
    std::string fault_key(const json& options) {
        read(options);
        return fault ? fault->key : "";
    }
};

net::HttpResponse answered(int status, net::Headers headers = {}) { return {.status = status, .headers = std::move(headers), .body = {}}; }

}  // namespace

TEST_CASE("a key comes from a variable, a file or a systemd credential, and is masked from then on") {
    RemoteHouse house;
    house.variables["ACME_KEY"] = " from-the-variable\n";
    house.variables["OTHER"] = "from-another-variable";
    CHECK(house.read(json::object()).key == "from-the-variable");
    const auto other = house.read({{"api_key_env", "OTHER"}});
    CHECK(other.key == "from-another-variable");
    CHECK(other.key_source == "OTHER");
    CHECK(redact("x from-another-variable y") == "x *** y");

    const test::TempFolder folder;
    const auto path = folder.path() + "/acme.key";
    std::ofstream(path) << "from-the-file\n";
    const auto file = house.read({{"api_key_file", path}});
    CHECK(!house.fault);
    CHECK(file.key == "from-the-file");
    CHECK(file.key_source == path);

    house.variables["CREDENTIALS_DIRECTORY"] = folder.path();
    CHECK(house.read({{"api_key_credential", "acme.key"}}).key == "from-the-file");
    CHECK(house.fault_key({{"api_key_credential", "../acme.key"}}) == "api_key_credential");
    CHECK(house.fault_key({{"api_key_credential", "absent"}}) == "api_key_credential");
    house.variables.erase("CREDENTIALS_DIRECTORY");
    CHECK(house.fault_key({{"api_key_credential", "acme.key"}}) == "api_key_credential");
}

TEST_CASE("a key that cannot be used is found when it is read, and never shown") {
    RemoteHouse house;
    CHECK(house.fault_key(json::object()) == "api_key_env");
    CHECK(house.fault->message.find("ACME_KEY") != std::string::npos);
    CHECK(house.fault_key({{"base_url", "http://localhost:8000/v1"}}).empty());
    house.variables["ACME_KEY"] = "two\nlines-of-secret";
    CHECK(house.fault_key(json::object()) == "api_key_env");
    CHECK(house.fault->message.find("secret") == std::string::npos);
    house.variables["ACME_KEY"] = "caf\xC3\xA9";
    CHECK(house.fault_key(json::object()) == "api_key_env");
    house.variables["ACME_KEY"] = "good-key";
    CHECK(house.fault_key({{"api_key_file", "/nowhere"}}) == "api_key_file");
    CHECK(house.fault_key({{"api_key_file", "/dev/null"}}) == "api_key_file");
    CHECK(house.fault_key({{"api_key_file", "/dev/null"}, {"api_key_env", "ACME_KEY"}}) == "api_key_file");
    CHECK(house.fault_key({{"api_key", "sk-in-the-file"}}) == "api_key");
}

TEST_CASE("a key is not sent in the clear, but for this machine") {
    RemoteHouse house;
    house.variables["ACME_KEY"] = "good-key";
    CHECK(house.fault_key({{"base_url", "http://api.acme.example"}}) == "base_url");
    CHECK(house.fault_key({{"base_url", "ws://api.acme.example"}}) == "base_url");
    for (const auto* fine : {"https://api.acme.example", "wss://api.acme.example", "http://127.0.0.1:8000", "http://localhost", "ws://[::1]:80"}) {
        CAPTURE(fine);
        CHECK(house.fault_key({{"base_url", fine}}).empty());
    }
    for (const auto* bad : {"localhost", "ftp://x", "https://user:pass@x", ""}) CHECK(house.fault_key({{"base_url", bad}}) == "base_url");
}

TEST_CASE("headers are added, their secrets come from variables") {
    RemoteHouse house;
    house.variables["ACME_KEY"] = "good-key";
    house.variables["TENANT"] = "tenant-secret";
    const auto remote = house.read({{"headers", {{"X-Tenant", "$TENANT"}, {"X-Plain", "a b"}}}});
    CHECK(!house.fault);
    CHECK(remote.headers == net::Headers{{"X-Plain", "a b"}, {"X-Tenant", "tenant-secret"}});
    CHECK(redact("tenant-secret") == "***");
    CHECK(request_to(remote, "/x").headers == remote.headers);
    CHECK(house.fault_key({{"headers", "x"}}) == "headers");
    CHECK(house.fault_key({{"headers", {{"X", "$ABSENT"}}}}) == "headers.X");
    CHECK(house.fault_key({{"headers", {{"X", "a\r\nb: c"}}}}) == "headers.X");
    CHECK(house.fault_key({{"headers", {{"X:", "a"}}}}) == "headers.X:");
    CHECK(house.fault_key({{"headers", {{"X", 3}}}}) == "headers.X");
}

TEST_CASE("deadlines and addresses are as configured") {
    RemoteHouse house;
    house.variables["ACME_KEY"] = "good-key";
    auto remote = house.read({{"base_url", "https://api.acme.example/v2//"}, {"first_token_timeout", 1.5}, {"stall_timeout", 2}});
    CHECK(remote.base == "https://api.acme.example/v2");
    CHECK(remote.first == 1500ms);
    CHECK(remote.stall == 2s);
    CHECK(request_to(remote, "/chat").url == "https://api.acme.example/v2/chat");
    CHECK(request_to(remote, "/chat").method == "POST");
    CHECK(socket_url(remote, "/listen?x=1") == "wss://api.acme.example/v2/listen?x=1");
    remote.base = "ws://localhost:1";
    CHECK(http_url(remote, "/x") == "http://localhost:1/x");
    CHECK(socket_url(remote, "/x") == "ws://localhost:1/x");
    CHECK(house.fault_key({{"first_token_timeout", 0}}) == "first_token_timeout");
    CHECK(house.fault_key({{"stall_timeout", "x"}}) == "stall_timeout");
}

TEST_CASE("the errors of every provider are understood") {
    const auto error = [](const std::string& body, const std::string& message, const std::string& code) {
        CAPTURE(body);
        const auto got = parse_server_error(body);
        CHECK(got.message == message);
        CHECK(got.code == code);
    };
    error(R"({"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}})", "Rate limit reached", "rate_limit_exceeded");
    error(R"({"error":{"message":"You exceeded","type":"insufficient_quota","code":null}})", "You exceeded", "insufficient_quota");
    error(R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})", "Overloaded", "overloaded_error");
    error(R"({"err_code":"INVALID_AUTH","err_msg":"Invalid credentials.","request_id":"1"})", "Invalid credentials.", "INVALID_AUTH");
    error(R"({"category":"INVALID_JSON","message":"Invalid JSON submitted.","details":"x"})", "Invalid JSON submitted.", "INVALID_JSON");
    error(R"({"type":"Error","variant":"NET-0001","description":"no audio"})", "no audio", "NET-0001");
    error(R"({"title":"Quota","message":"Concurrency limit","error_code":"concurrency_limited","status_code":429})", "Concurrency limit", "concurrency_limited");
    error(R"({"detail":{"status":"quota_exceeded","message":"This request exceeds your quota"}})", "This request exceeds your quota", "quota_exceeded");
    error(R"({"error":"Insufficient balance"})", "Insufficient balance", "");
    error(R"({"error":"voice_not_found","code":1008})", "voice_not_found", "");
    error(R"({"detail":"Invalid API key"})", "Invalid API key", "");
    error(R"({"detail":[{"loc":["body","text"],"msg":"field required","type":"value_error.missing"}]})", "field required", "value_error.missing");
    error("<html>no</html>", "<html>no</html>", "");
    error("", "", "");
}

TEST_CASE("errors of servers are shown short, on one line and safe for a terminal") {
    CHECK(parse_server_error(std::string(100'000, 'x')).message.size() < 300);
    for (const std::string& body : {std::string("\x1B[31mred\n\xFF\xC3("), std::string("{\"error\":{\"message\":\"a\\nb\\u001b[2J\"}}"), std::string(50'000, '['),
                                   std::string("{\"error\":[]}"), std::string("{\"error\":{\"message\":7}}"), std::string("{\"detail\":[[]]}"), std::string(1000, '\0')}) {
        const auto shown = parse_server_error(body);
        CHECK(shown.message.find_first_of("\n\x1B") == std::string::npos);
        CHECK(shown.message.size() < 1500);  // 200 bytes, each perhaps escaped
    }
    std::string deep;
    for (int i = 0; i < 10'000; ++i) deep += "{\"error\":";
    CHECK(parse_server_error(deep + "1" + std::string(10'000, '}')).message.size() < 300);
}

TEST_CASE("a status tells a script what happened, and a person what to do") {
    Remote remote{.provider = "acme", .key = "k", .key_source = "ACME_KEY"};
    const auto code = [&](int status, ServerError server = {}) { return to_string(refusal(remote, status, server).code); };
    CHECK(code(401) == "auth");
    CHECK(code(403) == "auth");
    CHECK(code(402) == "auth");
    CHECK(code(429, {"", "insufficient_quota"}) == "auth");
    CHECK(code(404) == "not_found");
    for (const int status : {408, 429, 500, 502, 503, 529}) CHECK(code(status) == "unreachable");
    for (const int status : {400, 413, 415, 422}) CHECK(code(status) == "rejected");
    CHECK(code(302) == "protocol");
    CHECK(refusal(remote, 401, {"bad", ""}).message == "acme answered 401: bad");
    CHECK(refusal(remote, 401, {}).hint.find("ACME_KEY") != std::string::npos);
    remote.key.clear();
    CHECK(refusal(remote, 401, {}).hint.find("wants a key") != std::string::npos);
}

TEST_CASE("only what may pass is worth another try, and the server has the last word") {
    for (const int status : {408, 409, 425, 429, 500, 503, 529}) CHECK(worth_retrying(answered(status), {}));
    for (const int status : {400, 401, 402, 403, 404, 413, 422}) CHECK(!worth_retrying(answered(status), {}));
    CHECK(!worth_retrying(answered(429), {"", "insufficient_quota"}));
    CHECK(!worth_retrying(answered(503, {{"x-should-retry", "false"}}), {}));
    CHECK(worth_retrying(answered(400, {{"x-should-retry", "true"}}), {}));
}

TEST_CASE("waits double, with a quarter off at most") {
    for (const auto& [retries, full] : {std::pair{0, 500ms}, {1, 1000ms}, {3, 4000ms}, {4, 8000ms}, {50, 8000ms}})
        for (int i = 0; i < 50; ++i) {
            CHECK(back_off(retries) <= full);
            CHECK(back_off(retries) >= full * 3 / 4);
        }
}

TEST_CASE("how long a server wants to be left alone") {
    const auto now = *net::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(net::parse_http_date("Sun, 06 Nov 9999 08:49:37 GMT") == net::parse_http_date("Fri, 01 Jan 2100 00:00:00 GMT"));
    const auto wait = [&](net::Headers headers) { return net::retry_after(answered(429, std::move(headers)), now); };
    CHECK(wait({}) == std::nullopt);
    CHECK(wait({{"retry-after", "3"}}) == 3s);
    CHECK(wait({{"retry-after", "0"}}) == 0ms);
    CHECK(wait({{"retry-after-ms", "250"}, {"retry-after", "3"}}) == 250ms);
    CHECK(wait({{"retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"}}) == 10s);
    CHECK(wait({{"retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"}}) == 0ms);
    CHECK(wait({{"retry-after", "999999999999999999999"}}).value_or(0ms) <= 1h);
    for (const auto* odd : {"soon", "-3", "", "1e9", "Sun, 99 Nov 1994 08:49:37 GMT"}) {
        CAPTURE(odd);
        CHECK(wait({{"retry-after", odd}}).value_or(0ms) <= 1h);
        CHECK(wait({{"retry-after", odd}}).value_or(0ms) >= 0ms);
    }
}
