#include <doctest/doctest.h>

#include "bench.h"
#include "commands/token/create.h"
#include "commands/token/verify.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {

using namespace std::chrono_literals;
using test::CommandBench;

namespace {

const livekit::ApiKey kKey{"devkey", "a_secret_of_at_least_thirty_two_chars"};

std::optional<TokenCreateOptions> create_options(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "create");
    return test::parsed<TokenCreateOptions>(add_token_create, std::move(arguments));
}

Result<livekit::Claims> claims_of(std::vector<std::string> arguments) {
    const auto options = create_options(std::move(arguments));
    REQUIRE(options);
    return token_claims(*options);
}

Errc refusal_of(std::vector<std::string> arguments) {
    const auto claims = claims_of(std::move(arguments));
    REQUIRE_FALSE(claims);
    return claims.error().code;
}

// The token that the command prints, believed.
livekit::Claims minted(std::vector<std::string> arguments) {
    CommandBench bench;
    arguments.insert(arguments.begin(), {"token", "create"});
    REQUIRE(bench.run(arguments) == 0);
    const auto text = bench.results.str();
    const auto verdict = livekit::verify(kKey, trim(text));
    CHECK(verdict.fault == livekit::TokenFault::None);
    return verdict.claims;
}

}  // namespace

TEST_CASE("each role grants the least that it needs") {
    const std::vector<std::string> who{"--room", "demo", "--identity", "ann", "--role"};
    const auto role = [&](const char* name) {
        auto arguments = who;
        arguments.push_back(name);
        return minted(arguments);
    };
    const auto caller = role("caller").video;
    CHECK(caller.room_join);
    CHECK(caller.room == "demo");
    CHECK(caller.can_publish == true);
    CHECK(caller.can_publish_sources == std::vector<std::string>{"microphone"});
    CHECK(caller.can_subscribe == true);
    CHECK(caller.can_publish_data == true);
    CHECK_FALSE(caller.room_admin);

    const auto publisher = role("publisher").video;
    CHECK(publisher.can_publish_sources == std::vector<std::string>{"microphone"});
    CHECK(publisher.can_subscribe == false);
    CHECK(publisher.can_publish_data == false);

    const auto observer = role("observer").video;
    CHECK(observer.hidden);
    CHECK(observer.can_publish == false);
    CHECK(observer.can_publish_data == false);
    CHECK(observer.can_subscribe == true);

    CHECK(role("recorder").video.recorder);
    CHECK(role("agent").kind == "agent");
    CHECK(role("agent").video.agent);

    const auto admin = role("admin").video;
    CHECK(admin.room_create);
    CHECK(admin.room_admin);
    CHECK_FALSE(admin.room_join);
    CHECK_FALSE(minted({"--role", "admin"}).video.room_admin);  // without a room it would count for none
}

TEST_CASE("flags add to a role and take away from it") {
    const auto claims = minted({"--role", "caller", "--room", "demo", "--identity", "ann", "--no-data", "--source", "camera", "--source",
                                "microphone", "--hidden", "--attribute", "a=b=c", "--attribute", "language=de", "--name", "Ann",
                                "--metadata", "{\"x\":1}", "--no-subscribe"});
    CHECK(claims.video.can_publish_data == false);
    CHECK(claims.video.can_subscribe == false);
    CHECK(claims.video.can_publish_sources == std::vector<std::string>{"camera", "microphone"});
    CHECK(claims.video.hidden);
    CHECK(claims.attributes == std::map<std::string, std::string>{{"a", "b=c"}, {"language", "de"}});
    CHECK(claims.name == "Ann");
    CHECK(claims.metadata == "{\"x\":1}");
    const auto muted = minted({"--role", "caller", "--room", "demo", "--identity", "ann", "--no-publish"});
    CHECK(muted.video.can_publish == false);
    CHECK(muted.video.can_publish_sources.empty());
}

