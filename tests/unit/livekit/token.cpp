#include "voicectl/livekit/token.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::livekit;
using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

namespace {

const ApiKey kKey{"devkey", "a_secret_of_at_least_thirty_two_chars"};
const SystemTime kNow = SystemTime(std::chrono::seconds(1'800'000'000));

Claims caller() {
    Claims claims;
    claims.identity = "ann";
    claims.video.room_join = true;
    claims.video.room = "demo";
    return claims;
}

TokenFault fault_of(std::string_view token, SystemTime now = kNow) { return verify(kKey, token, now).fault; }

}  // namespace

TEST_CASE("a token is what RFC 7515 says, bit for bit") {
    // Signed independently with Python's hmac over the same header and claims.
    Claims claims;
    claims.identity = "ann";
    claims.video.room_list = true;
    CHECK(mint(kKey, claims, 300s, kNow) == 
          "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
          "eyJpc3MiOiJkZXZrZXkiLCJzdWIiOiJhbm4iLCJuYmYiOjE4MDAwMDAwMDAsImV4cCI6MTgwMDAwMDMwMCwidmlkZW8iOnsicm9vbUxpc3QiOnRydWV9fQ."
          "ianfDwGl4tJuiMm5poBXNKjz8npwxF41V0SIeOBAEFY");
}

TEST_CASE("every claim and grant that is signed is read back the same") {
    Claims claims = caller();
    claims.name = "Ann \"A\" Ü";
    claims.metadata = R"({"a":1})";
    claims.kind = "agent";
    claims.kind_details = {"cloud_agent"};
    claims.attributes = {{"language", "de"}, {"empty", ""}};
    auto& video = claims.video;
    video.room_create = video.room_list = video.room_record = video.room_admin = video.ingress_admin = true;
    video.hidden = video.recorder = video.agent = true;
    video.destination_room = "other";
    video.can_publish = false;
    video.can_subscribe = true;
    video.can_publish_data = false;
    video.can_update_own_metadata = true;
    video.can_subscribe_metrics = false;
    video.can_manage_agent_session = true;
    video.can_publish_sources = {"microphone", "camera"};
    claims.sip_admin = claims.sip_call = true;
    claims.agent_admin = claims.agent_simulation_admin = claims.inference_perform = claims.observability_write = true;
    claims.sha256 = "abc=";
    claims.room_preset = "small";
    claims.room_config_json = R"({"agents":[{"agentName":"receptionist"}]})";

    const auto verdict = verify(kKey, mint(kKey, claims, 300s, kNow), kNow);
    REQUIRE(verdict.fault == TokenFault::None);
    CHECK(verdict.reason.empty());
    const auto& back = verdict.claims;
    CHECK(back.issuer == kKey.key);
    CHECK(back.not_before == kNow);
    CHECK(back.expires == kNow + 300s);
    CHECK(back.video == claims.video);
    auto given = claims;
    given.issuer = back.issuer;
    given.not_before = back.not_before;
    given.expires = back.expires;
    CHECK(to_json(back) == to_json(given));
    CHECK(Json::parse(verdict.claims_json) == to_json(given));
}

TEST_CASE("what is not set is not in the token") {
    const auto json = to_json(caller());
    CHECK(json.dump() == R"({"sub":"ann","video":{"roomJoin":true,"room":"demo"}})");
}

TEST_CASE("both ends of a token's life have a minute of leeway, and no more") {
    const auto token = mint(kKey, caller(), 300s, kNow);
    CHECK(fault_of(token, kNow + 300s + 59s) == TokenFault::None);
    CHECK(fault_of(token, kNow + 300s + 60s) == TokenFault::Expired);
    CHECK(fault_of(token, kNow - 60s) == TokenFault::None);
    CHECK(fault_of(token, kNow - 61s) == TokenFault::NotYetValid);
    CHECK(verify(kKey, token, kNow + 301s, 0s).fault == TokenFault::Expired);
    CHECK(verify(kKey, token, kNow + 420s).reason == "it expired 2m 0s ago");
}

TEST_CASE("a token changed in any single character is refused") {
    const auto token = mint(kKey, caller(), 300s, kNow);
    for (std::size_t i = 0; i + 1 < token.size(); ++i) {
        auto changed = token;
        changed[i] = changed[i] == 'A' ? 'Q' : 'A';
        CAPTURE(i);
        CHECK(fault_of(changed) != TokenFault::None);
    }
}

TEST_CASE("a verdict names what is wrong and never repeats the token") {
    const auto good = mint(kKey, caller(), 300s, kNow);
    const auto other_key = mint({"other", kKey.secret}, caller(), 300s, kNow);
    const auto other_secret = mint({kKey.key, "another_secret_of_more_than_32_characters"}, caller(), 300s, kNow);
    CHECK(fault_of(other_key) == TokenFault::WrongKey);
    CHECK(fault_of(other_secret) == TokenFault::BadSignature);
    CHECK(fault_of("") == TokenFault::Malformed);
    CHECK(fault_of("a.b") == TokenFault::Malformed);
    CHECK(fault_of("..") == TokenFault::Malformed);
    CHECK(fault_of(good + ".x") == TokenFault::Malformed);
    CHECK(fault_of(good + "=") == TokenFault::Malformed);
    CHECK(fault_of(" " + good) == TokenFault::Malformed);
    for (const auto& token : {other_key, other_secret, good + "="}) {
        const auto verdict = verify(kKey, token, kNow);
        CHECK_FALSE(verdict.reason.empty());
        CHECK(verdict.reason.find(token.substr(0, 20)) == std::string::npos);
        CHECK(verdict.reason.find("secret_of") == std::string::npos);
    }
    CHECK(verify(kKey, other_key, kNow).claims.identity == "ann");  // readable, though not believed
}

TEST_CASE("without checking, a foreign token can still be read") {
    const auto claims = parse_unverified(mint({"other", "x"}, caller(), 300s, kNow));
    REQUIRE(claims);
    CHECK(claims->issuer == "other");
    CHECK(claims->identity == "ann");
    CHECK_FALSE(parse_unverified("no.token.here"));
}

TEST_CASE("what keeps a genuine token from joining is listed") {
    CHECK(join_obstacles(caller()).empty());
    CHECK(join_obstacles({}) == std::vector<std::string>{"no roomJoin grant", "no room", "no identity"});
}

TEST_CASE("an explanation says what each grant allows, and what absent ones allow by default") {
    Claims claims = caller();
    claims.video.can_publish_sources = {"microphone"};
    claims.video.can_subscribe = false;
    const auto lines = explain(claims);
    const std::vector<std::pair<std::string, std::string>> expected{{"roomJoin", "join room \"demo\""},
                                                                    {"canPublish", "publish microphone and nothing else (by default)"},
                                                                    {"canSubscribe", "not hear or see others"},
                                                                    {"canPublishData", "send data (by default)"}};
    CHECK(lines == expected);
    CHECK(explain(Claims{}).empty());
}
