#include <doctest/doctest.h>

#include "world.h"

namespace voicectl::test {
namespace {

struct Pair {
    explicit Pair(int listen_rate_hz = 16000) {
        const auto room = World::get().new_room();
        a = std::make_unique<Peer>(room, "a");
        b = std::make_unique<Peer>(room, "b");
        a->listen_rate_hz = b->listen_rate_hz = listen_rate_hz;
        REQUIRE(a->join());
        REQUIRE(b->join());
    }
    std::unique_ptr<Peer> a, b;
};

constexpr double kToneDbfs = -15.3;  // of tone(): 8000 of 32768, as a sine

void check_tone(const Heard& heard, double hz) {
    CHECK(heard.hz() == doctest::Approx(hz).epsilon(0.02));
    CHECK(heard.level_dbfs() == doctest::Approx(kToneDbfs).epsilon(0.2));
}

void publish_and_wait(Peer& from, Peer& to, int rate_hz) {
    REQUIRE(from.publish(rate_hz));
    REQUIRE(from.wait([&] { return !from.heard_tracks.empty(); }));
    REQUIRE(to.wait([&] { return !to.subscribed.empty(); }));
}

}  // namespace

TEST_CASE("what is played at any usual rate is heard with its pitch and level, both ways at once") {
    struct Rates {
        int a, b, listen;
    };
    for (const auto rates :
         {Rates{16000, 48000, 16000}, Rates{22050, 24000, 48000}, Rates{8000, 44100, 24000}}) {
        CAPTURE(rates.a);
        CAPTURE(rates.b);
        const Pair pair(rates.listen);
        auto &a = *pair.a, &b = *pair.b;
        publish_and_wait(a, b, rates.a);
        publish_and_wait(b, a, rates.b);
        CHECK(a.on_loop([&] { return a.output().rate_hz(); }) == rates.a);
        a.play(tone(rates.a, 440, 1s));
        b.play(tone(rates.b, 1000, 1s));
        REQUIRE(b.wait([&] { return b.heard["a"].loud() > 80; }));
        REQUIRE(a.wait([&] { return a.heard["b"].loud() > 80; }));
        check_tone(b.heard_from("a"), 440);
        check_tone(a.heard_from("b"), 1000);
        CHECK(b.heard_from("a").frames[0].samples.size() == static_cast<std::size_t>(rates.listen / 100));
        REQUIRE(a.wait([&] { return a.audio_events.size() == 2; }));
        REQUIRE(b.wait([&] { return b.audio_events.size() == 2; }));
        CHECK(a.drained_samples == static_cast<std::uint64_t>(rates.a));
        CHECK(b.drained_samples == static_cast<std::uint64_t>(rates.b));
        CHECK(a.on_loop([&] { return a.output().played_samples(); }) == static_cast<std::uint64_t>(rates.a));
    }
}

TEST_CASE("a rate that no track can have is refused as Usage") {
    const Pair pair;
    for (const int rate : {0, -16000, 4000, 96000}) {
        CAPTURE(rate);
        const auto published = pair.a->publish(rate);
        REQUIRE_FALSE(published);
        CHECK(published.error().code == Errc::Usage);
    }
}

TEST_CASE("a track says who published it, and that it is a microphone") {
    const Pair pair;
    REQUIRE(pair.a->publish(16000, "voice"));
    REQUIRE(pair.b->wait([&] { return !pair.b->subscribed.empty(); }));
    const auto track = pair.b->subscribed[0];
    CHECK(track.participant_identity == "a");
    CHECK(track.name == "voice");
    CHECK(track.audio);
    CHECK(track.microphone);
    CHECK(track.sid.starts_with("TR_"));
    pair.a->drop_output();
    REQUIRE(pair.b->wait([&] { return !pair.b->unsubscribed.empty(); }, 5s));
    CHECK(pair.b->unsubscribed[0].sid == track.sid);
}

TEST_CASE("a track counts as heard only when somebody else subscribes, and once") {
    const auto room = World::get().new_room();
    Peer alone(room, "alone");
    REQUIRE(alone.join());
    REQUIRE(alone.publish(16000, "voice"));
    CHECK_FALSE(alone.wait([&] { return !alone.heard_tracks.empty(); }, 700ms));
    Peer first(room, "first"), second(room, "second");
    REQUIRE(first.join());
    REQUIRE(alone.wait([&] { return !alone.heard_tracks.empty(); }));
    CHECK(alone.heard_tracks == std::vector<std::string>{"voice"});
    REQUIRE(second.join());
    REQUIRE(second.wait([&] { return !second.subscribed.empty(); }));
    CHECK(alone.on_loop([&] { return alone.heard_tracks.size(); }) == 1);
}

TEST_CASE("started and drained come in order, once for each phrase, and count what was played") {
    const Pair pair;
    auto& a = *pair.a;
    REQUIRE(a.publish(24000));
    const auto began = Clock::now();
    a.play(tone(24000, 440, 125ms));  // no whole number of frames
    REQUIRE(a.wait([&] { return a.audio_events.size() == 2; }));
    CHECK(a.audio_events == std::vector<std::string>{"started", "drained"});
    CHECK(a.drained_samples == 3000);
    CHECK(a.audio_times[0] >= began);
    CHECK(a.audio_times[0] - began < 60ms);
    const auto length = a.audio_times[1] - a.audio_times[0];
    CHECK(length > 120ms);
    CHECK(length < 250ms);
    a.on_loop([&] {
        a.output().play(tone(24000, 440, 50ms));
        a.output().play(tone(24000, 440, 50ms));
        CHECK(a.output().queued() <= 100ms);
        CHECK(a.output().queued() >= 80ms);
    });
    REQUIRE(a.wait([&] { return a.audio_events.size() == 4; }));
    CHECK(a.audio_events[2] == "started");
    CHECK(a.audio_events[3] == "drained");
    CHECK(a.drained_samples == 5400);
    CHECK(a.on_loop([&] { return a.output().queued(); }) == 0ms);
}

TEST_CASE("clear() says what it dropped, and the other side stops hearing at once") {
    for (const int rate : {16000, 22050}) {
        CAPTURE(rate);
        const Pair pair;
        auto &a = *pair.a, &b = *pair.b;
        publish_and_wait(a, b, rate);
        a.play(tone(rate, 440, 5s));
        REQUIRE(b.wait([&] { return b.heard["a"].loud() > 50; }));
        std::chrono::milliseconds dropped{0}, left{0};
        std::uint64_t played = 0;
        const auto cleared = a.on_loop([&] {
            const auto now = Clock::now();
            dropped = a.output().clear();
            left = a.output().queued();
            played = a.output().played_samples();
            return now;
        });
        CHECK(left == 0ms);
        CHECK(dropped.count() + static_cast<std::int64_t>(played) * 1000 / rate ==
              doctest::Approx(5000).epsilon(0.001));
        CHECK(dropped > 3s);
        REQUIRE(b.wait([&] { return b.heard["a"].quiet_since() > 30; }));
        MESSAGE("heard for ",
                std::chrono::duration_cast<std::chrono::milliseconds>(*b.heard_from("a").last_loud() - cleared)
                    .count(),
                " ms after clear()");
        CHECK(*b.heard_from("a").last_loud() - cleared < 150ms);
        REQUIRE(a.wait([&] { return a.audio_events.size() == 2; }));
        CHECK(a.drained_samples == played);
        // And it goes on as if nothing had been.
        a.play(tone(rate, 1000, 300ms));
        REQUIRE(a.wait([&] { return a.audio_events.size() == 4; }));
        CHECK(a.drained_samples == played + static_cast<std::uint64_t>(rate) * 3 / 10);
        REQUIRE(b.wait([&] { return b.heard["a"].loud() > 70; }));
    }
}

TEST_CASE("listening at a rate that cannot be hears nothing and harms nothing") {
    const Pair pair;
    publish_and_wait(*pair.a, *pair.b, 16000);
    pair.b->on_loop([&] {
        for (const int rate : {0, -1, 22050, 1'000'000})
            CHECK(pair.b->room().listen(pair.b->subscribed[0].sid, rate, [](const auto&) {}));
    });
    pair.a->play(tone(16000, 440, 300ms));
    CHECK(pair.b->wait([&] { return pair.b->heard["a"].loud() > 10; }));
}

TEST_CASE("received frames are stamped in order, and dropping the input ends them") {
    const Pair pair;
    auto &a = *pair.a, &b = *pair.b;
    publish_and_wait(a, b, 48000);
    a.play(tone(48000, 440, 2s));
    REQUIRE(b.wait([&] { return b.heard["a"].loud() > 30; }));
    const auto count = b.on_loop([&] {
        b.inputs.clear();
        return b.heard["a"].frames.size();
    });
    CHECK_FALSE(b.wait([&] { return b.heard["a"].frames.size() > count; }, 200ms));
    const auto frames = b.heard_from("a").frames;
    CHECK(std::is_sorted(frames.begin(), frames.end(),
                         [](const auto& x, const auto& y) { return x.at < y.at; }));
}

TEST_CASE("an output that outlives its room still takes what is played and reports") {
    const auto room = World::get().new_room();
    Peer a(room, "a");
    REQUIRE(a.join());
    REQUIRE(a.publish(16000));
    a.leave();
    REQUIRE(a.wait([&] { return a.closed.has_value(); }));
    a.play(tone(16000, 440, 50ms));
    REQUIRE(a.wait([&] { return a.audio_events.size() == 2; }));
    CHECK(a.drained_samples == 800);
}

}  // namespace voicectl::test