TEST_CASE("every grant has a flag") {
    const auto claims = minted({"--join", "--room", "demo", "--identity", "ann", "--create", "--list", "--record", "--admin", "--ingress-admin",
                                "--destination-room", "other", "--publish", "--subscribe", "--data", "--update-own-metadata",
                                "--subscribe-metrics", "--manage-agent-session", "--recorder", "--worker", "--sip-admin", "--sip-call",
                                "--inference"});
    const auto& v = claims.video;
    CHECK((v.room_create && v.room_list && v.room_record && v.room_admin && v.ingress_admin && v.recorder && v.agent && v.room_join));
    CHECK(v.destination_room == "other");
    for (const auto& choice : {v.can_publish, v.can_subscribe, v.can_publish_data, v.can_update_own_metadata, v.can_subscribe_metrics, v.can_manage_agent_session})
        CHECK(choice == true);
    CHECK((claims.sip_admin && claims.sip_call && claims.inference_perform));
}

TEST_CASE("agents and a room configuration go into the token together") {
    const auto claims = minted({"--role", "caller", "--room", "demo", "--identity", "ann", "--agent", "receptionist={\"u\":1}", "--room-config",
                                R"({"emptyTimeout":60})"});
    const auto config = Json::parse(claims.room_config_json);
    CHECK(config["emptyTimeout"] == 60);
    CHECK(config["agents"][0]["agentName"] == "receptionist");
    CHECK(config["agents"][0]["metadata"] == "{\"u\":1}");
}

TEST_CASE("a token that would be of no use is refused") {
    CHECK(refusal_of({}) == Errc::Usage);
    CHECK(refusal_of({"--room", "demo", "--identity", "ann"}) == Errc::Usage);
    CHECK(refusal_of({"--role", "caller", "--identity", "ann"}) == Errc::Usage);
    CHECK(refusal_of({"--role", "caller", "--room", "demo"}) == Errc::Usage);
    CHECK(refusal_of({"--admin"}) == Errc::Usage);
    CHECK(refusal_of({"--list", "--agent", "receptionist"}) == Errc::Usage);
    CHECK(refusal_of({"--role", "caller", "--room", "demo", "--identity", "ann", "--agent", "=x"}) == Errc::Usage);
    CHECK(refusal_of({"--role", "caller", "--room", "demo", "--identity", "ann", "--no-publish", "--source", "camera"}) == Errc::Usage);
    CHECK(refusal_of({"--role", "caller", "--room", "demo", "--identity", "ann", "--room-config", "{\"nope\":1}"}) == Errc::Usage);
    CHECK(refusal_of({"--role", "caller", "--room", "demo", "--identity", "ann", "--attribute", "novalue"}) == Errc::Usage);
    CHECK(refusal_of({"--grants-from", "rubbish"}) == Errc::Usage);
    CHECK(refusal_of({"--list", "--publish"}) == Errc::Usage);
    CHECK(refusal_of({"--room", "demo", "--publish"}) == Errc::Usage);
    CHECK(refusal_of({"--role", "admin", "--hidden"}) == Errc::Usage);
    CHECK_FALSE(create_options({"--join", "--room", "demo", "--identity", "ann", "--publish", "--no-publish"}));
    CHECK_FALSE(create_options({"--role", "king"}));
    CHECK_FALSE(create_options({"--source", "keyboard"}));
}

TEST_CASE("storage secrets do not get into a token") {
    const auto config = R"({"egress":{"room":{"fileOutputs":[{"filepath":"x.ogg","s3":{"secret":"geheim","bucket":"b"}}]}}})";
    const auto claims = claims_of({"--role", "caller", "--room", "demo", "--identity", "ann", "--room-config", config});
    REQUIRE_FALSE(claims);
    CHECK(claims.error().code == Errc::Usage);
    CHECK(claims.error().message.find("geheim") == std::string::npos);
}

