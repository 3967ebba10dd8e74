#include <fstream>

#include "engines.h"

namespace voicectl::store {
namespace {

std::size_t resident_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    return 0;
}

std::vector<Turn> many_turns(int count) {
    std::vector<Turn> out;
    for (int i = 0; i < count; ++i) out.push_back(sample_turn(i, fmt::format("This is what was said in turn {}.", i)));
    return out;
}

STORE_TEST_CASE("a turn comes back as it was saved, with another process's eyes too") {
    Engine engine;
    const auto path = engine.place();
    auto store = opened(path);
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    std::vector<Turn> turns{sample_turn(0), sample_turn(1, ""), sample_turn(2, "Grüße, 世界 🙂 'quoted' \"twice\"\n--")};
    turns.push_back(sample_turn(3, std::string("nul\0byte", 8)));
    turns.push_back(sample_turn(4, "not utf-8: \xff\xc0"));
    turns[1].detail_json = "";
    turns[2].started_at = SystemTime(std::chrono::microseconds(-1));
    for (const auto& turn : turns) REQUIRE(store->save_turn(call.id, turn));
    // What PostgreSQL cannot hold is replaced, on either engine.
    turns[3].text = "nul\xEF\xBF\xBD""byte";
    turns[4].text = "not utf-8: \xEF\xBF\xBD\xEF\xBF\xBD";
    CHECK(all_turns(*store, call.id) == turns);
    auto reader = Store::open_existing(path);
    REQUIRE(reader);
    CHECK(all_turns(**reader, call.id) == turns);
    CHECK((*reader)->find("demo")->turns == 5);
}

STORE_TEST_CASE("a turn saved again replaces itself; turns come in order however they were saved") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    for (int sequence : {2, 0, 1}) REQUIRE(store->save_turn(call.id, sample_turn(sequence)));
    REQUIRE(store->save_turn(call.id, sample_turn(1, "heard only until")));
    const auto turns = all_turns(*store, call.id);
    REQUIRE(turns.size() == 3);
    for (int i = 0; i < 3; ++i) CHECK(turns[static_cast<std::size_t>(i)].sequence == i);
    CHECK(turns[1].text == "heard only until");
    CHECK(store->save_turn(77, sample_turn(0)).error().code == Errc::NotFound);
    CHECK(store->save_turn(call.id, sample_turn(-1)).error().code == Errc::Usage);
    CHECK(store->turns(77, [](const Turn&) { return true; }).error().code == Errc::NotFound);
}

STORE_TEST_CASE("a transcript saved twice is there once, and replaces what was there whole") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    for (int i = 0; i < 9; ++i) REQUIRE(store->save_turn(call.id, sample_turn(i, "live")));
    auto given = sample_call("demo", "");
    given.agent_name = "";
    given.started_at = {};
    for (int i = 0; i < 2; ++i) {
        const auto saved = store->save_transcript(given, many_turns(3));
        REQUIRE(saved);
        CHECK(saved->id == call.id);
        CHECK(saved->turns == 3);
        // What was not given is kept.
        CHECK(saved->job_id == "AJ_1");
        CHECK(saved->agent_name == "receptionist");
        CHECK(saved->started_at == call.started_at);
        CHECK(saved->status == "active");
    }
    CHECK(all_turns(*store, call.id) == many_turns(3));
    CHECK(store->list({})->size() == 1);
}

STORE_TEST_CASE("a transcript of a new room or attempt makes its call") {
    Engine engine;
    auto store = opened(engine.place());
    auto given = sample_call("demo", "");
    given.started_at = {};
    const auto first = store->save_transcript(given, many_turns(2));
    REQUIRE(first);
    CHECK(first->status == "completed");
    CHECK(first->started_at == at_second(0));
    given.attempt = 2;
    CHECK(store->save_transcript(given, many_turns(1))->id != first->id);
    CHECK(store->find(std::to_string(first->id))->turns == 2);
    CHECK(store->begin_call(sample_call("demo", "AJ_1"))->attempt == 3);
}

STORE_TEST_CASE("a refused transcript leaves the old one as it was") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = *store->save_transcript(sample_call("demo", "AJ_1"), many_turns(4));
    auto twice = many_turns(2);
    twice[1].sequence = 0;
    CHECK(store->save_transcript(sample_call("demo", ""), twice).error().code == Errc::Usage);
    auto negative = many_turns(1);
    negative[0].sequence = -4;
    CHECK(store->save_transcript(sample_call("demo", ""), negative).error().code == Errc::Usage);
    auto other = sample_call("demo", "AJ_1");
    other.attempt = 2;
    const auto taken = store->save_transcript(other, many_turns(1));
    CHECK(taken.error().code == Errc::Conflict);
    CHECK(taken.error().message == "job AJ_1 is attempt 1 of room demo, not 2");
    other.attempt = 0;
    CHECK(store->save_transcript(other, {}).error().code == Errc::Usage);
    CHECK(all_turns(*store, call.id) == many_turns(4));
    CHECK(store->list({})->size() == 1);
}

STORE_TEST_CASE("a hundred thousand turns stream with the memory of a few") {
    Engine engine;
    const auto path = engine.place();
    const auto id = opened(path)->save_transcript(sample_call("long", "AJ_1"), many_turns(100'000))->id;
    auto reader = *Store::open_existing(path);
    int next = 0;
    [[maybe_unused]] std::size_t early = 0, late = 0;
    const auto read = reader->turns(id, [&](const Turn& turn) {
        if (turn.sequence != next++) return false;
        if (next == 5'000) early = resident_kib();
        if (next == 99'000) late = resident_kib();
        return true;
    });
    CHECK(read);
    CHECK(next == 100'000);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what was freed
    CHECK(late < early + 8 * 1024);  // all of them at once would be more than 20 MB
#endif
}

STORE_TEST_CASE("a reader stops when it has enough") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = *store->save_transcript(sample_call("demo", "AJ_1"), many_turns(1000));
    int seen = 0;
    CHECK(store->turns(call.id, [&](const Turn&) { return ++seen < 3; }));
    CHECK(seen == 3);
}

STORE_TEST_CASE("an agent writes while somebody reads slowly") {
    Engine engine;
    const auto path = engine.place();
    auto writer = opened(path);
    auto reader = *Store::open_existing(path);
    const auto call = *writer->save_transcript(sample_call("demo", "AJ_1"), many_turns(1000));
    int seen = 0;
    CHECK(reader->turns(call.id, [&](const Turn& turn) {
        if (turn.sequence == 10) CHECK(writer->save_turn(call.id, sample_turn(1000, "meanwhile")));
        ++seen;
        return true;
    }));
    CHECK(seen == 1001);
}

STORE_TEST_CASE("a reader never mixes two transcripts") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = *store->save_transcript(sample_call("demo", "AJ_1"), many_turns(1000));
    const auto read = store->turns(call.id, [&](const Turn& turn) {
        if (turn.sequence == 10) CHECK(store->save_transcript(sample_call("demo", "AJ_1"), many_turns(900)));
        return true;
    });
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::Conflict);
}

}  // namespace
}  // namespace voicectl::store
