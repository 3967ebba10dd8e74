// With sounds that are no speech; with real speech: tests/contract/speech/voice_activity.cpp.
#include "voicectl/audio/voice_activity.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "signals.h"

using namespace voicectl;
using namespace voicectl::audio;
using Kind = VoiceActivity::Event::Kind;
using std::chrono::milliseconds;

namespace {

thread_local std::size_t allocations = 0;

std::vector<VoiceActivity::Event> events_of(VoiceActivity& activity, SampleView samples) {
    std::vector<VoiceActivity::Event> events;
    Framer framer(160);
    framer.push(samples, [&](SampleView frame) {
        if (const auto event = activity.push(frame)) events.push_back(*event);
    });
    return events;
}

std::size_t count_of(const Samples& samples) {
    VoiceActivity activity;
    return events_of(activity, samples).size();
}

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("digital zeros, quiet noise and hum are not speech") {
    CHECK(count_of(test::silence(5)) == 0);
    CHECK(count_of(test::noise(5, 0.003)) == 0);
    CHECK(count_of(test::tone(50, 5, 0.002)) == 0);
}

TEST_CASE("clicks are not speech") {
    Samples samples;
    for (int i = 0; i < 20; ++i) {
        samples.resize(samples.size() + 40, 25000);
        test::operator+=(samples, test::silence(0.3));
    }
    CHECK(count_of(samples) == 0);
    Samples rattle;  // three clicks close together, once a second
    for (int i = 0; i < 5; ++i) {
        for (int k = 0; k < 3; ++k) {
            rattle.resize(rattle.size() + 30, -20000);
            test::operator+=(rattle, test::silence(0.04));
        }
        test::operator+=(rattle, test::silence(0.9));
    }
    CHECK(count_of(rattle) == 0);
}

TEST_CASE("steady sound does not keep the line in speech for ever") {
    for (const auto& sound : {test::tone(1000, 10, 0.3), test::noise(10, 0.3), test::tone(300, 10, 0.1)}) {
        VoiceActivity activity;
        events_of(activity, sound);
        CHECK(!activity.speaking());
    }
}

TEST_CASE("stream time counts every frame, and silence grows while nobody speaks") {
    VoiceActivity activity;
    events_of(activity, test::silence(1.23));
    CHECK(activity.now() == milliseconds{1230});
    CHECK(activity.silence() == milliseconds{1230});
    CHECK(!activity.speaking());
}

TEST_CASE("nothing is allocated per frame") {
    VoiceActivity activity;
    const auto sound = test::noise(2, 0.2);
    const SampleView all(sound);
    const auto before = allocations;
    for (std::size_t at = 0; at + 160 <= all.size(); at += 160) activity.push(all.subspan(at, 160));
    CHECK(allocations == before);
}

TEST_CASE("a framer cuts chunks of any size without losing a sample") {
    const auto in = test::noise(0.5, 0.5);
    for (const std::size_t size : {1u, 79u, 160u, 161u, 480u, 4000u}) {
        CAPTURE(size);
        Samples out;
        Framer framer(160);
        SampleView rest(in);
        while (!rest.empty()) {
            const auto count = std::min(size, rest.size());
            framer.push(rest.first(count), [&](SampleView frame) {
                REQUIRE(frame.size() == 160);
                out.insert(out.end(), frame.begin(), frame.end());
            });
            rest = rest.subspan(count);
        }
        CHECK(out == in);
    }
}