TEST_CASE("a life that makes no sense is refused, and five minutes is the default") {
    const auto now = livekit::SystemTime(std::chrono::seconds(1'800'000'000));  // 2027-01-15T08:00:00Z
    const auto life = [&](std::vector<std::string> arguments) {
        const auto options = create_options(std::move(arguments));
        REQUIRE(options);
        return token_life(*options, now);
    };
    CHECK(life({}) == 300s);
    CHECK(life({"--valid-for", "1d"}) == std::chrono::seconds(86400));
    CHECK(life({"--until", "2027-01-15T08:10:00Z"}) == 600s);
    CHECK(life({"--until", "2027-01-15T10:10:00.5+02:00"}) == 600s);
    CHECK(life({"--until", "2027-01-16"}) == 16h);
    for (const char* bad : {"0s", "-5m", "400d", "10ms", "soon", ""}) {
        CAPTURE(bad);
        if (*bad != '\0') CHECK(life({"--valid-for=" + std::string(bad)}).error().code == Errc::Usage);
    }
    for (const char* bad : {"2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "tomorrow", "2027-01-15T08:10:00", "2027-01-15T08:10:00+0200"}) {
        CAPTURE(bad);
        CHECK(life({"--until", bad}).error().code == Errc::Usage);
    }
    CHECK_FALSE(create_options({"--valid-for", "1h", "--until", "2027-01-15T08:10:00Z"}));
}

TEST_CASE("the formats are a bare token, JSON and lines for a shell") {
    const std::vector<std::string> base{"token", "create", "--role", "caller", "--room", "demo", "--identity", "ann", "--url", "ws://localhost:7880"};
    const auto with = [&](std::vector<std::string> more) {
        CommandBench bench;
        auto all = base;
        all.insert(all.end(), more.begin(), more.end());
        CHECK(bench.run(all) == 0);
        return bench.results.str();
    };
    const auto bare = with({});
    CHECK(bare.starts_with("eyJ"));
    CHECK(bare.find('\n') == bare.size() - 1);
    CHECK(with({"--format", "env"}).starts_with("LIVEKIT_URL=ws://localhost:7880\nLIVEKIT_TOKEN=eyJ"));
    CHECK(with({"--get", "/room"}) == "demo\n");
    for (const auto& flags : {std::vector<std::string>{"--json"}, std::vector<std::string>{"--format", "json"}}) {
        const auto json = Json::parse(with(flags));
        CHECK(json["token"].get<std::string>().starts_with("eyJ"));
        CHECK(json["identity"] == "ann");
        CHECK(json["url"] == "ws://localhost:7880");
        CHECK(json["claims"]["video"]["roomJoin"] == true);
        CHECK(json["grants"][0]["allows"] == "join room \"demo\"");
        CHECK(json["expiresSeconds"].get<std::int64_t>() == json["claims"]["exp"].get<std::int64_t>());
    }
}

TEST_CASE("a token needs no server but a key, and says which part is missing") {
    CommandBench bench;
    bench.environment.erase("LIVEKIT_API_SECRET");
    CHECK(bench.run({"token", "create", "--list"}) == 2);
    CHECK(bench.results.str().empty());
    CHECK(bench.talk.str().find("API secret") != std::string::npos);
}

TEST_CASE("the grants of another token are taken over, its life and key are not") {
    livekit::Claims other;
    other.identity = "ann";
    other.video.room_join = true;
    other.video.room = "demo";
    const auto old = livekit::mint({"other", "x"}, other, 10s, livekit::SystemTime(1000s));
    const auto claims = minted({"--grants-from", old, "--identity", "bob"});
    CHECK(claims.issuer == "devkey");
    CHECK(claims.identity == "bob");
    CHECK(claims.video.room == "demo");
}

TEST_CASE("a good token is verified and explained, a bad one is exit 3 with its reason") {
    livekit::Claims claims;
    claims.identity = "ann";
    claims.video.room_join = true;
    claims.video.room = "demo";
    const auto good = livekit::mint(kKey, claims, 300s);
    {
        CommandBench bench;
        CHECK(bench.run({"token", "verify", good, "--json", "--require", "join,room=demo", "--require", "publish"}) == 0);
        const auto json = bench.json();
        CHECK(json["valid"] == true);
        CHECK(json["fault"].is_null());
        CHECK(json["identity"] == "ann");
        CHECK(json["secondsLeft"].get<int>() > 290);
        CHECK(json["requirements"].size() == 3);
        CHECK(json["claims"]["video"]["room"] == "demo");
    }
    const auto now = std::chrono::system_clock::now();
    const std::vector<std::pair<std::string, std::string>> cases{
        {livekit::mint({"devkey", "another_secret_of_more_than_32_chars"}, claims, 300s), "bad_signature"},
        {livekit::mint({"other", kKey.secret}, claims, 300s), "wrong_key"},
        {livekit::mint(kKey, claims, 300s, now - 1h), "expired"},
        {livekit::mint(kKey, claims, 300s, now + 1h), "not_yet_valid"},
        {"rubbish", "malformed"}};
    for (const auto& [token, fault] : cases) {
        CAPTURE(fault);
        CommandBench bench;
        CHECK(bench.run({"token", "verify", "Bearer " + token, "--json"}) == 3);
        CHECK(bench.json()["valid"] == false);
        CHECK(bench.json()["fault"] == fault);
        CHECK(bench.talk.str().find("check_failed") != std::string::npos);
        CHECK((bench.results.str() + bench.talk.str()).find(kKey.secret) == std::string::npos);
    }
    CommandBench unmet_bench;
    CHECK(unmet_bench.run({"token", "verify", good, "--require", "join,room=other"}) == 3);
    CHECK(unmet_bench.talk.str().find("it is for room \"demo\"") != std::string::npos);
}

TEST_CASE("times that are none are told as such") {
    const auto verified = [](const std::string& exp) {
        const auto text = base64url_encode(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url_encode(R"({"iss":"devkey","sub":"ann","exp":)" + exp + "}") + ".AAAA";
        CommandBench bench;
        CHECK(bench.run({"token", "decode", text}) == 0);
        return bench.results.str();
    };
    CHECK(verified("1800000000000").find("looks like milliseconds") != std::string::npos);
    for (const char* exp : {"1e300", "1e18", "-1e300"}) {
        CAPTURE(exp);
        CHECK(verified(exp).find("beyond any clock") != std::string::npos);
        CHECK(verified(exp).find("1678") == std::string::npos);
    }
    CHECK(verified("1800000000").find("until 2027-01-15") != std::string::npos);
    CHECK(livekit::verify(kKey, livekit::mint(kKey, {}, 300s)).fault == livekit::TokenFault::None);

    CommandBench malformed;
    CHECK(malformed.run({"token", "verify", "rubbish"}) == 3);
    CHECK(malformed.results.str().find("no end") == std::string::npos);
    CommandBench missing;
    CHECK(missing.run({"token", "verify", "x", "--require", "room="}) == 2);
    CHECK(missing.talk.str().find("a value is missing") != std::string::npos);
}

TEST_CASE("the leeway can be narrowed, and a requirement that does not exist is no verdict") {
    livekit::Claims claims;
    claims.video.room_list = true;
    const auto token = livekit::mint(kKey, claims, 300s, std::chrono::system_clock::now() - 330s);
    CHECK(CommandBench().run({"token", "verify", token}) == 0);
    CHECK(CommandBench().run({"token", "verify", token, "--leeway", "10s"}) == 3);
    for (const char* demand : {"fly", "room", "room=", "join=x"}) CHECK(CommandBench().run({"token", "verify", token, "--require", demand}) == 2);
    CHECK(CommandBench().run({"token", "verify", ""}) == 2);
}

TEST_CASE("what is required is judged as a server judges it") {
    livekit::Claims claims;
    const auto met = [&](const std::string& demand) { return unmet(claims, demand).value().empty(); };
    CHECK_FALSE(met("join"));
    CHECK_FALSE(met("publish"));
    claims.video.room_join = true;
    claims.video.room = "demo";
    CHECK_FALSE(met("join"));  // no identity
    claims.identity = "ann";
    CHECK(met("join"));
    CHECK(met("publish"));  // absent allows
    CHECK(met("data"));
    CHECK(met("source=camera"));
    claims.video.can_publish_sources = {"microphone"};
    CHECK_FALSE(met("source=camera"));
    claims.video.can_publish = false;
    CHECK_FALSE(met("publish"));
    CHECK_FALSE(met("data"));  // follows canPublish
    claims.video.room_admin = true;
    CHECK(met("admin"));
    CHECK_FALSE(met("list"));
    claims.attributes["language"] = "de";
    CHECK(met("attribute=language"));
    CHECK_FALSE(met("attribute=mood"));
}

}  // namespace voicectl::commands
