#include "core/rtc/audio_output.h"

#include <doctest/doctest.h>

#include <cmath>

#include "support/live_loop.h"

namespace voicectl::rtc {
namespace {

using namespace std::chrono_literals;

// Played through the real media thread into memory.
struct Played {
    struct Sink final : FrameSink {
        explicit Sink(Played& owner) : owner_(owner) {}
        void send(audio::SampleView frame) override {
            owner_.waiter.change(
                [&] { owner_.samples.insert(owner_.samples.end(), frame.begin(), frame.end()); });
        }
        Played& owner_;
    };
    explicit Played(int rate_hz) {
        loop.on_loop([&] {
            output = std::make_unique<OutputTrack>(loop.get(), pacer, rate_hz, std::make_unique<Sink>(*this),
                                                   nullptr);
            output->on_started = [this](TimePoint) { waiter.change([&] { ++started; }); };
            output->on_drained = [this](TimePoint, std::uint64_t count) {
                waiter.change([&] {
                    ++drained;
                    played = count;
                });
            };
        });
    }
    ~Played() {
        loop.on_loop([&] { output.reset(); });
    }
    void play(std::size_t count) {
        loop.on_loop([&] { output->play(audio::Samples(count, 1000)); });
    }
    bool wait_drained(int times) {
        return waiter.wait([&] { return drained == times; });
    }

    test::Waiter waiter;
    audio::Samples samples;
    int started = 0, drained = 0;
    std::uint64_t played = 0;
    test::LiveLoop loop;
    Pacer pacer;
    std::unique_ptr<OutputTrack> output;
};

}  // namespace

TEST_CASE("rates of whole frames are fed as they are, others at the next rate that keeps all of them") {
    for (const int rate : {8000, 16000, 24000, 32000, 44100, 48000}) CHECK(core_rate(rate).value() == rate);
    CHECK(core_rate(22050).value() == 24000);
    CHECK(core_rate(11025).value() == 24000);
    CHECK(core_rate(47999).value() == 48000);
    for (const int rate : {-1, 0, 7999, 48001, 96000}) CHECK(core_rate(rate).error().code == Errc::Usage);
}

TEST_CASE("a resampled phrase is one phrase, whole to its last sample") {
    Played played(22050);
    for (int i = 0; i < 10; ++i) played.play(2205);
    REQUIRE(played.wait_drained(1));
    CHECK(played.started == 1);
    CHECK(played.played == 22050);
    CHECK(played.loop.on_loop([&] { return played.output->played_samples(); }) == 22050);
    CHECK(played.loop.on_loop([&] { return played.output->queued(); }) == 0ms);
    const auto full = static_cast<double>(
        std::count_if(played.samples.begin(), played.samples.end(), [](auto s) { return s > 500; }));
    CHECK(full == doctest::Approx(24000).epsilon(0.002));
    // No hole: what the resampler held back joined the rest in time.
    const auto first =
        std::find_if(played.samples.begin(), played.samples.end(), [](auto s) { return s > 500; });
    CHECK(std::all_of(first, first + 23900, [](auto s) { return s > 500; }));
}

TEST_CASE("a phrase shorter than the resampler's filter is played all the same") {
    Played played(22050);
    played.play(40);
    REQUIRE(played.wait_drained(1));
    CHECK(played.played == 40);
    played.play(40);
    REQUIRE(played.wait_drained(2));
    CHECK(played.played == 80);
    CHECK(played.started == 2);
}

TEST_CASE("clearing counts what was played and what was not") {
    for (const int rate : {16000, 22050}) {
        CAPTURE(rate);
        Played played(rate);
        played.play(static_cast<std::size_t>(rate));
        REQUIRE(played.waiter.wait([&] { return played.samples.size() > 4000; }));
        std::uint64_t count = 0;
        std::chrono::milliseconds dropped{0};
        played.loop.on_loop([&] {
            dropped = played.output->clear();
            count = played.output->played_samples();
            CHECK(played.output->queued() == 0ms);
            CHECK(played.output->clear() == 0ms);
        });
        CHECK(std::abs(dropped.count() + static_cast<std::int64_t>(count) * 1000 / rate - 1000) <= 1);
        REQUIRE(played.wait_drained(1));
        CHECK(played.played == count);
    }
}

}  // namespace voicectl::rtc
