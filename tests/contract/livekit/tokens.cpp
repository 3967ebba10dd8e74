// Good and bad tokens, decided by us and by a real server side by side: both must agree on each.
#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <nlohmann/json.hpp>

#include "voicectl/base/text.h"
#include "voicectl/livekit/local_server.h"

using namespace voicectl;
using namespace voicectl::livekit;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kHeader = R"({"alg":"HS256","typ":"JWT"})";

std::int64_t now_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Signed here by hand, so that a fault of mint() cannot hide one of verify().
std::string sign(const std::string& header, const std::string& payload, const std::string& secret, const EVP_MD* digest = EVP_sha256()) {
    const auto text = base64url_encode(header) + "." + base64url_encode(payload);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(digest, secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
    return text + "." + base64url_encode({reinterpret_cast<const char*>(mac), size});
}

struct Arbiter {
    std::unique_ptr<LocalServer> server;
    net::HttpClient http;

    Arbiter() {
        auto started = LocalServer::start();
        REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
        server = std::move(*started);
    }
    const ApiKey& key() const { return server->address().key; }
    Json good() const {
        const auto now = now_seconds();
        return {{"iss", key().key}, {"sub", "ann"}, {"nbf", now}, {"exp", now + 300},
                {"video", {{"roomList", true}, {"roomJoin", true}, {"room", "demo"}}}};
    }
    Json with(const char* name, Json value) const {
        auto claims = good();
        claims[name] = std::move(value);
        return claims;
    }
    Json without(const char* name) const {
        auto claims = good();
        claims.erase(name);
        return claims;
    }
    int ask(const std::string& method, const std::string& path, const std::string& token) {
        net::HttpRequest request;
        request.method = method;
        request.url = http_base(server->address().url).value() + path;
        request.headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/json"}};
        if (method == "POST") request.body = "{}";
        const auto response = http.send(request);
        return response ? response->status : -1;
    }
    bool server_lists(const std::string& token) { return ask("POST", "/twirp/livekit.RoomService/ListRooms", token) == 200; }
    bool server_joins(const std::string& token) { return ask("GET", "/rtc/validate?protocol=9", token) == 200; }

    /// Our verdict, after checking that the server's is the same on both its doors.
    TokenFault agreed(const std::string& token) {
        const auto verdict = verify(key(), token);
        const bool genuine = verdict.fault == TokenFault::None;
        CHECK(server_lists(token) == (genuine && verdict.claims.video.room_list));
        CHECK(server_joins(token) == (genuine && join_obstacles(verdict.claims).empty()));
        return verdict.fault;
    }
    TokenFault agreed_claims(const Json& claims) { return agreed(sign(kHeader, claims.dump(), key().secret)); }
};

}  // namespace

