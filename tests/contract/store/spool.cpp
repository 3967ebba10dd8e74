// A process that is killed at each system call while its database is away, and while what waited is stored: every write
// that it acknowledged is in the database in the end, once.
#include "traced.h"
#include "transcripts.h"
#include "voicectl/store/spool.h"

namespace voicectl::store {
namespace {

constexpr int kEarlier = 3, kWaiting = 6;  // turns that an earlier process had stored, turns that wait

Call spooled_call() {
    Call call;
    call.room = kDemo;
    call.job_id = "AJ_1";
    return call;
}

Turn spooled_turn(const std::string& by, int sequence) {
    auto turn = orders::turn_of(5, sequence);
    turn.identity = by;
    return turn;
}

Result<std::unique_ptr<Store>> open_with_spool(const std::string& path, bool away) {
    OpenStore open = [path, away]() -> Result<std::unique_ptr<Store>> {
        if (away) return fail(Errc::Unreachable, "the database is away");
        return Store::open(path);
    };
    return open_spooled(open, {.folder = spool_folder(path), .must_answer = false});
}

TEST_CASE("child: writes while the database is away" * doctest::skip()) {
    const auto store = *open_with_spool(variable("VC_TEST_PATH"), true);
    const auto call = store->begin_call(spooled_call());
    if (!call) return acknowledge("error " + call.error().message);
    acknowledge("begun");
    for (int i = 0; i < kWaiting; ++i)
        if (store->save_turn(call->id, spooled_turn("later", i))) acknowledge(fmt::format("turn {}", i));
    if (store->save_report(call->id, "{}")) acknowledge("report");
    if (store->end_call(call->id, "completed", "said goodbye", SystemTime(std::chrono::seconds(1'760'000'000)))) acknowledge("ended");
}

TEST_CASE("child: stores what waits" * doctest::skip()) {
    const auto store = open_with_spool(variable("VC_TEST_PATH"), false);
    acknowledge(store && !(*store)->due() ? "stored" : "waits");
}

void store_earlier_turns(const std::string& folder) {
    auto store = *Store::open(folder + "/s.db");
    const auto call = *store->begin_call(spooled_call());
    for (int i = 0; i < kEarlier; ++i) REQUIRE(store->save_turn(call.id, spooled_turn("earlier", i)));
}

/// How many turns waited and are there: all in order, without a gap, after those that were there before. -1: not so.
int stored_after_earlier(Store& store) {
    const auto calls = store.list({.limit = 0});
    if (!calls || calls->size() != 1) return -1;
    int next = 0;
    bool right = true;
    const auto read = store.turns(calls->front().id, [&](const Turn& turn) {
        const bool earlier = next < kEarlier;
        auto expected = earlier ? spooled_turn("earlier", next) : spooled_turn("later", next - kEarlier);
        expected.sequence = next++;
        right = right && turn == expected;
        return right;
    });
    return read && right && next >= kEarlier ? next - kEarlier : -1;
}

/// Each call by name and number, of those that leave something behind.
void at_each_call(Bench& bench, const std::string& test_case, const std::function<void(Child&)>& check) {
    bench.run(test_case, "");
    int kills = 0;
    for (const auto& [name, count] : bench.calls()) {
        static const std::set<std::string> kTraces{"openat", "write", "pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink", "flock", "mkdir", "mknodat", "fcntl"};
        if (!kTraces.contains(name)) continue;
        for (int n = 1; n <= count; ++n) {
            INFO(fmt::format("killed at {} {} of {}", name, n, count));
            auto child = bench.run(test_case, fmt::format("{}:signal=KILL:when={}", name, n));
            CHECK(bench.killed());
            ++kills;
            check(*child);
        }
    }
    MESSAGE(kills << " kills");
    CHECK(kills > 40);
}

TEST_CASE("what was acknowledged while the database was away outlives a kill at any system call") {
    const auto strace = strace_program();
    if (!strace) return;
    Bench bench(*strace, store_earlier_turns, {});
    at_each_call(bench, "child: writes while the database is away", [&](Child& child) {
        const auto store = *open_with_spool(bench.file("s.db"), false);
        CHECK_FALSE(store->due());
        const auto acknowledged = static_cast<int>(child.lines("turn").size());
        const int stored = stored_after_earlier(*store);
        CHECK(stored >= acknowledged);
        CHECK(stored <= acknowledged + 1);  // synced, and killed before it could say so
        if (!child.lines("report").empty()) CHECK(*store->report(1) == "{}");
        if (!child.lines("ended").empty()) CHECK(store->find(kDemo)->status == "completed");
        CHECK(spool_state(spool_folder(bench.file("s.db"))).files == 0);
    });
}

TEST_CASE("what waits is stored once, whenever those who store it are killed") {
    const auto strace = strace_program();
    if (!strace) return;
    const auto prepare = [](const std::string& folder) {
        store_earlier_turns(folder);
        Child child(folder + "/lines", "child: writes while the database is away", {{"VC_TEST_PATH", folder + "/s.db"}});
        REQUIRE(child.wait_for("ended", 1));
        CHECK(child.process().wait_for(std::chrono::seconds(20)) == 0);
        std::filesystem::remove(folder + "/lines");
        CHECK(spool_state(spool_folder(folder + "/s.db")).files == 1);
    };
    Bench bench(*strace, prepare, {});
    at_each_call(bench, "child: stores what waits", [&](Child&) {
        const auto store = *open_with_spool(bench.file("s.db"), false);
        CHECK_FALSE(store->due());
        CHECK(stored_after_earlier(*store) == kWaiting);
        CHECK(store->find(kDemo)->status == "completed");
        CHECK(*store->report(1) == "{}");
        const auto left = spool_state(spool_folder(bench.file("s.db")));
        CHECK(left.files == 0);
        CHECK(left.rejected_bytes == 0);
        CHECK(integrity(bench.file("s.db")) == "ok");
    });
}

}  // namespace
}  // namespace voicectl::store
