#include "core/rtc/sample_queue.h"

#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <thread>

namespace voicectl::rtc {
namespace {

audio::Samples counting(int from, int count) {
    audio::Samples samples(static_cast<std::size_t>(count));
    std::iota(samples.begin(), samples.end(), static_cast<std::int16_t>(from));
    return samples;
}

}  // namespace

TEST_CASE("samples come out in order, across chunks of any size") {
    SampleQueue queue;
    std::array<std::int16_t, 10> frame{};
    CHECK(queue.take(frame) == 0);
    for (int from = 0; from < 25; from += 5) queue.push(counting(from, 5));
    CHECK(queue.size() == 25);
    CHECK(queue.take(frame) == 10);
    CHECK(frame[0] == 0);
    CHECK(frame[9] == 9);
    CHECK(queue.take(frame) == 10);
    CHECK(frame[9] == 19);
    CHECK(queue.take(frame) == 5);
    CHECK(frame[4] == 24);
    CHECK(queue.take(frame) == 0);
    CHECK(queue.taken() == 25);
}

TEST_CASE("dropping gives what was left, and what is pushed afterwards comes next") {
    SampleQueue queue;
    std::array<std::int16_t, 10> frame{};
    queue.push(counting(0, 25));
    queue.take(frame);
    CHECK(queue.drop_all() == 15);
    CHECK(queue.drop_all() == 0);
    CHECK(queue.size() == 0);
    CHECK(queue.taken() == 10);
    queue.push(counting(100, 3));
    CHECK(queue.take(frame) == 3);
    CHECK(frame[0] == 100);
    CHECK(queue.taken() == 13);
}

TEST_CASE("with a reader on another thread every sample is either taken once or counted as dropped") {
    SampleQueue queue;
    constexpr int kChunks = 4000, kChunk = 37;
    std::atomic<bool> done{false};
    std::uint64_t taken = 0;
    bool in_order = true;
    std::thread reader([&] {
        std::array<std::int16_t, 48> frame{};
        int last = -1;
        while (true) {
            const bool last_round = done;
            const auto count = queue.take(frame);
            for (std::size_t i = 0; i < count; ++i) {
                const int chunk = frame[i];
                in_order = in_order && chunk >= last;
                last = chunk;
            }
            taken += count;
            if (last_round && count == 0) return;
        }
    });
    std::uint64_t dropped = 0;
    for (int chunk = 0; chunk < kChunks; ++chunk) {
        queue.push(audio::Samples(kChunk, static_cast<std::int16_t>(chunk)));
        if (chunk % 7 == 0) dropped += queue.drop_all();
    }
    done = true;
    reader.join();
    CHECK(taken + dropped == std::uint64_t{kChunks} * kChunk);
    CHECK(taken == queue.taken());
    CHECK(taken > 0);
    CHECK(in_order);
}

}  // namespace voicectl::rtc
