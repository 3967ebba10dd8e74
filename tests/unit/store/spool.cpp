#include "voicectl/store/spool.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "core/store/spool_file.h"
#include "core/store/spool_record.h"
#include "samples.h"
#include "support/live_loop.h"
#include "support/temp_folder.h"
#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

/// A database that can be taken away and brought back, and stores that reach it.
class Town {
 public:
    std::string path() const { return folder_.file("s.db"); }
    std::string spool() const { return spool_folder(path()); }
    void take_away() {
        away_ = true;
        if (std::filesystem::exists(path())) std::filesystem::rename(path(), folder_.file("away"));
    }
    void bring_back() {
        away_ = false;
        if (std::filesystem::exists(folder_.file("away"))) std::filesystem::rename(folder_.file("away"), path());
    }
    std::unique_ptr<Store> store(std::uint64_t most_bytes = 1'000'000) {
        OpenStore open = [this]() -> Result<std::unique_ptr<Store>> {
            ++tries;
            if (away_) return fail(Errc::Unreachable, "the database is away");
            return Store::open(path());
        };
        SpoolOptions options{.folder = spool(), .most_bytes = most_bytes, .must_answer = false, .now = [this] { return now; }};
        return *open_spooled(open, options);
    }
    /// Until the next try is due at the latest.
    void pass(Duration time = std::chrono::seconds(31)) { now += time; }
    /// What is in the database, past any spool.
    std::vector<Turn> turns(const std::string& room = "demo") const {
        const auto direct = opened(path());
        return all_turns(*direct, direct->find(room)->id);
    }
    Call call(const std::string& room = "demo") const { return *opened(path())->find(room); }
    void run(const char* sql) const {
        sqlite3* database = nullptr;
        REQUIRE(sqlite3_open(path().c_str(), &database) == SQLITE_OK);
        CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(database);
    }

    TimePoint now = TimePoint(std::chrono::hours(1));
    int tries = 0;

 private:
    test::TempFolder folder_;
    std::atomic<bool> away_ = false;
};

Turn numbered(int sequence) { return sample_turn(sequence, fmt::format("turn {}", sequence)); }

std::vector<std::string> texts(const std::vector<Turn>& turns) {
    std::vector<std::string> out;
    for (const auto& turn : turns) out.push_back(fmt::format("{}: {}", turn.sequence, turn.text));
    return out;
}

TEST_CASE("with its database there a spooled store is that store, and makes no files") {
    Town town;
    const auto store = town.store();
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    CHECK(call.id == 1);
    CHECK(store->save_turn(call.id, numbered(0)));
    CHECK(store->save_turn(77, numbered(0)).error().code == Errc::NotFound);
    CHECK(town.turns().size() == 1);
    CHECK_FALSE(store->due());
    CHECK_FALSE(std::filesystem::exists(town.spool()));
}

TEST_CASE("a whole call while the database is away is stored when it is back, in order and once") {
    Town town;
    town.take_away();
    const auto store = town.store();
    const auto call = store->begin_call(sample_call("demo", "AJ_1"));
    REQUIRE(call);
    CHECK(call->id < 0);
    for (int i = 0; i < 4; ++i) REQUIRE(store->save_turn(call->id, numbered(i)));
    CHECK(store->save_report(call->id, R"({"costUsd":0.1})"));
    Session session{.id = "S_1", .call_id = call->id, .user_id = "ann", .status = "active", .started_at = at_second(0), .completed_at = {}, .usage_json = "{}", .assignment_id = "lesson"};
    CHECK(store->save_session(session));
    CHECK(store->end_call(call->id, "completed", "said goodbye", at_second(60)));
    CHECK(spool_state(town.spool()).files == 1);
    CHECK(all_turns(*store, call->id).size() == 4);
    CHECK(*store->report(call->id) == R"({"costUsd":0.1})");

    town.bring_back();
    town.pass();
    store->catch_up();
    CHECK_FALSE(store->due());
    CHECK(texts(town.turns()) == std::vector<std::string>{"0: turn 0", "1: turn 1", "2: turn 2", "3: turn 3"});
    const auto stored = town.call();
    CHECK(stored.status == "completed");
    CHECK(stored.reason == "said goodbye");
    CHECK(stored.ended_at == at_second(60));
    CHECK(stored.started_at == at_second(0));
    CHECK(*opened(town.path())->report(stored.id) == R"({"costUsd":0.1})");
    CHECK(opened(town.path())->find_session("S_1")->call_id == stored.id);
    CHECK(opened(town.path())->find_session("S_1")->assignment_id == "lesson");
    CHECK(opened(town.path())->list({})->size() == 1);
    CHECK(spool_state(town.spool()).files == 0);
    // The number is still good.
    CHECK(store->save_turn(call->id, numbered(4)));
    CHECK(town.turns().size() == 5);
}