TEST_CASE("a real server and we agree on every token") {
    Arbiter arbiter;
    const auto& secret = arbiter.key().secret;
    const auto now = now_seconds();
    const auto with = [&](const char* name, Json value) {
        CAPTURE(name);
        const auto text = value.dump();
        CAPTURE(text);
        return arbiter.agreed_claims(arbiter.with(name, std::move(value)));
    };
    const auto without = [&](const char* name) { return arbiter.agreed_claims(arbiter.without(name)); };

    SUBCASE("tokens of our own are good") {
        Claims claims;
        claims.identity = "ann";
        claims.name = "Ann Ü";
        claims.attributes = {{"a", "b"}};
        claims.kind = "agent";
        claims.room_config_json = R"({"agents":[{"agentName":"x"}],"emptyTimeout":5})";
        claims.video.room_join = claims.video.room_list = true;
        claims.video.room = "demo";
        claims.video.can_publish_sources = {"microphone"};
        claims.video.can_subscribe = false;
        CHECK(arbiter.agreed(mint(arbiter.key(), claims, std::chrono::seconds(60))) == TokenFault::None);
    }
    SUBCASE("times") {
        CHECK(with("exp", now - 55) == TokenFault::None);
        CHECK(with("exp", now - 70) == TokenFault::Expired);
        CHECK(with("exp", 0) == TokenFault::Expired);
        CHECK(with("exp", 1e30) == TokenFault::Expired);
        CHECK(with("exp", static_cast<double>(now) + 300.5) == TokenFault::None);
        CHECK(with("exp", std::to_string(now + 300)) == TokenFault::None);
        CHECK(with("exp", "soon") == TokenFault::Malformed);
        CHECK(with("exp", "") == TokenFault::Malformed);
        CHECK(with("exp", true) == TokenFault::Malformed);
        CHECK(with("exp", nullptr) == TokenFault::None);
        CHECK(without("exp") == TokenFault::None);
        CHECK(with("nbf", now + 50) == TokenFault::None);
        CHECK(with("nbf", now + 90) == TokenFault::NotYetValid);
        CHECK(without("nbf") == TokenFault::None);
        CHECK(with("iat", now + 9999) == TokenFault::None);
        CHECK(with("iat", "x") == TokenFault::Malformed);
    }
    SUBCASE("keys, secrets and algorithms") {
        const auto payload = arbiter.good().dump();
        CHECK(with("iss", "other") == TokenFault::WrongKey);
        CHECK(without("iss") == TokenFault::WrongKey);
        CHECK(arbiter.agreed(sign(kHeader, payload, secret + "x")) == TokenFault::BadSignature);
        CHECK(arbiter.agreed(sign(R"({"alg":"none"})", payload, secret)) == TokenFault::Algorithm);
        CHECK(arbiter.agreed(sign(R"({"alg":"HS512"})", payload, secret, EVP_sha512())) == TokenFault::Algorithm);
        CHECK(arbiter.agreed(sign(R"({"alg":"RS256"})", payload, secret)) == TokenFault::Algorithm);
        CHECK(arbiter.agreed(sign(R"({"alg":"HS256","typ":5,"kid":7})", payload, secret)) == TokenFault::None);
        for (const char* header : {"{}", R"({"alg":5})", R"({"ALG":"HS256"})", "null", "[]", R"({"alg":"HS256"} x)", ""})
            CHECK(arbiter.agreed(sign(header, payload, secret)) == TokenFault::Malformed);
        const auto token = sign(kHeader, payload, secret);
        const auto unsigned_part = token.substr(0, token.rfind('.'));
        CHECK(arbiter.agreed(unsigned_part + ".") == TokenFault::BadSignature);
        CHECK(arbiter.agreed(unsigned_part) == TokenFault::Malformed);
        CHECK(arbiter.agreed(token.substr(0, token.size() - 4)) == TokenFault::BadSignature);
        CHECK(arbiter.agreed(token + "=") == TokenFault::Malformed);
        CHECK(arbiter.agreed(token + ".x") == TokenFault::Malformed);
        CHECK(arbiter.agreed(unsigned_part + ".!!!!") == TokenFault::Malformed);
    }
    SUBCASE("the unused bits of the last character do not count") {
        auto token = sign(kHeader, arbiter.good().dump(), secret);
        constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        token.back() = kAlphabet[kAlphabet.find(token.back()) ^ 1];
        CHECK(arbiter.agreed(token) == TokenFault::None);
    }
    SUBCASE("identity") {
        CHECK(without("sub") == TokenFault::None);  // and both refuse the join
        CHECK(with("sub", nullptr) == TokenFault::None);
        CHECK(with("sub", 5) == TokenFault::Malformed);
        auto by_id = arbiter.without("sub");
        by_id["jti"] = "ann";
        CHECK(arbiter.agreed_claims(by_id) == TokenFault::None);
        CHECK(with("jti", 5) == TokenFault::Malformed);
        CHECK(with("identity", 5) == TokenFault::Malformed);
    }
    SUBCASE("JSON types of claims") {
        for (const char* name : {"name", "metadata", "kind", "sha256", "roomPreset"}) {
            CHECK(with(name, 5) == TokenFault::Malformed);
            CHECK(with(name, nullptr) == TokenFault::None);
        }
        CHECK(with("kind", "robot") == TokenFault::None);
        CHECK(with("kindDetails", "x") == TokenFault::Malformed);
        CHECK(with("kindDetails", {5}) == TokenFault::Malformed);
        CHECK(with("attributes", {{"a", 5}}) == TokenFault::Malformed);
        CHECK(with("attributes", {{"a", nullptr}}) == TokenFault::None);
        CHECK(with("attributes", Json::array()) == TokenFault::Malformed);
        CHECK(with("aud", 5) == TokenFault::Malformed);
        CHECK(with("aud", {"a"}) == TokenFault::None);
        CHECK(with("aud", "a") == TokenFault::None);
        CHECK(with("aud", Json::array({5})) == TokenFault::Malformed);
        CHECK(with("sip", "x") == TokenFault::Malformed);
        CHECK(with("sip", {{"admin", 5}}) == TokenFault::Malformed);
        CHECK(with("agent", 5) == TokenFault::Malformed);
        CHECK(with("inference", {{"perform", "x"}}) == TokenFault::Malformed);
        CHECK(with("observability", {{"write", 1}}) == TokenFault::Malformed);
        CHECK(with("unknown", {{"a", Json::array({1, nullptr})}}) == TokenFault::None);
    }
    SUBCASE("grants") {
        const auto video = [&](Json grants) { return with("video", std::move(grants)); };
        CHECK(video({{"roomList", "true"}}) == TokenFault::Malformed);
        CHECK(video({{"roomList", 1}}) == TokenFault::Malformed);
        CHECK(video({{"roomList", nullptr}}) == TokenFault::None);
        CHECK(video(nullptr) == TokenFault::None);
        CHECK(video(Json::array()) == TokenFault::Malformed);
        CHECK(video({{"room_list", true}, {"room_join", true}, {"room", "demo"}}) == TokenFault::None);
        CHECK(video({{"ROOMLIST", true}, {"roomjoin", true}, {"Room", "demo"}}) == TokenFault::None);
        CHECK(video({{"roomList", true}}) == TokenFault::None);
        CHECK(video({{"roomJoin", true}}) == TokenFault::None);
        CHECK(video({{"roomJoin", true}, {"room", 5}}) == TokenFault::Malformed);
        CHECK(video({{"roomJoin", true}, {"room", "demo"}, {"canPublish", "no"}}) == TokenFault::Malformed);
        CHECK(video({{"roomJoin", true}, {"room", "demo"}, {"canPublishSources", "microphone"}}) == TokenFault::Malformed);
        CHECK(video({{"roomJoin", true}, {"room", "demo"}, {"canPublishSources", Json::array({5})}}) == TokenFault::Malformed);
        CHECK(video({{"roomJoin", true}, {"room", "demo"}, {"canPublishSources", Json::array({nullptr})}}) == TokenFault::None);
    }
    SUBCASE("room configurations") {
        for (const Json& bad : {Json(5), Json("x"), Json::array(), Json{{"emptyTimeout", "x"}}, Json{{"emptyTimeout", -1}}, Json{{"agents", 5}}})
            CHECK(with("roomConfig", bad) == TokenFault::Malformed);
        CHECK(with("roomConfig", nullptr) == TokenFault::None);
        CHECK(with("roomConfig", {{"foo", 1}, {"agents", {{{"agentName", "x"}}}}, {"empty_timeout", 5}}) == TokenFault::None);
    }
    SUBCASE("payloads that are odd as JSON") {
        const auto good = arbiter.good().dump();
        const auto payload = [&](const std::string& text) { return arbiter.agreed(sign(kHeader, text, secret)); };
        CHECK(payload(" " + good + "\n") == TokenFault::None);
        CHECK(payload(good + " x") == TokenFault::Malformed);
        CHECK(payload(good + std::string(1, '\0')) == TokenFault::Malformed);
        CHECK(payload("\xEF\xBB\xBF" + good) == TokenFault::Malformed);
        CHECK(payload("") == TokenFault::Malformed);
        CHECK(payload("[]") == TokenFault::Malformed);
        const auto open = good.substr(0, good.size() - 1);
        CHECK(payload(open + ",\"exp\":1}") == TokenFault::Expired);  // of two, the last counts
        CHECK(payload(open + ",\"name\":\"\xFF\"}") == TokenFault::None);
        CHECK(payload(open + ",\"x\":" + std::string(1000, '[') + std::string(1000, ']') + "}") == TokenFault::None);
    }
}
