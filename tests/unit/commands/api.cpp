#include "commands/api/api.h"

#include <doctest/doctest.h>

#include "bench.h"
#include "commands/api/grants.h"
#include "scripted_api.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

using test::CommandBench;
using test::parsed;
using test::ScriptedApi;

namespace {

Result<ApiCall> made(std::vector<std::string> words) {
    words.insert(words.begin(), "api");
    const auto options = parsed<ApiOptions>(add_api, words);
    REQUIRE(options);
    return api_call(*options);
}

ScriptedApi::Reply json(const std::string& text) { return {text, "200 OK", "application/json"}; }

}  // namespace

TEST_CASE("a raw call gets the grant that it needs and the room that it names") {
    const auto list = made({"RoomService/ListRooms"});
    REQUIRE(list);
    CHECK(list->claims.video == livekit::VideoGrant{.room_list = true});
    CHECK(made({"livekit.RoomService/DeleteRoom", "--data", R"({"room":"demo"})"})->claims.video == livekit::VideoGrant{.room_create = true, .room = "demo"});
    CHECK(made({"RoomService/SendData", "--data", R"({"room":"demo"})"})->claims.video == livekit::VideoGrant{.room_admin = true, .room = "demo"});
    CHECK(made({"Egress/StopEgress", "--data", R"({"egressId":"EG_1"})"})->claims.video == livekit::VideoGrant{.room_record = true});
    CHECK(made({"Ingress/ListIngress", "--data", R"({"roomName":"demo"})"})->claims.video == livekit::VideoGrant{.ingress_admin = true, .room = "demo"});
    const auto move = made({"RoomService/MoveParticipant", "--data", R"({"room":"a","destination_room":"b"})"});
    CHECK(move->claims.video == livekit::VideoGrant{.room_admin = true, .room = "a", .destination_room = "b"});
    CHECK(made({"SIP/ListSIPInboundTrunk"})->claims.sip_admin);
    const auto transfer = made({"SIP/TransferSIPParticipant", "--data", R"({"room_name":"a"})"});
    CHECK(transfer->claims.sip_call);
    CHECK(transfer->claims.video == livekit::VideoGrant{.room_admin = true, .room = "a"});
    const auto given = made({"Connector/DialWhatsAppCall", "--grant", "admin,sip-call", "--room", "x"});
    CHECK(given->claims.sip_call);
    CHECK(given->claims.video == livekit::VideoGrant{.room_admin = true, .room = "x"});
}

TEST_CASE("what is no call, no object or of no known service is refused before anything is sent") {
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"ListRooms"}, {"RoomService/"}, {"/ListRooms"}, {"RoomService/List/Rooms"}, {"../RoomService/ListRooms"}, {"Nobody/Knows"},
             {"RoomService/ListRooms", "--data", "[]"}, {"RoomService/ListRooms", "--data", "request.json"}, {"RoomService/ListRooms", "--data", "@/nowhere.json"}})
        CHECK_MESSAGE(made(words).error().code == Errc::Usage, fmt::format("{}", fmt::join(words, " ")));
    CHECK_FALSE(parsed<ApiOptions>(add_api, {"api", "RoomService/ListRooms", "--grant", "everything"}));
    CHECK_FALSE(parsed<ApiOptions>(add_api, {"api"}));
}

TEST_CASE("a service is known in any case, and one that is not gets a suggestion") {
    const auto list = made({"roomservice/ListRooms"});
    REQUIRE(list);
    CHECK(list->service == "RoomService");
    CHECK(list->claims.video == livekit::VideoGrant{.room_list = true});
    CHECK(made({"Room/ListRooms"}).error().hint.find("did you mean RoomService?") != std::string::npos);
    CHECK(made({"AgentDispatch/ListDispatch"}).error().hint.find("did you mean AgentDispatchService?") != std::string::npos);
    CHECK(made({"Nobody/Knows"}).error().hint.find("did you mean") == std::string::npos);
}

TEST_CASE("where the request is no JSON is told") {
    CHECK(made({"RoomService/ListRooms", "--data", "{"}).error().message.find("line 1, column 2") != std::string::npos);
    CHECK(made({"RoomService/ListRooms", "--data", "[]"}).error().message.find("no object") != std::string::npos);
}