TEST_CASE("a call that the database knew keeps its number and the numbers of its turns") {
    Town town;
    const auto store = town.store();
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    REQUIRE(store->save_turn(call.id, numbered(0)));
    for (int time = 0; time < 2; ++time) {  // away twice
        town.take_away();
        CHECK(store->save_turn(call.id, numbered(1 + 2 * time)));
        auto with_caller = sample_call("demo", "AJ_1");
        with_caller.caller_identity = "ann";
        CHECK(store->begin_call(with_caller)->id == call.id);
        CHECK(store->save_turn(call.id, numbered(2 + 2 * time)));
        town.bring_back();
        town.pass();
    }
    store->catch_up();
    CHECK(texts(town.turns()) == std::vector<std::string>{"0: turn 0", "1: turn 1", "2: turn 2", "3: turn 3", "4: turn 4"});
    CHECK(town.call().caller_identity == "ann");
}

TEST_CASE("turns of a call whose earlier ones nobody could read come after them") {
    Town town;
    const auto earlier = opened(town.path());
    for (int i = 0; i < 3; ++i) REQUIRE(earlier->save_turn(earlier->begin_call(sample_call("demo", "AJ_1"))->id, numbered(i)));
    town.take_away();
    const auto store = town.store();
    const auto id = store->begin_call(sample_call("demo", "AJ_1"))->id;
    CHECK(store->save_turn(id, sample_turn(0, "later 0")));
    town.bring_back();
    town.pass();
    CHECK(store->save_turn(id, sample_turn(1, "later 1")));
    CHECK(store->begin_call(sample_call("demo", "AJ_1"))->id == id);
    town.take_away();
    CHECK(store->save_turn(id, sample_turn(2, "later 2")));
    town.bring_back();
    town.pass();
    store->catch_up();
    CHECK(texts(town.turns()) == std::vector<std::string>{"0: turn 0", "1: turn 1", "2: turn 2", "3: later 0", "4: later 1", "5: later 2"});
}

TEST_CASE("what a dead process left is stored before anything of the next; what a living one has is its own") {
    Town town;
    town.take_away();
    auto dead = town.store(), living = town.store();
    const auto id = dead->begin_call(sample_call("demo", "AJ_1"))->id;
    for (int i = 0; i < 3; ++i) REQUIRE(dead->save_turn(id, numbered(i)));
    REQUIRE(living->begin_call(sample_call("other", "AJ_2")));
    dead.reset();
    const auto heir = town.store();
    const auto taken_up = heir->begin_call(sample_call("demo", "AJ_1"))->id;
    CHECK(heir->save_turn(taken_up, sample_turn(0, "heir 0")));
    town.bring_back();
    town.pass();
    heir->catch_up();
    CHECK(texts(town.turns()) == std::vector<std::string>{"0: turn 0", "1: turn 1", "2: turn 2", "3: heir 0"});
    CHECK(opened(town.path())->find("other").error().code == Errc::NotFound);
    living->catch_up();
    CHECK(town.call("other").job_id == "AJ_2");
}

TEST_CASE("what the database refuses for good is set aside, and does not hold up the rest") {
    Town town;
    const auto store = town.store();
    const auto id = store->begin_call(sample_call("demo", "AJ_1"))->id;
    town.take_away();
    for (int i = 0; i < 3; ++i) REQUIRE(store->save_turn(id, numbered(i)));
    town.bring_back();
    town.run("CREATE TRIGGER no BEFORE INSERT ON turns WHEN NEW.sequence = 1 BEGIN SELECT RAISE(ABORT, 'no'); END");
    town.pass();
    store->catch_up();
    CHECK(texts(town.turns()) == std::vector<std::string>{"0: turn 0", "2: turn 2"});
    const auto aside = *read_file(town.spool() + "/rejected.jsonl");
    CHECK(parse_record(trim(aside))->turns.at(0) == numbered(1));
    CHECK(spool_state(town.spool()).rejected_bytes == aside.size());
}

