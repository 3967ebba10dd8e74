#include <doctest/doctest.h>

#include "world.h"

namespace voicectl::test {
namespace {

using rtc::ConnectionState;

struct Call {
    Call() {
        const auto room = World::get().new_room();
        a = std::make_unique<Peer>(room, "a");
        b = std::make_unique<Peer>(room, "b");
        for (auto* peer : {a.get(), b.get()}) {
            peer->listen_once = true;  // what was opened before is to come back by itself
            rtc::RoomOptions options;
            options.fresh_token = [peer, room, identity = std::string(peer == a.get() ? "a" : "b")] {
                peer->change([&] { ++peer->tries; });
                return World::get().token(room, identity);
            };
            REQUIRE(peer->join(options));
            REQUIRE(peer->publish(24000));
        }
        for (auto* peer : {a.get(), b.get()})
            REQUIRE(peer->wait([&] { return !peer->heard_tracks.empty(); }));
        REQUIRE(both_hear());
        a->on_loop([&] {
            a->room().serve("echo", [](const rtc::RpcCall& call, const rtc::RpcAnswer& answer) { answer(call.payload); });
        });
        REQUIRE(answers_calls());
    }

    bool answers_calls() {
        const auto room = a->on_loop([&] { return a->room().name(); });
        return World::get().call("PerformRpc", R"({"room":")" + room + R"(","destination_identity":"a","method":"echo","payload":"x"})", room) == 200;
    }

    bool both_hear() {
        for (auto* peer : {a.get(), b.get()}) peer->on_loop([&] { peer->heard.clear(); });
        a->play(tone(24000, 440, 1s));
        b->play(tone(24000, 1000, 1s));
        const bool loud = a->wait([&] { return a->heard["b"].loud() > 70; }) &&
                          b->wait([&] { return b->heard["a"].loud() > 70; });
        CHECK(b->heard_from("a").hz() == doctest::Approx(440).epsilon(0.02));
        CHECK(a->heard_from("b").hz() == doctest::Approx(1000).epsilon(0.02));
        return loud;
    }

    void lose_server() {
        World::get().server().process().signal(9);
        for (auto* peer : {a.get(), b.get()})
            REQUIRE(peer->wait([&] { return peer->states.back() == ConnectionState::Reconnecting; }, 20s));
    }

    void regain_server() {
        REQUIRE(World::get().server().restart());
        for (auto* peer : {a.get(), b.get()}) {
            REQUIRE(peer->wait([&] { return peer->states.back() == ConnectionState::Connected; }, 40s));
            REQUIRE(peer->wait([&] { return peer->heard_tracks.size() >= 2; }));
            REQUIRE(peer->wait([&] { return peer->subscribed.size() >= 2; }));
        }
    }

    void check_nobody_left() {
        for (auto* peer : {a.get(), b.get()}) {
            CHECK(peer->gone.empty());
            CHECK(peer->on_loop([&] { return peer->room().participants().size(); }) == 1);
            CHECK(std::count(peer->states.begin(), peer->states.end(), ConnectionState::Reconnecting) == 1);
            CHECK_FALSE(peer->closed);
            CHECK(peer->subscribed.back().sid != peer->subscribed.front().sid);
        }
        CHECK(a->joined.size() + b->joined.size() == 2);
    }

    std::unique_ptr<Peer> a, b;
};

}  // namespace

TEST_CASE("a server that is back soon costs a moment: the same room, the same people, audio both ways") {
    Call call;
    std::optional<Result<void>> set;
    call.a->on_loop([&] {
        call.a->room().set_attributes({{"mood", "calm"}},
                                      [&](Result<void> done) { call.a->change([&] { set = done; }); });
    });
    REQUIRE(call.a->wait([&] { return set.has_value(); }));
    REQUIRE(call.b->wait([&] { return !call.b->updated.empty(); }));
    call.lose_server();
    call.regain_server();
    CHECK(call.both_hear());
    call.check_nobody_left();
    CHECK(call.answers_calls());
    CHECK(call.a->tries == 0);  // the core managed by itself
    // A new server knows of us what the token says; the rest is set again.
    CHECK(call.b->wait(
        [&] { return !call.b->updated.empty() && call.b->updated.back().attributes["mood"] == "calm"; }));
}

TEST_CASE("when the core has given up, the watchdog rejoins with a fresh token, and audio flows again") {
    Call call;
    call.lose_server();
    for (auto* peer : {call.a.get(), call.b.get()}) REQUIRE(peer->wait([&] { return peer->tries > 0; }, 60s));
    CHECK(call.a->on_loop([&] { return call.a->room().state(); }) == ConnectionState::Reconnecting);
    call.regain_server();
    CHECK(call.both_hear());
    call.check_nobody_left();
    CHECK(call.answers_calls());
}

}  // namespace voicectl::test
