// A save that is cut off at each of its system calls, one after the other, and one in which each of them fails: strace does
// it to a child. Only calls that touch the store's files count; nothing else leaves a trace.
#include <map>
#include <set>

#include "traced.h"
#include "transcripts.h"

namespace voicectl::store {
namespace {

constexpr int kOld = 10, kNew = 13, kNewer = 17;  // 13: the longest there is

TEST_CASE("child: saves a transcript and another" * doctest::skip()) {
    const auto store = Store::open(variable("VC_TEST_PATH"));
    if (!store) return acknowledge(outcome(std::unexpected(store.error()), kNew));
    acknowledge(outcome(save_stamp(**store, kNew), kNew));
    if (variable("VC_TEST_TWICE").empty()) return;
    acknowledge("again " + outcome(save_stamp(**store, kNewer), kNewer));
}

TEST_CASE("child: saves a turn of a new call" * doctest::skip()) {
    const auto store = Store::open(variable("VC_TEST_PATH"));
    if (!store) return acknowledge(outcome(std::unexpected(store.error()), kNew));
    const auto call = (*store)->begin_call(orders::call_of({.room = 1, .job = 1}));
    if (!call) return acknowledge(outcome(call, kNew));
    acknowledge("begun");
    const auto saved = (*store)->save_turn(call->id, orders::turn_of(kNew, 0));
    acknowledge(outcome(saved ? call : std::unexpected(saved.error()), kNew));
}

/// A store's file, with the old transcript in it or not there yet; only calls that touch it or its journal count.
Bench bench_of_store(const std::string& strace, bool with_old) {
    const auto prepare = [with_old](const std::string& folder) {
        if (with_old) REQUIRE(save_stamp(**Store::open(folder + "/s.db"), kOld));
    };
    return {strace, prepare, {"/s.db", "/s.db-journal", ""}};
}

/// What is left after a child: whole, and a store that goes on.
void check_left_over(Bench& bench, const std::set<int>& allowed) {
    {
        auto store = Store::open(bench.file("s.db"));
        REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().message));
        const int stamp = stored_stamp(**store);
        CHECK_MESSAGE(allowed.contains(stamp), "stored: " << stamp);
        CHECK(save_stamp(**store, kNewer));
        CHECK(stored_stamp(**store) == kNewer);
    }
    CHECK(integrity(bench.file("s.db")) == "ok");
}

/// What may be left when the child has said this: what it acknowledged, else the old one or the new one.
std::set<int> allowed_after(Child& child, int before) {
    if (!child.lines("again saved").empty()) return {kNewer};
    if (!child.lines("saved").empty()) return {kNew, kNewer};
    return {before, kNew, kNewer};
}

void kill_everywhere(const std::string& strace, bool with_old) {
    const std::string test_case = "child: saves a transcript and another";
    Bench bench = bench_of_store(strace, with_old);
    auto whole = bench.run(test_case, "");
    REQUIRE(whole->lines("saved").size() == 1);
    const auto calls = bench.calls();
    CHECK(calls.contains("pwrite64"));
    CHECK(calls.contains("fdatasync"));
    int kills = 0, kept_old = 0;
    for (const auto& [name, count] : calls) {
        for (int n = 1; n <= count; ++n) {
            INFO(fmt::format("killed at {} {} of {}", name, n, count));
            auto child = bench.run(test_case, fmt::format("{}:signal=KILL:when={}", name, n));
            CHECK(bench.killed());
            ++kills;
            const auto allowed = allowed_after(*child, with_old ? kOld : 0);
            if (auto reader = Store::open_existing(bench.file("s.db")); reader && stored_stamp(**reader) == kOld) ++kept_old;
            check_left_over(bench, allowed);
        }
    }
    MESSAGE(kills << " kills" << (with_old ? fmt::format(", after {} of them the old transcript was there", kept_old) : std::string()));
    CHECK(kills > 30);
    if (with_old) CHECK((kept_old > 0 && kept_old < kills));
}

TEST_CASE("a save that is killed at any of its system calls leaves the old transcript whole, or the new one") {
    if (const auto strace = strace_program()) kill_everywhere(*strace, true);
}

TEST_CASE("a store that is killed at any system call of its making is made by the next") {
    if (const auto strace = strace_program()) kill_everywhere(*strace, false);
}

