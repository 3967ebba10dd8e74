#include "core/rtc/pacer.h"

#include <doctest/doctest.h>

#include "support/live_loop.h"

namespace voicectl::rtc {
namespace {

using namespace std::chrono_literals;
using What = PacedSource::Told::What;

struct Recorder final : FrameSink {
    explicit Recorder(std::vector<audio::Samples>& frames) : frames_(frames) {}
    void send(audio::SampleView frame) override { frames_.emplace_back(frame.begin(), frame.end()); }
    std::vector<audio::Samples>& frames_;
};

// A source of 16 kHz, ticked by hand.
struct Ticked {
    std::vector<audio::Samples> frames;
    std::vector<PacedSource::Told> told;
    PacedSource source{16000, std::make_unique<Recorder>(frames),
                       [this](auto each) { told.push_back(each); }};
    TimePoint now{1h};

    void tick(int count = 1) {
        source.tick(count, now);
        source.tell();
        now += kFrameTime;
    }
    void push(std::size_t samples) { source.queue().push(audio::Samples(samples, 7)); }
    std::vector<What> events() const {
        std::vector<What> list;
        for (const auto& each : told) {
            if (each.what != What::Low) list.push_back(each.what);
        }
        return list;
    }
};

}  // namespace

TEST_CASE("the grid is steady: a late look does not move it") {
    Grid grid;
    const TimePoint start{1h};
    grid.restart(start);
    CHECK(grid.due(start) == 1);
    CHECK(grid.due(start + 9ms) == 0);
    CHECK(grid.due(start + 14ms) == 1);
    CHECK(grid.next() == start + 20ms);
    CHECK(grid.due(start + 55ms) == 4);  // 20, 30, 40, 50
    CHECK(grid.next() == start + 60ms);
}

TEST_CASE("a tick that comes very late bursts 100 ms at most, and the grid starts anew") {
    Grid grid;
    const TimePoint start{1h};
    grid.restart(start);
    CHECK(grid.due(start + 90ms) == 10);
    grid.restart(start);
    CHECK(grid.due(start + 5s) == 10);
    CHECK(grid.next() == start + 5s + 10ms);
}

TEST_CASE("a tick that comes so late within a phrase that it is heard is told, with how long nothing was sent") {
    Ticked ticked;
    ticked.push(3200);  // 200 ms
    ticked.tick();
    ticked.now += 40ms;
    ticked.tick(5);
    CHECK(ticked.told.size() == 1);  // started; 40 ms are bridged
    ticked.now += 150ms;
    ticked.tick(10);
    REQUIRE(ticked.told.size() == 2);
    CHECK(ticked.told[1].what == What::Late);
    CHECK(ticked.told[1].gap >= 100ms);  // the burst before it was ahead of its time by 40
    CHECK(ticked.told[1].gap <= 150ms);
    for (int i = 0; i < 10; ++i) ticked.tick();
    CHECK(ticked.told.back().what == What::Drained);
    ticked.now += 10s;
    ticked.push(160);
    ticked.tick();
    CHECK(ticked.told.back().what == What::Started);  // nothing was to be sent meanwhile
}

TEST_CASE("a phrase goes out frame by frame, then half a minute of silence, then nothing") {
    Ticked ticked;
    ticked.push(480);
    for (int i = 0; i < 3000; ++i) ticked.tick();
    CHECK_FALSE(ticked.source.idle());
    for (int i = 0; i < 12; ++i) ticked.tick();
    CHECK(ticked.frames.size() == 3 + 3000);
    CHECK(ticked.frames[2] == audio::Samples(160, 7));
    CHECK(ticked.frames[3] == audio::Samples(160, 0));
    CHECK(ticked.events() == std::vector{What::Started, What::Drained});
    CHECK(ticked.told.back().taken == 480);
    CHECK(ticked.told.back().at - ticked.told.front().at == 30ms);
    CHECK(ticked.source.idle());
}

TEST_CASE("a rest shorter than a frame waits for what belongs to it, then goes out with silence") {
    Ticked ticked;
    ticked.push(100);
    ticked.tick();
    CHECK(ticked.frames.empty());
    CHECK(ticked.told.back().what == What::Low);
    ticked.push(60);
    ticked.tick();
    REQUIRE(ticked.frames.size() == 1);
    CHECK(ticked.frames[0] == audio::Samples(160, 7));

    ticked.push(40);
    for (int i = 0; i <= PacedSource::kPatience; ++i) ticked.tick();
    REQUIRE(ticked.frames.size() >= 2);
    CHECK(ticked.frames[1][39] == 7);
    CHECK(ticked.frames[1][40] == 0);
    ticked.tick();
    CHECK(ticked.events() == std::vector{What::Started, What::Drained});
    CHECK(ticked.told.back().taken == 200);  // silence is not counted
}

TEST_CASE("dropping the queue in the middle of a phrase ends it") {
    Ticked ticked;
    ticked.push(16000);
    ticked.tick();
    ticked.tick();
    ticked.source.queue().drop_all();
    ticked.tick();
    CHECK(ticked.events() == std::vector{What::Started, What::Drained});
    CHECK(ticked.told.back().taken == 320);
    CHECK(ticked.frames.back() == audio::Samples(160, 0));
}

TEST_CASE("what comes during the closing silence starts a new phrase") {
    Ticked ticked;
    ticked.push(160);
    ticked.tick();
    ticked.tick();  // drained, first frame of silence
    ticked.push(160);
    ticked.tick();
    CHECK(ticked.events() == std::vector{What::Started, What::Drained, What::Started});
    CHECK(ticked.frames.back() == audio::Samples(160, 7));
}

TEST_CASE("a late tick sends what was missed") {
    Ticked ticked;
    ticked.push(1600);
    ticked.tick(4);
    CHECK(ticked.frames.size() == 4);
}

TEST_CASE("the media thread plays a source at the pace of its clock, and sleeps when there is nothing") {
    test::Waiter waiter;
    std::vector<audio::Samples> frames;
    std::vector<PacedSource::Told> told;
    const auto source =
        std::make_shared<PacedSource>(16000, std::make_unique<Recorder>(frames),
                                      [&](auto each) { waiter.change([&] { told.push_back(each); }); });
    Pacer pacer;
    pacer.add(source);
    const auto began = Clock::now();
    source->queue().push(audio::Samples(3200, 7));
    pacer.wake();
    REQUIRE(waiter.wait([&] { return told.size() == 2; }));
    CHECK(Clock::now() - began >= 190ms);
    CHECK(told[1].taken == 3200);
}

}  // namespace voicectl::rtc