TEST_CASE("turns never come into another call, even when the database was replaced by another") {
    Town town;
    const auto store = town.store();
    const auto id = store->begin_call(sample_call("demo", "AJ_1"))->id;
    town.take_away();
    REQUIRE(store->save_turn(id, numbered(0)));
    town.bring_back();
    std::filesystem::remove(town.path());
    REQUIRE(opened(town.path())->begin_call(sample_call("other", "AJ_2"))->id == id);
    town.pass();
    store->catch_up();
    CHECK(town.turns("other").empty());
    CHECK(parse_record(trim(*read_file(town.spool() + "/rejected.jsonl")))->turns.at(0) == numbered(0));
}

TEST_CASE("a spool that is full refuses a write and keeps the rest") {
    Town town;
    town.take_away();
    const auto store = town.store(5000);
    const auto id = store->begin_call(sample_call("demo", "AJ_1"))->id;
    int kept = 0;
    Result<void> saved;
    while ((saved = store->save_turn(id, numbered(kept)))) ++kept;
    CHECK(saved.error().message.find("is full") != std::string::npos);
    CHECK(kept > 5);
    town.bring_back();
    town.pass();
    CHECK(store->save_turn(id, numbered(kept)));
    CHECK(town.turns().size() == static_cast<std::size_t>(kept) + 1);
}

TEST_CASE("what does not wait is refused at once while the database is away") {
    Town town;
    const auto store = town.store();
    town.take_away();
    REQUIRE(store->begin_call(sample_call("demo", "AJ_1")));
    const int tries = town.tries;
    CHECK(store->list({}).error().code == Errc::Io);  // what took it away
    town.pass();
    CHECK(store->list({}).error().code == Errc::Unreachable);
    CHECK(store->take_lease({"AJ_1", "ann"}, 1, at_second(0), at_second(20)).error().code == Errc::Unreachable);
    // Without a job it might be another call when it is begun again.
    CHECK(store->begin_call(sample_call("demo", "")).error().code == Errc::Unreachable);
    CHECK(town.tries == tries + 1);
}

TEST_CASE("tries become rarer, and never more than half a minute apart") {
    Town town;
    town.take_away();
    const auto store = town.store();
    Duration last{};
    for (int i = 0; i < 12; ++i) {
        const auto wait = *store->due() - town.now;
        const auto full = std::min<Duration>(std::chrono::milliseconds(500) * (1 << i), std::chrono::seconds(30));
        CHECK(wait >= full / 2);
        CHECK(wait <= full);
        const int tries = town.tries;
        town.pass(wait - std::chrono::nanoseconds(1));
        store->catch_up();
        CHECK(town.tries == tries);
        town.pass(std::chrono::nanoseconds(1));
        store->catch_up();
        CHECK(town.tries == tries + 1);
        last = wait;
    }
    CHECK(last >= std::chrono::seconds(15));
}

