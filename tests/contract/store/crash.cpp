// Real processes on one file: killed in the middle of their work, and writing at once. The children are
// this very program, started again with one of its skipped test cases.
#include <csignal>
#include <random>
#include <set>

#include "child.h"
#include "support/temp_folder.h"
#include "voicectl/store/store.h"

namespace voicectl::store {
namespace {

using std::chrono::milliseconds;

std::string text_of(int sequence) {
    // Several pages long, so that a turn is more than one write to the disk.
    return fmt::format("turn {} {}", sequence, std::string(static_cast<std::size_t>(sequence * 997 % 9000), 'x'));
}

Turn turn_of(int sequence) {
    Turn turn;
    turn.sequence = sequence;
    turn.text = text_of(sequence);
    return turn;
}

Call call_of(const std::string& room, const std::string& job) {
    Call call;
    call.room = room;
    call.job_id = job;
    return call;
}

TEST_CASE("child: writes turns until it is killed" * doctest::skip()) {
    auto store = *Store::open(variable("VC_TEST_PATH"));
    const auto call = *store->begin_call(call_of("demo", "AJ_1"));
    for (int i = std::stoi(variable("VC_TEST_FROM")); i < 1'000'000; ++i) {
        if (const auto saved = store->save_turn(call.id, turn_of(i)); !saved) {
            acknowledge("error " + saved.error().message);
            return;
        }
        acknowledge(fmt::format("turn {}", i));
    }
}

TEST_CASE("child: replaces a transcript until it is killed" * doctest::skip()) {
    auto store = *Store::open(variable("VC_TEST_PATH"));
    for (int round = 0; round < 1'000'000; ++round) {
        std::vector<Turn> turns;
        for (int i = 0; i < 40 + round % 7; ++i) turns.push_back(turn_of(i));
        for (auto& turn : turns) turn.identity = std::to_string(round);
        if (!store->save_transcript(call_of("demo", "AJ_1"), turns)) return;
        acknowledge(fmt::format("round {}", round));
    }
}

TEST_CASE("child: begins calls and writes" * doctest::skip()) {
    auto store = *Store::open(variable("VC_TEST_PATH"));
    for (int i = 0; i < 25; ++i) {
        const auto call = store->begin_call(call_of("busy", variable("VC_TEST_NAME") + std::to_string(i)));
        if (!call || !store->save_turn(call->id, turn_of(i))) {
            acknowledge("error");
            return;
        }
        acknowledge(fmt::format("attempt {}", call->attempt));
    }
    acknowledge("done");
}

TEST_CASE("child: asks for places of one user" * doctest::skip()) {
    auto store = *Store::open(variable("VC_TEST_PATH"));
    const SystemTime now{std::chrono::seconds(1'760'000'000)};
    for (int i = 0; i < 20; ++i) {
        const auto taken = store->take_lease({variable("VC_TEST_NAME") + std::to_string(i), "ann"}, 7, now, now + std::chrono::seconds(20));
        acknowledge(!taken ? "error " + taken.error().message : *taken ? "taken" : "refused");
    }
    acknowledge("done");
}

void kill_at_a_random_moment(Child& child, std::mt19937& random) {
    // Waiting for its end is the clock here: it never comes before the kill.
    child.process().wait_for(milliseconds(random() % 12));
    child.process().signal(SIGKILL);
    CHECK(child.process().wait_for(milliseconds(20'000)) == 128 + SIGKILL);
    child.drain();
}

TEST_CASE("every acknowledged turn outlives SIGKILL, whole and once") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    std::mt19937 random(20260102);
    int written = 0;
    for (int kill = 0; kill < 40; ++kill) {
        Child child(folder.file("lines"), "child: writes turns until it is killed",
                    {{"VC_TEST_PATH", path}, {"VC_TEST_FROM", std::to_string(written)}});
        REQUIRE(child.wait_for("turn", 1 + random() % 8));
        kill_at_a_random_moment(child, random);
        CHECK(child.lines("error").empty());
        const int acknowledged = std::stoi(child.lines("turn").back()) + 1;

        auto reader = Store::open_existing(path);  // rolls back what was left undone
        REQUIRE(reader);
        int next = 0;
        bool whole = true;
        REQUIRE((*reader)->turns(1, [&](const Turn& turn) {
            whole = whole && turn.sequence == next && turn.text == text_of(next);
            ++next;
            return whole;
        }));
        CHECK(whole);
        CHECK(next >= acknowledged);
        CHECK(next <= acknowledged + 1);  // saved, and killed before it could say so
        CHECK((*reader)->list({})->size() == 1);
        CHECK(integrity(path) == "ok");
        written = next;
    }
    CHECK(written > 100);
}

TEST_CASE("a transcript is replaced whole or not at all, whenever the writer is killed") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    std::mt19937 random(7);
    for (int kill = 0; kill < 25; ++kill) {
        Child child(folder.file("lines"), "child: replaces a transcript until it is killed", {{"VC_TEST_PATH", path}});
        REQUIRE(child.wait_for("round", 1 + random() % 4));
        kill_at_a_random_moment(child, random);
        const int acknowledged = std::stoi(child.lines("round").back());

        auto reader = *Store::open_existing(path);
        std::set<std::string> rounds;
        int count = 0;
        REQUIRE(reader->turns(1, [&](const Turn& turn) {
            rounds.insert(turn.identity);
            return turn.sequence == count++;
        }));
        REQUIRE(rounds.size() == 1);
        const int round = std::stoi(*rounds.begin());
        CHECK(count == 40 + round % 7);
        CHECK((round == acknowledged || round == acknowledged + 1));
        CHECK(integrity(path) == "ok");
    }
}

TEST_CASE("processes that write at once wait for each other, and their attempts never collide") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    std::vector<std::unique_ptr<Child>> children;
    for (const auto* name : {"a", "b", "c"}) {
        children.push_back(std::make_unique<Child>(
            folder.file(name), "child: begins calls and writes",
            std::vector<std::pair<std::string, std::string>>{{"VC_TEST_PATH", path}, {"VC_TEST_NAME", name}}));
    }
    std::set<int> attempts;
    for (auto& child : children) {
        CHECK(child->wait_for("done", 1));
        CHECK(child->lines("error").empty());
        for (const auto& line : child->lines("attempt")) attempts.insert(std::stoi(line));
    }
    CHECK(attempts.size() == 75);
    CHECK(*attempts.begin() == 1);
    CHECK(*attempts.rbegin() == 75);
    CHECK((*Store::open_existing(path))->list({.limit = 0})->size() == 75);
    CHECK(integrity(path) == "ok");
}

TEST_CASE("of processes that ask for a user's last places at once, each place goes to one") {
    test::TempFolder folder;
    std::vector<std::unique_ptr<Child>> children;
    for (const auto* name : {"a", "b", "c"})
        children.push_back(std::make_unique<Child>(
            folder.file(name), "child: asks for places of one user",
            std::vector<std::pair<std::string, std::string>>{{"VC_TEST_PATH", folder.file("s.db")}, {"VC_TEST_NAME", name}}));
    std::size_t taken = 0, refused = 0;
    for (auto& child : children) {
        CHECK(child->wait_for("done", 1));
        CHECK(child->lines("error").empty());
        taken += child->lines("taken").size();
        refused += child->lines("refused").size();
    }
    CHECK(taken == 7);
    CHECK(refused == 53);
}

}  // namespace
}  // namespace voicectl::store