TEST_CASE("a turn that is killed at any of its system calls is there whole or not at all") {
    const auto strace = strace_program();
    if (!strace) return;
    Bench bench = bench_of_store(*strace, true);
    const std::string test_case = "child: saves a turn of a new call";
    REQUIRE(bench.run(test_case, "")->lines("saved").size() == 1);
    for (const auto& [name, count] : bench.calls()) {
        for (int n = 1; n <= count; ++n) {
            INFO(fmt::format("killed at {} {} of {}", name, n, count));
            auto child = bench.run(test_case, fmt::format("{}:signal=KILL:when={}", name, n));
            CHECK(bench.killed());
            auto store = *Store::open(bench.file("s.db"));
            const auto seen = orders::look(*store, 1);
            REQUIRE(seen.done);
            const auto& latest = seen.found[0];  // the newest first
            const bool begun = latest.job == 1;
            CHECK(seen.count == (begun ? 2 : 1));
            CHECK((begun || child->lines("begun").empty()));
            CHECK((child->lines("saved").empty() || (begun && latest.turns == 1)));
            CHECK((!begun || (latest.whole && latest.turns <= 1)));
        }
    }
}

struct Fault {
    std::string call, error;
    bool lasts = false;  // this call and all after it fail
};

// Every call of one save fails once; a disk that is full, or cannot sync, also stays so.
std::vector<Fault> faults() {
    std::vector<Fault> out{{"pwrite64", "EIO"}, {"pread64", "EIO"}, {"read", "EIO"}, {"openat", "EMFILE"}, {"unlink", "EIO"}};
    for (const auto& [call, error] : {std::pair{"pwrite64", "ENOSPC"}, {"ftruncate", "ENOSPC"}, {"ftruncate", "EIO"}, {"fdatasync", "EIO"}, {"fsync", "EIO"}})
        for (const bool lasts : {false, true}) out.push_back({call, error, lasts});
    return out;
}

void check_said(const std::string& said, const std::string& path, const Fault& fault) {
    INFO(said);
    CHECK(said.starts_with("1 "));  // the exit code of Errc::Io
    CHECK(said.find(path) != std::string::npos);
    CHECK_FALSE(said.ends_with("| "));  // a hint
    if (fault.call == "pwrite64" && fault.error == "ENOSPC") CHECK(said.find("free some disk space") != std::string::npos);
}

TEST_CASE("a system call that fails is an error in one line or does no harm, and what was acknowledged stays") {
    const auto strace = strace_program();
    if (!strace) return;
    const std::string test_case = "child: saves a transcript and another";
    Bench bench = bench_of_store(*strace, true);
    REQUIRE(bench.run(test_case, "")->lines("saved").size() == 1);
    const auto calls = bench.calls();
    std::map<std::string, int> errors, harmless;
    for (const auto& fault : faults()) {
        const auto made = calls.find(fault.call);
        for (int n = 1; made != calls.end() && n <= made->second; ++n) {
            const auto inject = fmt::format("{}:error={}:when={}{}", fault.call, fault.error, n, fault.lasts ? "+" : "");
            INFO(inject);
            auto child = bench.run(test_case, inject, {{"VC_TEST_TWICE", "1"}});
            CHECK(bench.was_injected());
            const auto said = child->lines("error"), again = child->lines("again");
            REQUIRE(said.size() + child->lines("saved").size() == 1);
            ++(said.empty() ? harmless : errors)[fault.call + " " + fault.error];
            if (!said.empty()) check_said(said.front(), bench.file("s.db"), fault);
            // Whoever goes on after a fault that has passed is served.
            if (!fault.lasts && !said.empty() && !again.empty()) CHECK_MESSAGE(!child->lines("again saved").empty(), again.front());
            check_left_over(bench, allowed_after(*child, kOld));
        }
    }
    std::string told;
    for (const auto& [name, count] : errors) told += fmt::format("{}: {} errors, {} without effect; ", name, count, harmless[name]);
    MESSAGE(told);
    for (const auto* name : {"pwrite64 ENOSPC", "fdatasync EIO"}) CHECK(errors[name] > 0);
}

}  // namespace
}  // namespace voicectl::store
