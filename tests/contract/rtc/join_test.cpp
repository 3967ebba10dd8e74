#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "world.h"

namespace voicectl::test {
namespace {

using rtc::ConnectionState;

// Accepts connections (the kernel does) and never says a word.
class BlackHole {
 public:
    BlackHole() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* any = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof address;
        REQUIRE(::bind(socket_, any, size) == 0);
        REQUIRE(::listen(socket_, 8) == 0);
        REQUIRE(::getsockname(socket_, any, &size) == 0);
        url = "ws://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    ~BlackHole() { ::close(socket_); }
    std::string url;

 private:
    int socket_;
};

Error join_failure(rtc::RoomOptions options, std::chrono::milliseconds within) {
    Peer peer(World::get().new_room(), "alice");
    const auto started = Clock::now();
    const auto result = peer.join(std::move(options));
    CHECK(Clock::now() - started < within);
    REQUIRE_FALSE(result);
    CHECK(peer.on_loop([&] { return peer.room().state(); }) == ConnectionState::Closed);
    CHECK_FALSE(peer.closed);  // a room that was never joined is not closed, joining failed
    return result.error();
}

}  // namespace

TEST_CASE("joining tells who is there before it is done, and both sides see each other") {
    auto& world = World::get();
    const auto room = world.new_room();
    livekit::Claims agent;
    agent.name = "The Agent";
    agent.metadata = R"({"a":1})";
    agent.kind = "agent";
    agent.attributes = {{"lk.agent_name", "greeter"}};
    Peer first(room, "agent-1", agent), second(room, "caller");
    REQUIRE(first.join());
    REQUIRE(second.join());

    CHECK(second.on_loop([&] { return second.room().name(); }) == room);
    CHECK(second.on_loop([&] { return second.room().identity(); }) == "caller");
    CHECK(second.states == std::vector{ConnectionState::Connected});
    REQUIRE(second.joined.size() == 1);
    CHECK(second.joined[0].identity == "agent-1");
    CHECK(second.joined[0].name == "The Agent");
    CHECK(second.joined[0].metadata == R"({"a":1})");
    CHECK(second.joined[0].kind == rtc::ParticipantKind::Agent);
    CHECK(second.joined[0].attributes.at("lk.agent_name") == "greeter");
    CHECK(second.joined[0].sid.starts_with("PA_"));

    REQUIRE(second.show_to(first));
    CHECK(first.joined[0].kind == rtc::ParticipantKind::Standard);
    CHECK(first.on_loop([&] { return first.room().participants().size(); }) == 1);
}

TEST_CASE("who was there already is told in the order of their coming") {
    const auto room = World::get().new_room();
    std::vector<std::unique_ptr<Peer>> people;
    for (const char* name : {"e", "b", "d", "a", "c"}) {
        people.push_back(std::make_unique<Peer>(room, name));
        REQUIRE(people.back()->join());
    }
    Peer last(room, "last");
    REQUIRE(last.join());
    std::string order;
    last.on_loop([&] {
        for (const auto& who : last.joined) order += who.identity;
    });
    CHECK(order == "ebdac");
}

TEST_CASE("a token signed with another secret is refused as Auth, and the error does not repeat it") {
    auto& world = World::get();
    livekit::Claims claims;
    claims.identity = "mallory";
    claims.video.room_join = true;
    claims.video.room = "r";
    auto key = world.server().address().key;
    key.secret = "another_secret_another_secret_another_secret";
    rtc::RoomOptions options;
    options.token = livekit::mint(key, claims, 1h);
    const auto error = join_failure(options, 5s);
    CHECK(error.code == Errc::Auth);
    const auto shown = error.message + error.hint;
    CHECK(shown.find("eyJ") == std::string::npos);
    CHECK(shown.find(options.token.substr(options.token.rfind('.') + 1)) == std::string::npos);
    CHECK(shown.find("signature") != std::string::npos);
}

TEST_CASE("an expired token is refused as Auth") {
    auto& world = World::get();
    livekit::Claims claims;
    claims.identity = "late";
    claims.video.room_join = true;
    claims.video.room = "r";
    rtc::RoomOptions options;
    options.token =
        livekit::mint(world.server().address().key, claims, 60s, std::chrono::system_clock::now() - 1h);
    CHECK(join_failure(options, 5s).code == Errc::Auth);
}

TEST_CASE("an absent server is Unreachable, at once") {
    rtc::RoomOptions options;
    options.url = "ws://127.0.0.1:1";
    const auto error = join_failure(options, 3s);
    CHECK(error.code == Errc::Unreachable);
    CHECK(error.hint != "");
}

TEST_CASE("a server that never answers is a Timeout, in time") {
    const BlackHole hole;
    rtc::RoomOptions options;
    options.url = hole.url;
    options.join_timeout = 700ms;
    CHECK(join_failure(options, 1500ms).code == Errc::Timeout);
}

TEST_CASE("what is no URL is refused as Usage") {
    rtc::RoomOptions options;
    options.url = "livekit.example";
    CHECK(join_failure(options, 1s).code == Errc::Usage);
}

TEST_CASE("leaving is told to the others and ends with on_closed(Cancelled)") {
    const auto room = World::get().new_room();
    Peer first(room, "a"), second(room, "b");
    REQUIRE(first.join());
    REQUIRE(second.join());
    REQUIRE(second.show_to(first));
    second.leave();
    REQUIRE(second.wait([&] { return second.closed.has_value(); }));
    CHECK(second.closed->code == Errc::Cancelled);
    CHECK(second.states.back() == ConnectionState::Closed);
    REQUIRE(first.wait([&] { return first.left("b"); }, 5s));
    CHECK(first.on_loop([&] { return first.room().participants().empty(); }));
    CHECK_FALSE(first.closed);
}

TEST_CASE("a room that is dropped leaves, too") {
    const auto room = World::get().new_room();
    Peer first(room, "a"), second(room, "b");
    REQUIRE(first.join());
    REQUIRE(second.join());
    REQUIRE(second.show_to(first));
    second.drop();
    REQUIRE(first.wait([&] { return first.left("b"); }, 5s));
}

TEST_CASE("a room dropped while joining says nothing and leaves nobody behind") {
    const auto room = World::get().new_room();
    Peer watcher(room, "watcher");
    REQUIRE(watcher.join());
    for (int i = 0; i < 5; ++i) {
        Peer ghost(room, "ghost-" + std::to_string(i));
        ghost.start_join({});
        ghost.drop();
        CHECK_FALSE(ghost.joined_result);
    }
    // Those that got in at all leave again.
    CHECK(watcher.wait([&] { return watcher.gone.size() == watcher.joined.size(); }, 10s));
    Peer last(room, "last");
    REQUIRE(last.join());
    REQUIRE(last.show_to(watcher));
    CHECK(watcher.on_loop([&] { return watcher.room().participants().size(); }) == 1);
}

TEST_CASE("leaving while joining answers the join, then closes") {
    Peer peer(World::get().new_room(), "hasty");
    peer.start_join({});
    peer.leave();
    REQUIRE(peer.wait([&] { return peer.closed.has_value(); }));
    REQUIRE(peer.joined_result);
    CHECK(peer.joined_result->error().code == Errc::Cancelled);
    CHECK(peer.closed->code == Errc::Cancelled);
}

TEST_CASE("a second join with the same identity ends the first as Conflict") {
    const auto room = World::get().new_room();
    Peer first(room, "twin"), second(room, "twin");
    REQUIRE(first.join());
    REQUIRE(second.join());
    REQUIRE(first.wait([&] { return first.closed.has_value(); }, 5s));
    CHECK(first.closed->code == Errc::Conflict);
    CHECK(first.close_reason == "duplicate_identity");
    CHECK_FALSE(second.closed);
}

TEST_CASE("deleting the room ends it as NotFound") {
    auto& world = World::get();
    const auto room = world.new_room();
    Peer peer(room, "a");
    REQUIRE(peer.join());
    REQUIRE(world.call("DeleteRoom", R"({"room":")" + room + R"("})", room) == 200);
    REQUIRE(peer.wait([&] { return peer.closed.has_value(); }, 5s));
    CHECK(peer.closed->code == Errc::NotFound);
    CHECK(peer.close_reason == "room_deleted");
}

TEST_CASE("being removed ends it as Conflict") {
    auto& world = World::get();
    const auto room = world.new_room();
    Peer peer(room, "a");
    REQUIRE(peer.join());
    REQUIRE(world.call("RemoveParticipant", R"({"room":")" + room + R"(","identity":"a"})", room) == 200);
    REQUIRE(peer.wait([&] { return peer.closed.has_value(); }, 5s));
    CHECK(peer.closed->code == Errc::Conflict);
    CHECK(peer.close_reason == "participant_removed");
}

TEST_CASE("a room may be dropped from inside any of its calls") {
    struct Suicidal final : rtc::RoomObserver {
        std::unique_ptr<rtc::Room> room;
        Waiter waiter;
        bool gone = false;
        void on_state(ConnectionState) override {
            waiter.change([&] {
                room.reset();
                gone = true;
            });
        }
    };
    auto& world = World::get();
    Suicidal observer;
    rtc::RoomOptions options;
    options.url = world.server().address().url;
    options.token = world.token(world.new_room(), "brief");
    bool done = false;
    world.loop().on_loop([&] {
        observer.room = world.core().room(world.loop().get(), options, observer);
        observer.room->join([&](const Result<void>&) { done = true; });
    });
    REQUIRE(observer.waiter.wait([&] { return observer.gone; }));
    world.loop().on_loop([] {});
    CHECK_FALSE(done);
}

}  // namespace voicectl::test
