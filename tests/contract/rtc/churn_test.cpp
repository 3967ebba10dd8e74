#include <doctest/doctest.h>

#include <filesystem>

#include "world.h"

namespace voicectl::test {
namespace {

std::size_t entries(const char* folder) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) count += !entry.path().empty();
    return count;
}

void one_call(const std::string& room) {
    Peer a(room, "a"), b(room, "b");
    REQUIRE(a.join());
    REQUIRE(b.join());
    REQUIRE(a.publish(16000));
    REQUIRE(b.wait([&] { return !b.subscribed.empty(); }));
    a.play(tone(16000, 440, 50ms));
    REQUIRE(a.wait([&] { return a.audio_events.size() == 2; }));
    b.leave();
    REQUIRE(b.wait([&] { return b.closed.has_value(); }));
}

// Threads and descriptors of a room that was left go a moment later.
bool settles_at(const char* folder, std::size_t limit) {
    const auto deadline = Deadline::in(10s);
    Waiter never;
    while (!deadline.passed()) {
        if (entries(folder) <= limit) return true;
        never.wait([] { return false; }, 50ms);
    }
    MESSAGE(folder, ": ", entries(folder), " of ", limit);
    return false;
}

}  // namespace

TEST_CASE("thirty calls one after the other leave no thread and no descriptor behind") {
    auto& world = World::get();
    for (int i = 0; i < 3; ++i) one_call(world.new_room());
    const auto threads = entries("/proc/self/task"), descriptors = entries("/proc/self/fd");
    for (int i = 0; i < 15; ++i) one_call(world.new_room());  // two joins each
    CHECK(settles_at("/proc/self/task", threads));
    CHECK(settles_at("/proc/self/fd", descriptors));
}

TEST_CASE("one core at a time") {
    (void)World::get();
    const auto found = rtc::Core::find(std::string(VC_SOURCE_DIR) + "/.cache/livekit/liblivekit_ffi.so");
    if (!found) return;  // the core comes from elsewhere
    const auto second = rtc::Core::load(found->path);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::Conflict);
}

}  // namespace voicectl::test
