#include <doctest/doctest.h>

#include "world.h"

namespace voicectl::test {

using rtc::ConnectionState;

TEST_CASE("when the server dies and comes back, the watchdog rejoins and audio flows again both ways") {
    auto& world = World::get();
    const auto room = world.new_room();
    Peer a(room, "a"), b(room, "b");
    a.listen_once = b.listen_once = true;
    REQUIRE(a.join());
    REQUIRE(b.join());
    for (auto* peer : {&a, &b}) {
        REQUIRE(peer->publish(24000));
        REQUIRE(peer->wait([&] { return !peer->heard_tracks.empty(); }));
    }
    a.play(tone(24000, 440, 400ms));
    b.play(tone(24000, 1000, 400ms));
    REQUIRE(b.wait([&] { return b.heard["a"].loud() > 20; }));
    REQUIRE(a.wait([&] { return a.heard["b"].loud() > 20; }));

    world.server().process().terminate(0ms);
    const auto lost = [](Peer& peer) {
        return std::count(peer.states.begin(), peer.states.end(), ConnectionState::Reconnecting) > 0;
    };
    REQUIRE(a.wait([&] { return lost(a); }, 10s));
    REQUIRE(b.wait([&] { return lost(b); }, 10s));
    CHECK_FALSE(a.closed);
    // The core gives up by itself after 18 to 30 s; a track that goes says that it has.
    REQUIRE(a.wait([&] { return !a.unsubscribed.empty(); }, 40s));
    REQUIRE(b.wait([&] { return !b.unsubscribed.empty(); }, 40s));
    REQUIRE(world.server().restart());

    for (auto* peer : {&a, &b}) {
        REQUIRE(peer->wait([&] { return peer->states.back() == ConnectionState::Connected; }, 40s));
        REQUIRE(peer->wait([&] { return peer->heard_tracks.size() >= 2; }, 20s));
        REQUIRE(peer->wait([&] { return peer->subscribed.size() >= 2; }, 20s));
        CHECK(std::count(peer->states.begin(), peer->states.end(), ConnectionState::Reconnecting) == 1);
    }
    CHECK(a.subscribed.back().sid != a.subscribed.front().sid);
    a.on_loop([&] { a.heard["b"] = {}; });
    b.on_loop([&] { b.heard["a"] = {}; });
    a.play(tone(24000, 440, 1s));
    b.play(tone(24000, 1000, 1s));
    REQUIRE(b.wait([&] { return b.heard["a"].loud() > 80; }));
    REQUIRE(a.wait([&] { return a.heard["b"].loud() > 80; }));
    CHECK(b.heard["a"].hz() == doctest::Approx(440).epsilon(0.02));
    CHECK(a.heard["b"].hz() == doctest::Approx(1000).epsilon(0.02));
    // Nobody left: both were only away.
    CHECK_FALSE(a.left("b"));
    CHECK_FALSE(b.left("a"));
    CHECK(a.joined.size() + b.joined.size() == 2);
    CHECK_FALSE(a.closed);
}

}  // namespace voicectl::test