TEST_CASE("the answer is JSON whatever form is asked for, and an error is text unless --json") {
    ScriptedApi api;
    api.on("ListRooms", [](const std::string&) { return json(R"({"rooms":[]})"); });
    for (const char* format : {"table", "wide", "tsv", "name", "json", "jsonl"}) {
        CommandBench good, bad;
        good.environment["LIVEKIT_URL"] = bad.environment["LIVEKIT_URL"] = api.url();
        CHECK(good.run({"api", "RoomService/ListRooms", "-o", format}) == 0);
        CHECK(good.json() == Json::parse(R"({"rooms":[]})"));
        CHECK(bad.run({"api", "RoomService/Nonsense", "-o", format}) == 1);
        CHECK(bad.talk.str().starts_with("error:") == !std::string_view(format).starts_with("json"));
    }
}

TEST_CASE("what lacks Redis is told by what was asked of it") {
    ScriptedApi api;
    for (const char* method : {"ListEgress", "ListIngress", "ListSIPInboundTrunk"})
        api.on(method, [](const std::string&) { return ScriptedApi::refusal("500 Internal Server Error", "internal", "redis required"); });
    const auto told = [&](const char* call) {
        CommandBench bench;
        bench.environment["LIVEKIT_URL"] = api.url();
        CHECK(bench.run({"api", call}) == 7);
        return bench.talk.str();
    };
    CHECK(told("Egress/ListEgress").find("records nothing") != std::string::npos);
    for (const char* call : {"Ingress/ListIngress", "SIP/ListSIPInboundTrunk"}) {
        CHECK(told(call).find("redis required") != std::string::npos);
        CHECK(told(call).find("records nothing") == std::string::npos);
        CHECK(told(call).find("egress service") == std::string::npos);
    }
}

TEST_CASE("secrets of an answer are masked whichever way they are written") {
    auto answer = Json::parse(R"({"rooms":[{"turn_password":"a1","turnPassword":"a2","name":"secret"}],"stream_key":"k","s3":{"secret":"s","access_key":"visible"},
                                  "urls":["rtmp://host/app/key","wss://host/path"],"empty":{"password":""},"token":{"token":"page"}})");
    livekit::mask_secrets(answer);
    CHECK(answer.dump() == R"({"rooms":[{"turn_password":"***","turnPassword":"***","name":"secret"}],"stream_key":"***","s3":{"secret":"***","access_key":"***"},)"
                           R"("urls":["rtmp://host/app/***","wss://host/path"],"empty":{"password":""},"token":{"token":"***"}})");
}

TEST_CASE("--all walks every page and joins the lists") {
    ScriptedApi api;
    api.on("ListIngress", [](const std::string& body) {
        const auto token = Json::parse(body).value("page_token", Json::object()).value("token", "");
        if (token.empty()) return json(R"({"items":[{"ingress_id":"1"}],"next_page_token":{"token":"two"}})");
        if (token == "two") return json(R"({"items":[{"ingress_id":"2"}],"next_page_token":{"token":"three"}})");
        return json(R"({"items":[{"ingress_id":"3"}],"next_page_token":null})");
    });
    CommandBench one, all;
    one.environment["LIVEKIT_URL"] = all.environment["LIVEKIT_URL"] = api.url();
    CHECK(one.run({"api", "Ingress/ListIngress"}) == 0);
    CHECK(one.json()["items"].size() == 1);
    CHECK(all.run({"api", "Ingress/ListIngress", "--all"}) == 0);
    CHECK(all.json()["items"].dump() == R"([{"ingress_id":"1"},{"ingress_id":"2"},{"ingress_id":"3"}])");
    api.on("ListSIPTrunk", [](const std::string&) { return json(R"({"items":[],"next_page_token":{"token":"same"}})"); });
    CommandBench endless;
    endless.environment["LIVEKIT_URL"] = api.url();
    CHECK(endless.run({"api", "SIP/ListSIPTrunk", "--all"}) == 1);
    CHECK(endless.talk.str().find("same page") != std::string::npos);
}

TEST_CASE("an answer that is no JSON object is the other side's fault") {
    ScriptedApi api;
    api.on("ListRooms", [](const std::string&) { return ScriptedApi::Reply{"<html>", "200 OK", "text/html"}; });
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = api.url();
    CHECK(bench.run({"api", "RoomService/ListRooms"}) == 1);
    CHECK(bench.results.str().empty());
}

TEST_CASE("a dry run of a raw call shows the request and sends nothing") {
    ScriptedApi api;
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = api.url();
    bench.env.global.dry_run = true;
    CHECK(bench.run({"api", "Ingress/CreateIngress", "--data", R"({"stream_key":"hush"})"}) == 0);
    CHECK(bench.json()["request"]["stream_key"] == "***");
    CHECK(api.calls().empty());
}

}  // namespace voicectl::commands
