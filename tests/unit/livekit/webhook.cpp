#include "voicectl/livekit/webhook.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "voicectl/base/text.h"
#include "voicectl/livekit/webhook_samples.h"

using namespace voicectl;
using namespace voicectl::livekit;
using namespace std::chrono_literals;

namespace {

const ApiKey kHookKey{"APIdevkey", "a-secret-of-some-forty-characters-for-tests"};
const WebhookKeys kKeys{{kHookKey.key, kHookKey.secret}, {"APIother", "another-secret-another-secret-another-1"}};
const SystemTime kHookNow{std::chrono::seconds(1'795'243'100)};
const std::string kBody = R"({"event":"room_started", "room":{"sid":"RM_1", "name":"räume <1>", "emptyTimeout":300}, "id":"EV_1", "createdAt":"1795243093"})";

WebhookVerdict judge(const std::string& header, const std::string& body = kBody, SystemTime now = kHookNow) {
    return verify_delivery(header, body, kKeys, now);
}

std::string signed_now(const std::string& body = kBody) { return sign_delivery(kHookKey, body, kHookNow); }

/// Signed with our secret, whatever the claims.
std::string with_claims(const Claims& claims, SystemTime now = kHookNow) { return mint(kHookKey, claims, kWebhookTokenLife, now); }

}  // namespace

TEST_CASE("what we sign is what LiveKit signs: a bare token with these claims and no other") {
    const auto header = signed_now();
    CHECK(judge(header).valid());
    const auto payload = base64url_decode(split(header, '.')[1]);
    REQUIRE(payload);
    const auto claims = nlohmann::json::parse(*payload);
    CHECK(claims.size() == 5);
    CHECK(claims["iss"] == kHookKey.key);
    CHECK(claims["nbf"] == 1'795'243'100);
    CHECK(claims["iat"] == 1'795'243'100);
    CHECK(claims["exp"] == 1'795'243'400);
    CHECK(claims["sha256"] == webhook_hash(kBody));
}

TEST_CASE("the hash is standard base64 of SHA-256") {
    CHECK(webhook_hash("") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    CHECK(webhook_hash("abc") == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

TEST_CASE("a delivery that is not valid is told by what is wrong") {
    SUBCASE("no header") {
        CHECK(judge("").fault == DeliveryFault::NoHeader);
        CHECK_FALSE(judge("Bearer ").valid());
    }
    SUBCASE("no token") {
        CHECK(judge("x").fault == DeliveryFault::Malformed);
        CHECK(judge("a.b.c").fault == DeliveryFault::Malformed);
        CHECK(judge("Basic YTpi").fault == DeliveryFault::Malformed);
        CHECK(judge(std::string(100'000, 'x')).fault == DeliveryFault::Malformed);
    }
    SUBCASE("unknown key, which is named") {
        const auto verdict = judge(sign_delivery({"APInobody", "x"}, kBody, kHookNow));
        CHECK(verdict.fault == DeliveryFault::UnknownKey);
        CHECK(verdict.reason.find("APInobody") != std::string::npos);
        CHECK(verdict.key == "APInobody");
    }
    SUBCASE("a key with an empty secret is an unknown one") {
        CHECK(verify_delivery(sign_delivery({"k", ""}, kBody, kHookNow), kBody, {{"k", ""}}, kHookNow).fault == DeliveryFault::UnknownKey);
    }
    SUBCASE("another secret") {
        CHECK(judge(sign_delivery({kHookKey.key, "wrong"}, kBody, kHookNow)).fault == DeliveryFault::BadSignature);
        CHECK(judge(sign_delivery({"APIother", kHookKey.secret}, kBody, kHookNow)).fault == DeliveryFault::BadSignature);
    }
    SUBCASE("another algorithm") {
        const auto parts = split(signed_now(), '.');
        CHECK(judge(base64url_encode(R"({"alg":"none","typ":"JWT"})") + "." + parts[1] + ".").fault == DeliveryFault::Algorithm);
    }
    SUBCASE("a token for something else") {
        Claims join;
        join.video.room_join = true;
        CHECK(judge(with_claims(join)).fault == DeliveryFault::NoBodyHash);
    }
    SUBCASE("issued in the future") {
        Claims claims;
        claims.sha256 = webhook_hash(kBody);
        CHECK(judge(with_claims(claims)).valid());
        claims.issued_at = kHookNow + 61s;
        CHECK(judge(with_claims(claims)).fault == DeliveryFault::NotYetValid);
    }
}

TEST_CASE("sixty seconds are forgiven at both ends, and how late it is, is told") {
    const auto header = signed_now();
    CHECK(judge(header, kBody, kHookNow - 60s).valid());
    CHECK(judge(header, kBody, kHookNow - 61s).fault == DeliveryFault::NotYetValid);
    CHECK(judge(header, kBody, kHookNow + 359s).valid());
    const auto late = judge(header, kBody, kHookNow + 300s + 200s);
    CHECK(late.fault == DeliveryFault::Expired);
    CHECK(late.reason.find("3m 20s ago") != std::string::npos);
}

TEST_CASE("'Bearer', which proxies add, is taken off and told") {
    const auto verdict = judge("Bearer " + signed_now());
    CHECK(verdict.valid());
    CHECK(verdict.bearer);
    CHECK(judge("bearer  " + signed_now()).valid());
    CHECK_FALSE(judge(signed_now()).bearer);
    CHECK(judge("Bearer Bearer " + signed_now()).fault == DeliveryFault::Malformed);
}

TEST_CASE("a body that was written anew is told from one that was changed") {
    const auto header = signed_now();
    const auto told = [&](const std::string& body) { return judge(header, body); };
    const auto json = nlohmann::ordered_json::parse(kBody);
    for (const auto& body : {json.dump(), json.dump(2), json.dump(-1, ' ', true), kBody + "\n", kBody + " "}) {
        const auto verdict = told(body);
        CAPTURE(body);
        CHECK(verdict.fault == DeliveryFault::BodyHash);
        CHECK(verdict.reencoded);
        CHECK(verdict.reason.starts_with("the body was re-encoded"));
        CHECK(verdict.reason.find(webhook_hash(kBody)) != std::string::npos);
        CHECK(verdict.reason.find(webhook_hash(body)) != std::string::npos);
    }
    auto changed = json;
    changed["room"]["name"] = "other";
    for (const auto& body : {changed.dump(), std::string(), std::string("x"), kBody.substr(1), std::string("[1]"), std::string(10'000, '[')}) {
        const auto verdict = told(body);
        CAPTURE(body);
        CHECK(verdict.fault == DeliveryFault::BodyHash);
        CHECK_FALSE(verdict.reencoded);
        CHECK(verdict.reason.starts_with("the body was changed"));
    }
}

TEST_CASE("of whatever stands in the header, nothing breaks and nothing is accepted") {
    const auto good = signed_now();
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto bad = good;
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        // The last letter has two bits that mean nothing.
        if (i + 1 < good.size()) CHECK_FALSE(judge(bad).valid());
        CHECK_FALSE(judge(good.substr(0, i)).valid());
    }
    const auto deep = base64url_encode(R"({"alg":"HS256"})") + "." + base64url_encode(R"({"roomConfig":{"a":)" + std::string(8'000, '[')) + ".AAAA";
    CHECK(judge(deep).fault == DeliveryFault::Malformed);
    const auto closed = base64url_encode(R"({"alg":"HS256"})") + "." +
                        base64url_encode(R"({"roomConfig":{"a":)" + std::string(4'000, '[') + std::string(4'000, ']') + "}}") + ".AAAA";
    CHECK(judge(closed).fault == DeliveryFault::Malformed);
    const std::string key = "\x1b[2J\xe2\x80\xae" "evil";
    CHECK(judge(sign_delivery({key, "x"}, kBody, kHookNow)).reason.find('\x1b') == std::string::npos);
}

TEST_CASE("each event that LiveKit knows has a sample, whose parts fit together") {
    REQUIRE(webhook_events().size() == 14);
    SampleOptions options;
    options.room = "r\"1";
    options.now = kHookNow;
    std::set<std::string> rooms;
    for (const auto& name : webhook_events()) {
        CAPTURE(name);
        const auto text = sample_event(name, options);
        REQUIRE(text);
        const auto event = nlohmann::json::parse(*text);
        CHECK(event["event"] == name);
        CHECK(event["createdAt"] == "1795243100");
        CHECK(event["id"].get<std::string>().starts_with("EV_"));
        CHECK(event["id"].get<std::string>().size() == 15);
        if (event.contains("room")) rooms.insert(event["room"]["sid"].get<std::string>());
        if (event.contains("egressInfo")) rooms.insert(event["egressInfo"]["roomId"].get<std::string>());
    }
    CHECK(rooms.size() == 1);
    const auto unknown = sample_event("room_startd", {});
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code == Errc::Usage);
    CHECK(unknown.error().hint.find("room_started") != std::string::npos);
}

TEST_CASE("a sample's fields are changed by path, as the schema has them") {
    const auto with = [](std::vector<std::pair<std::string, std::string>> set) {
        SampleOptions options;
        options.set = std::move(set);
        return sample_event("participant_joined", options);
    };
    const auto event = with({{"room.metadata", R"({"a":1})"}, {"room.numParticipants", "3"}, {"participant.attributes.k", "v"}, {"participant.kind", "SIP"},
                             {"participant.permission.hidden", "true"}, {"id", "EV_mine"}});
    REQUIRE(event);
    const auto json = nlohmann::json::parse(*event);
    CHECK(json["room"]["metadata"] == R"({"a":1})");
    CHECK(json["room"]["numParticipants"] == 3);
    CHECK(json["participant"]["attributes"]["k"] == "v");
    CHECK(json["participant"]["kind"] == "SIP");
    CHECK(json["participant"]["permission"]["hidden"] == true);
    CHECK(json["id"] == "EV_mine");
    for (const auto& [path, value] : {std::pair{"room.nam", "x"}, {"room.numParticipants", "many"}, {"participant.state", "FLYING"}, {"room.name.x", "y"}, {"", "x"}}) {
        CAPTURE(path);
        const auto refused = with({{path, value}});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::Usage);
    }
    CHECK(with({{"room.nam", "x"}}).error().hint.find("name") != std::string::npos);
}

TEST_CASE("a body whose fields were sorted on their way is told from one that was changed") {
    const auto body = sample_event("room_started", {});
    REQUIRE(body);
    const auto sorted = nlohmann::json::parse(*body).dump();
    REQUIRE(sorted != *body);
    CHECK(judge(signed_now(*body), sorted).reencoded);
}