TEST_CASE("a line that a crash cut off is dropped, and files are for their owner alone") {
    Town town;
    town.take_away();
    {
        const auto store = town.store();
        const auto id = store->begin_call(sample_call("demo", "AJ_1"))->id;
        REQUIRE(store->save_turn(id, numbered(0)));
        struct stat status {};
        REQUIRE(stat(town.spool().c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0700);
        REQUIRE(stat(spool_files(town.spool()).front().c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
    }
    std::ofstream(spool_files(town.spool()).front(), std::ios::app) << R"({"op":"turn","call":-1,"turns":[{"n":1,"spea)";
    town.bring_back();
    const auto store = town.store();
    CHECK_FALSE(store->due());
    CHECK(town.turns().size() == 1);
    CHECK(spool_state(town.spool()).rejected_bytes == 0);
}

TEST_CASE("every write comes back from its line as it was") {
    auto call = sample_call("räum \"1\"\n", "AJ_1");
    call.ended_at = at_second(9);
    call.reason = std::string("a\0b", 3);
    for (const SpoolRecord& record :
         {SpoolRecord{.kind = SpoolRecord::Kind::Begin, .call_id = -3, .call = call}, {.kind = SpoolRecord::Kind::Transcript, .call = call, .turns = {numbered(0), numbered(2)}},
          {.kind = SpoolRecord::Kind::Placed, .call_id = -3, .call = call, .first = 12}}) {
        const auto line = to_line(record);
        CHECK(line.find('\n') == std::string::npos);
        const auto back = parse_record(line);
        REQUIRE(back);
        CHECK(back->kind == record.kind);
        CHECK(back->call_id == record.call_id);
        CHECK(back->first == record.first);
        CHECK(back->turns == record.turns);
        CHECK(back->call.room == call.room);
        CHECK(back->call.reason == call.reason);
        CHECK(back->call.ended_at == call.ended_at);
    }
    for (const auto* wrong : {"", "{", "[]", "{}", R"({"op":"drop","call":1})", R"({"op":"turn","call":"x"})"}) CHECK_FALSE(parse_record(wrong));
}

TEST_CASE("the folder of a database has neither its user nor its password in it") {
    CHECK(spool_folder("/data/calls.db") == "/data/calls.db.spool");
    const auto folder = spool_folder("postgres://ann:s3cret@db.example.com:5432/voice?sslmode=require");
    CHECK(folder.ends_with("/spool/db.example.com_5432_voice"));
    CHECK(spool_folder("postgres://bob@db.example.com:5432/other") != folder);
}

TEST_CASE("each database has a folder of its own, also when its name is in libpq's parameters or variables") {
    const auto with = [](const char* name, const char* value, const std::string& url) {
        setenv(name, value, 1);
        const auto folder = spool_folder(url);
        unsetenv(name);
        return folder;
    };
    const std::vector<std::string> folders{
        spool_folder("postgres://ann@a/x"), spool_folder("postgres://ann@b/x"), spool_folder("postgres://ann@a:5433/x"), spool_folder("postgres://ann@a/y"),
        spool_folder("postgres://ann@a/x%2Fy"), spool_folder("postgres://ann@a/x_y"), spool_folder("postgres://ann@a/x%20y"),
        spool_folder("postgres:///?host=a&dbname=z"), spool_folder("postgres:///?host=/run/a&dbname=z"), spool_folder("postgres:///z?host=c"),
        spool_folder("postgres://ann@a"), spool_folder("postgres://bob@a"),  // a user's database has its name
        with("PGDATABASE", "p", "postgres://ann@a"), with("PGDATABASE", "q", "postgres://ann@a"),
        with("PGHOST", "d", "postgres:///p"), with("PGHOST", "e", "postgres:///p"), with("PGPORT", "6000", "postgres://ann@a/x"),
        with("PGUSER", "carl", "postgres://a"), with("PGSERVICE", "one", "postgres://"), with("PGSERVICE", "two", "postgres://"),
        with("PGHOSTADDR", "10.0.0.1", "postgres://ann@a/x")};
    for (std::size_t i = 0; i < folders.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) CHECK_MESSAGE(folders[i] != folders[j], i << " and " << j << ": " << folders[i]);
    CHECK(with("PGDATABASE", "x", "postgres://bob:s3cret@a:5432") == spool_folder("postgresql://ann@a/x?sslmode=disable"));
}

TEST_CASE("an AsyncStore goes back to its database by itself") {
    Town town;
    town.take_away();
    test::LiveLoop live;
    test::Waiter waiter;
    OpenStore open = [&town, &waiter]() -> Result<std::unique_ptr<Store>> {
        waiter.change([&] { ++town.tries; });
        if (!std::filesystem::exists(town.path())) return fail(Errc::Unreachable, "the database is away");
        return Store::open(town.path());
    };
    {
        SpoolOptions options{.folder = town.spool(), .first_wait = std::chrono::milliseconds(1), .longest_wait = std::chrono::milliseconds(1), .must_answer = false};
        AsyncStore store(*open_spooled(open, options), live.get());
        bool kept = false;
        store.run<Call>([](Store& s) { return s.begin_call(sample_call("demo", "AJ_1")); }, [&](const auto& begun) { waiter.change([&] { kept = begun.has_value(); }); });
        REQUIRE(waiter.wait([&] { return kept && town.tries > 3; }));
        std::ofstream(town.path()).close();  // an empty file is a database without tables
        std::optional<bool> there;
        while (!there.value_or(false)) {
            there.reset();
            store.run<Call>([](Store& s) { return s.find("demo"); }, [&](const auto& found) { waiter.change([&] { there = found.has_value(); }); });
            REQUIRE(waiter.wait([&] { return there.has_value(); }));
        }
    }
    CHECK(town.call().job_id == "AJ_1");
}

}  // namespace
}  // namespace voicectl::store
