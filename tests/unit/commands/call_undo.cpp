// call start against a server that refuses a part of it: what was made goes again.
#include <doctest/doctest.h>

#include <algorithm>

#include "bench.h"
#include "scripted_api.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

namespace proto = livekit::proto;
using test::CommandBench;
using test::ScriptedApi;

namespace {

/// Everything works; tests break a part of it.
class Working : public ScriptedApi {
 public:
    Working() {
        on("ListRooms", [this](const std::string&) {
            proto::ListRoomsResponse reply;
            if (made) reply.add_rooms()->set_name("demo");
            return message(reply);
        });
        on("CreateRoom", [this](const std::string&) {
            made = true;
            return message(room());
        });
        on("DeleteRoom", [](const std::string&) { return message(proto::DeleteRoomResponse()); });
        on("UpdateRoomMetadata", [this](const std::string&) { return message(room()); });
        on("CreateDispatch", [](const std::string& body) {
            proto::CreateAgentDispatchRequest request;
            request.ParseFromString(body);
            if (request.agent_name() == "broken") return refusal("500 Internal Server Error", "internal", "no");
            proto::AgentDispatch reply;
            reply.set_id("AD_" + request.agent_name());
            return message(reply);
        });
        on("DeleteDispatch", [](const std::string&) { return message(proto::AgentDispatch()); });
        on("ListEgress", [](const std::string&) { return message(proto::ListEgressResponse()); });
        on("StartRoomCompositeEgress", [](const std::string&) { return message(recording()); });
        on("StopEgress", [](const std::string&) { return message(recording()); });
    }
    std::atomic<bool> made = false;

    int count(const std::string& method) const {
        const auto all = calls();
        return static_cast<int>(std::count(all.begin(), all.end(), method));
    }

 private:
    static proto::Room room() {
        proto::Room out;
        out.set_name("demo");
        out.set_sid("RM_1");
        return out;
    }
    static proto::EgressInfo recording() {
        proto::EgressInfo out;
        out.set_egress_id("EG_1");
        return out;
    }
};

int start(CommandBench& bench, const ScriptedApi& api, std::vector<std::string> words) {
    bench.environment["LIVEKIT_URL"] = api.url();
    words.insert(words.begin(), {"call", "start", "--room", "demo", "--no-schema", "--no-wait"});
    return bench.run(words);
}

}  // namespace

TEST_CASE("a call of which every part works undoes nothing") {
    Working api;
    CommandBench bench;
    CHECK(start(bench, api, {"--agent", "desk", "--record", "--json"}) == 0);
    CHECK(bench.json()["recording"]["egressId"] == "EG_1");
    CHECK(bench.json()["agents"][0]["dispatchId"] == "AD_desk");
    CHECK(api.count("UpdateRoomMetadata") == 1);
    CHECK(api.count("DeleteRoom") + api.count("DeleteDispatch") + api.count("StopEgress") == 0);
}

TEST_CASE("a dispatch that is refused undoes the one beside it, the recording, and last the room") {
    Working api;
    CommandBench bench;
    CHECK(start(bench, api, {"--agent", "desk", "--agent", "broken", "--record"}) == 1);
    CHECK(bench.results.str().empty());
    CHECK(api.count("DeleteDispatch") == 1);
    CHECK(api.count("StopEgress") == 1);
    CHECK(api.calls().back() == "DeleteRoom");
    const auto said = bench.talk.str();
    CHECK(said.find("dispatching agent broken") != std::string::npos);
    CHECK(said.find("dispatch AD_desk deleted") != std::string::npos);
    CHECK(said.find("recording EG_1 stopped") != std::string::npos);
    CHECK(said.find("room demo deleted") != std::string::npos);
}

TEST_CASE("a recording that is refused undoes nothing") {
    Working api;
    api.on("StartRoomCompositeEgress", [](const std::string&) { return ScriptedApi::refusal("503 Service Unavailable", "unavailable", "no response from servers"); });
    CommandBench bench;
    CHECK(start(bench, api, {"--agent", "desk", "--record", "--json"}) == 0);
    CHECK(bench.json()["recording"]["error"].get<std::string>().find("no egress worker") != std::string::npos);
    CHECK(api.count("DeleteRoom") + api.count("DeleteDispatch") == 0);
}

TEST_CASE("what cannot be undone is told, and the rest is undone all the same") {
    Working api;
    api.on("DeleteDispatch", [](const std::string&) { return ScriptedApi::refusal("500 Internal Server Error", "internal", "still no"); });
    CommandBench bench;
    CHECK(start(bench, api, {"--agent", "desk", "--agent", "broken"}) == 1);
    CHECK(bench.talk.str().find("NOT undone: dispatch AD_desk deleted") != std::string::npos);
    CHECK(api.calls().back() == "DeleteRoom");
}

TEST_CASE("a room that was there before is not deleted") {
    Working api;
    api.made = true;
    api.on("ListRooms", [](const std::string&) {
        proto::ListRoomsResponse reply;
        auto& room = *reply.add_rooms();
        room.set_name("demo");
        room.set_sid("RM_1");
        return ScriptedApi::message(reply);
    });
    api.on("ListParticipants", [](const std::string&) { return ScriptedApi::message(proto::ListParticipantsResponse()); });
    CommandBench bench;
    CHECK(start(bench, api, {"--agent", "desk", "--agent", "broken"}) == 1);
    CHECK(api.count("DeleteDispatch") == 1);
    CHECK(api.count("DeleteRoom") == 0);
}

TEST_CASE("a dry run asks the server nothing") {
    Working api;
    CommandBench bench;
    bench.env.global.dry_run = true;
    CHECK(start(bench, api, {"--agent", "desk", "--json"}) == 0);
    CHECK(api.calls().empty());
    CHECK(bench.results.str().find("eyJ") == std::string::npos);
}

}  // namespace voicectl::commands
