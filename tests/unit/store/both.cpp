// What is easily different from engine to engine.
#include <algorithm>
#include <atomic>
#include <thread>

#include "engines.h"

namespace voicectl::store {
namespace {

STORE_TEST_CASE("a reader cannot write") {
    Engine engine;
    CHECK(Store::open_existing(engine.place()).error().code == Errc::NotFound);
    REQUIRE(opened(engine.place())->begin_call(sample_call("demo", "AJ_1")));
    auto reader = *Store::open_existing(engine.place());
    CHECK(reader->list({})->size() == 1);
    CHECK(reader->begin_call(sample_call("demo", "AJ_2")).error().code == Errc::Io);
    CHECK(reader->list({})->size() == 1);
}

STORE_TEST_CASE("what is no text for one engine is replaced on both, in names too") {
    Engine engine;
    auto store = opened(engine.place());
    // Invalid in UTF-8: a lone byte, a part, an overlong form, a surrogate, beyond the last character.
    const std::vector<std::string> bad{std::string("\0", 1), "\xff", "\xe2\x82", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"};
    for (std::size_t i = 0; i < bad.size(); ++i) {
        const auto room = "room " + std::to_string(i) + bad[i];
        const auto call = store->begin_call(sample_call(room, "AJ_1"));
        REQUIRE(call);
        CHECK(call->room.find("\xEF\xBF\xBD") != std::string::npos);
        CHECK(store->find(room)->id == call->id);
        CHECK(store->begin_call(sample_call(room, "AJ_1"))->id == call->id);
        REQUIRE(store->save_transcript(sample_call(room, "AJ_1"), {sample_turn(0, "a" + bad[i] + "b")}));
        const auto text = all_turns(*store, call->id).front().text;
        CHECK(text.starts_with("a\xEF\xBF\xBD"));
        CHECK(text.ends_with("b"));
    }
}

STORE_TEST_CASE("text with all that a format could take for its own comes back as it was") {
    Engine engine;
    auto store = opened(engine.place());
    std::vector<Turn> turns;
    for (const auto* text : {"\\", "\\.", "\\N", "\t\n\r\b\f\v", "a\\tb", "'; DROP TABLE turns; --", "$1", "\x7f\x01", "\xEF\xBB\xBF", "NULL", "\\\n\\."})
        turns.push_back(sample_turn(static_cast<int>(turns.size()), text));
    const auto call = store->save_transcript(sample_call("demo", "AJ_1"), turns);
    REQUIRE(call);
    CHECK(all_turns(*store, call->id) == turns);
    for (const auto& turn : turns) REQUIRE(store->save_turn(call->id, turn));
    CHECK(all_turns(*store, call->id) == turns);
}

STORE_TEST_CASE("a search ignores the case of ASCII letters alone, and upper case is its own room") {
    Engine engine;
    auto store = opened(engine.place());
    REQUIRE(store->save_transcript(sample_call("Zoo", "1"), {sample_turn(0, "GRÜN Straße")}));
    REQUIRE(store->save_transcript(sample_call("zoo", "2"), {sample_turn(0, "blue")}));
    CHECK(store->list({.text = "grÜn"})->size() == 1);
    CHECK(store->list({.text = "grün"})->empty());
    CHECK(store->list({.text = "STRASSE"})->empty());
    CHECK(store->list({.room = "zoo"})->size() == 1);
}

STORE_TEST_CASE("times from before 1970 to the year 9999 keep their microseconds") {
    Engine engine;
    auto store = opened(engine.place());
    for (const std::int64_t microseconds : {-62'135'596'800'000'001LL, -1LL, 1LL, 253'402'300'799'999'999LL}) {
        auto call = sample_call("room " + std::to_string(microseconds), "1");
        call.started_at = SystemTime(std::chrono::microseconds(1));
        REQUIRE(store->begin_call(call));
        auto session = Session{"s", std::nullopt, "ann", "active", SystemTime{}, std::nullopt, ""};
        // Beyond what this clock counts in nanoseconds a time is cut by the clock itself.
        if (microseconds < -9'000'000'000'000'000 || microseconds > 9'000'000'000'000'000) continue;
        session.started_at = SystemTime(std::chrono::microseconds(microseconds));
        REQUIRE(store->save_session(session));
        CHECK(store->find_session("s")->started_at == session.started_at);
    }
}

STORE_TEST_CASE("a refusal told twice is one") {
    Engine engine;
    auto store = opened(engine.place());
    const Refusal refusal{"AD_1", "AJ_1", "demo", "receptionist", "full", at_second(0)};
    for (int i = 0; i < 2; ++i) REQUIRE(store->save_refusal(refusal));
    CHECK(store->refusals("AD_1")->size() == 1);
}

STORE_TEST_CASE("taking over twice by the same word is the same") {
    Engine engine;
    auto store = opened(engine.place());
    auto call = sample_call("demo", "AJ_1");
    REQUIRE(store->begin_call(call));
    REQUIRE(store->carry({{"demo", "AJ_1"}}, "first", at_second(10)));
    const auto seen = store->carried("receptionist")->front();
    CHECK(*store->take_over(seen, "second", at_second(20)));
    CHECK(*store->take_over(seen, "second", at_second(20)));
    CHECK_FALSE(*store->take_over(seen, "third", at_second(20)));
}

// Each thread with a store of its own, as processes would have.
template<class Work>
void at_once(const std::string& place, int count, Work work) {
    opened(place);
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
            auto store = Store::open(place);
            if (store) work(**store, i);
        });
    for (auto& thread : threads) thread.join();
}

STORE_TEST_CASE("of many who begin calls in one room at once, each has its own attempt") {
    Engine engine;
    std::atomic<int> failed = 0;
    at_once(engine.place(), 6, [&](Store& store, int thread) {
        for (int i = 0; i < 10; ++i)
            if (!store.begin_call(sample_call("busy", fmt::format("AJ_{}_{}", thread, i)))) ++failed;
    });
    CHECK(failed == 0);
    const auto calls = *opened(engine.place())->list({.limit = 0});
    std::vector<bool> seen(61);
    for (const auto& call : calls) seen.at(static_cast<std::size_t>(call.attempt)) = true;
    CHECK(calls.size() == 60);
    CHECK(std::count(seen.begin(), seen.end(), true) == 60);
}

STORE_TEST_CASE("of many who ask for a user's last places at once, each place goes to one") {
    Engine engine;
    std::atomic<int> taken = 0, failed = 0;
    at_once(engine.place(), 6, [&](Store& store, int thread) {
        for (int i = 0; i < 5; ++i) {
            const auto got = store.take_lease({fmt::format("AJ_{}_{}", thread, i), "ann"}, 7, at_second(0), at_second(20));
            if (!got) ++failed;
            else if (*got) ++taken;
        }
    });
    CHECK(failed == 0);
    CHECK(taken == 7);
}

STORE_TEST_CASE("transcripts saved at once, and turns among them, leave one of them whole") {
    Engine engine;
    std::atomic<int> failed = 0;
    at_once(engine.place(), 6, [&](Store& store, int thread) {
        for (int i = 0; i < 5; ++i) {
            std::vector<Turn> turns;
            for (int turn = 0; turn < 20 + thread; ++turn) turns.push_back(sample_turn(turn, fmt::format("{} {}", thread, i)));
            const auto saved = store.save_transcript(sample_call("demo", "AJ_1"), turns);
            if (!saved || !store.save_turn(saved->id, sample_turn(100))) ++failed;
        }
    });
    CHECK(failed == 0);
    auto store = opened(engine.place());
    auto turns = all_turns(*store, store->find("demo")->id);
    REQUIRE(turns.size() > 20);
    if (turns.back().sequence == 100) turns.pop_back();
    for (const auto& turn : turns) CHECK(turn.text == turns.front().text);
    CHECK(turns.size() == static_cast<std::size_t>(20 + (turns.front().text[0] - '0')));
}

TEST_CASE("a new store opened by many at once is made once") {
    OnPostgres engine;
    const auto place = engine.place();
    std::atomic<int> opened_count = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            if (const auto store = Store::open(place); store && (*store)->list({})) ++opened_count;
        });
    for (auto& thread : threads) thread.join();
    CHECK(opened_count == 8);
}

}  // namespace
}  // namespace voicectl::store
