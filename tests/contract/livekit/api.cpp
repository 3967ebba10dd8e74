#include "voicectl/livekit/api.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "voicectl/base/redact.h"
#include "voicectl/livekit/local_server.h"

using namespace voicectl;
using namespace voicectl::livekit;
using namespace std::chrono_literals;

namespace {

struct Session {
    std::unique_ptr<LocalServer> server;
    net::HttpClient http;
    std::unique_ptr<TwirpClient> twirp;

    explicit Session(const std::string& extra_yaml = {}) {
        auto started = LocalServer::start({{}, extra_yaml});
        REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
        server = std::move(*started);
        twirp = std::make_unique<TwirpClient>(http, server->address(), 10s);
    }
    RoomApi rooms() { return RoomApi(*twirp); }
    DispatchApi dispatches() { return DispatchApi(*twirp); }
};

proto::CreateRoomRequest named(const std::string& name) {
    proto::CreateRoomRequest request;
    request.set_name(name);
    return request;
}

}  // namespace

TEST_CASE("a room is made, listed in order, found and deleted") {
    Session session;
    auto rooms = session.rooms();
    for (const char* name : {"b", "a/ü 1", "c"}) {
        auto request = named(name);
        request.set_empty_timeout(60);
        request.set_metadata("{\"a\":1}");
        const auto room = rooms.create(request);
        REQUIRE(room);
        CHECK(room->name() == name);
        CHECK(room->empty_timeout() == 60);
        CHECK(room->sid().starts_with("RM_"));
        CHECK_FALSE(room->turn_password().empty());
        CHECK(to_json(*room)["turnPassword"] == "***");
    }
    const auto all = rooms.list();
    REQUIRE(all);
    REQUIRE(all->size() == 3);
    CHECK(all->at(0).name() == "a/ü 1");
    CHECK(all->at(2).name() == "c");
    CHECK(rooms.list({"b", "nope"})->size() == 1);
    CHECK(rooms.get("b")->metadata() == "{\"a\":1}");
    CHECK(rooms.participants("b")->empty());
    CHECK(rooms.remove("b"));
    CHECK(rooms.get("b").error().code == Errc::NotFound);
}

TEST_CASE("an absent room is NotFound at once, for every call that is addressed to it") {
    Session session;
    const auto begun = Clock::now();
    CHECK(session.rooms().get("nope").error().code == Errc::NotFound);
    CHECK(session.rooms().remove("nope").error().code == Errc::NotFound);
    CHECK(session.rooms().participants("nope")->empty());
    CHECK(session.dispatches().list("nope").error().code == Errc::NotFound);
    CHECK(session.dispatches().remove("nope", "AD_x").error().code == Errc::NotFound);
    CHECK(Clock::now() - begun < 2s);  // the server itself takes 3 s for each of the last two
}

TEST_CASE("a dispatch is made, listed and deleted, and makes its room") {
    Session session;
    auto dispatches = session.dispatches();
    proto::CreateAgentDispatchRequest request;
    request.set_room("demo");
    request.set_agent_name("receptionist");
    request.set_metadata("{\"user\":\"ann\"}");
    const auto made = dispatches.create(request);
    REQUIRE(made);
    CHECK(made->id().starts_with("AD_"));
    CHECK(session.rooms().get("demo"));
    const auto listed = dispatches.list("demo");
    REQUIRE(listed);
    CHECK(std::any_of(listed->begin(), listed->end(), [&](const auto& one) {
        return one.id() == made->id() && one.agent_name() == "receptionist" && one.metadata() == "{\"user\":\"ann\"}";
    }));
    CHECK(dispatches.remove("demo", made->id()));
    const auto gone = dispatches.remove("demo", made->id());
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == Errc::NotFound);
    CHECK(gone.error().message.find(made->id()) != std::string::npos);
}

TEST_CASE("a dispatch to a room that the server may not make is NotFound") {
    Session session("room: {auto_create: false}");
    proto::CreateAgentDispatchRequest request;
    request.set_room("nope");
    request.set_agent_name("receptionist");
    CHECK(session.dispatches().create(request).error().code == Errc::NotFound);
}

TEST_CASE("recordings without Redis are refused with what to do") {
    Session session;
    EgressApi egress(*session.twirp);
    const auto listed = egress.list({});
    REQUIRE_FALSE(listed);
    CHECK(listed.error().code == Errc::Unreachable);
    CHECK(listed.error().message.find("redis required") != std::string::npos);
    CHECK(listed.error().hint.find("Redis") != std::string::npos);
    proto::UpdateLayoutRequest layout;
    layout.set_egress_id("EG_x");
    CHECK(egress.update_layout(layout).error().code == Errc::Unreachable);
}

TEST_CASE("input that the server refuses is Rejected with its reason") {
    Session session;
    const auto room = session.rooms().create(named(std::string(300, 'x')));
    REQUIRE_FALSE(room);
    CHECK(room.error().code == Errc::Rejected);
    CHECK(room.error().message.starts_with("CreateRoom: "));
}

TEST_CASE("a wrong secret is Auth and neither secret nor token is in the message") {
    Session session;
    auto address = session.server->address();
    address.key.secret = "quite_another_secret_that_nobody_registered";
    TwirpClient twirp(session.http, address, 10s);
    const auto rooms = RoomApi(twirp).list();
    REQUIRE_FALSE(rooms);
    const auto& error = rooms.error();
    CHECK(error.code == Errc::Auth);
    CHECK(error.message.find("signature is invalid") != std::string::npos);
    for (const auto& text : {error.message, error.hint}) {
        CHECK(text.find(address.key.secret) == std::string::npos);
        CHECK(text.find("eyJ") == std::string::npos);
    }
    address.key.key = "nobody";
    TwirpClient unknown(session.http, address, 10s);
    CHECK(RoomApi(unknown).list().error().code == Errc::Auth);
    CHECK(RoomApi(unknown).list().error().message.find("API key") != std::string::npos);
}

TEST_CASE("a server that is down is Unreachable, and reachable again when it is back") {
    Session session;
    REQUIRE(session.rooms().list());
    session.server->process().signal(9);
    REQUIRE(session.server->process().wait_for(10s));
    const auto down = session.rooms().list();
    REQUIRE_FALSE(down);
    CHECK(down.error().code == Errc::Unreachable);
    CHECK(down.error().message.find("connection refused by 127.0.0.1:") != std::string::npos);
    REQUIRE(session.server->restart());
    CHECK(session.rooms().list());
}
