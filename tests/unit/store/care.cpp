// Looking after a store: what it holds, older schemas, damage, what is old. On both engines.
#include "voicectl/store/care.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "engines.h"
#include "old_store.h"
#include "voicectl/base/text.h"
#include "voicectl/store/webhooks.h"
#include "webhook_samples.h"

namespace voicectl::store {
namespace {

std::unique_ptr<StoreCare> care(const std::string& place) {
    auto opened = StoreCare::open(place);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
    return std::move(*opened);
}

/// "id: message" of all that was found. The tests' PostgreSQL runs without fsync, and is told so.
std::vector<std::string> found(const std::string& place) {
    const auto checks = care(place)->check();
    REQUIRE_MESSAGE(checks.has_value(), (checks ? "" : checks.error().message));
    std::vector<std::string> out;
    for (const auto& check : *checks)
        for (const auto& one : check.findings) {
            CHECK_FALSE(one.advice.empty());
            if (check.id != "journal" || !is_postgres_url(place)) out.push_back(check.id + ": " + one.message);
        }
    return out;
}

bool has(const std::vector<std::string>& all, std::string_view part) {
    return std::any_of(all.begin(), all.end(), [&](const std::string& one) { return one.find(part) != std::string::npos; });
}

WebhookEvent started(const std::string& id) {
    auto event = *parse_webhook_event(sample_body("room_started", id, 0, {{"room", sample_room("RM_1", "demo", "")}}));
    event.received_at = at_second(0);
    return event;
}

Call finished(Store& store, const std::string& room, int turns, SystemTime ended) {
    auto call = sample_call(room, "AJ_" + room);
    call.status = "completed";
    call.started_at = ended - std::chrono::minutes(5);
    call.ended_at = ended;
    std::vector<Turn> all;
    for (int i = 0; i < turns; ++i) all.push_back(sample_turn(i));
    return *store.save_transcript(call, all);
}

STORE_TEST_CASE("a store tells what it holds, and opening it changes nothing") {
    Engine engine;
    const auto place = engine.place();
    {
        auto store = opened(place);
        const auto call = finished(*store, "demo", 3, at_second(900));
        REQUIRE(store->begin_call(sample_call("live", "AJ_1")));
        REQUIRE(store->save_session({.id = "s1", .call_id = call.id, .user_id = "ann", .status = "active", .started_at = at_second(-50), .completed_at = {}, .usage_json = {}}));
        REQUIRE(store->webhooks().take({started("EV_1")}, {"http://there/"}));
    }
    const auto info = care(place)->info();
    REQUIRE(info);
    CHECK(info->engine == (is_postgres_url(place) ? "PostgreSQL" : "SQLite"));
    CHECK(std::isdigit(static_cast<unsigned char>(info->engine_version.front())) != 0);
    CHECK(info->schema == known_schema_version());
    CHECK(info->bytes > 20'000);
    CHECK(std::tuple(info->calls, info->active_calls, info->turns, info->sessions, info->events, info->waiting_deliveries) == std::tuple(2, 1, 3, 1, 1, 1));
    CHECK(info->oldest == at_second(-50));
}

STORE_TEST_CASE("stores of every older schema are looked at as they are, and brought up when asked") {
    for (int version = 1; version < known_schema_version(); ++version) {
        INFO(version);
        Engine engine;
        const auto place = engine.place();
        make_old(place, version);
        behind_its_back(place, "INSERT INTO calls (room, attempt, job_id, agent_name, dispatch_metadata, caller_identity, status, reason, started_at) "
                               "VALUES ('demo', 1, '', '', '', '', 'active', '', 1760000000000000)");
        const auto info = care(place)->info();
        REQUIRE(info);
        CHECK(info->schema == version);
        CHECK(info->calls == 1);
        CHECK(found(place).empty());
        CHECK(care(place)->vacuum().error().code == Errc::Conflict);
        CHECK(care(place)->count_old(at_second(0)).error().code == Errc::Conflict);
        CHECK(care(place)->info()->schema == version);
        const auto migrated = care(place)->migrate(true);
        REQUIRE_MESSAGE(migrated.has_value(), (migrated ? "" : migrated.error().message));
        CHECK(migrated->from == version);
        CHECK(migrated->to == known_schema_version());
        CHECK(care(place)->info()->schema == known_schema_version());
        CHECK(opened(place)->list({})->size() == 1);
        CHECK(found(place).empty());
        CHECK(care(place)->migrate(true)->from == known_schema_version());
        if (is_postgres_url(place)) continue;
        struct stat status {};
        REQUIRE(stat(migrated->backup.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
        CHECK(care(migrated->backup)->info()->schema == version);
        CHECK(care(migrated->backup)->info()->calls == 1);
    }
}

STORE_TEST_CASE("two who migrate at once both find the new schema") {
    Engine engine;
    const auto place = engine.place();
    make_old(place, 1);
    std::vector<Result<Migration>> results(2);
    {
        std::vector<std::jthread> both;
        for (auto& result : results) both.emplace_back([&] { result = (*StoreCare::open(place))->migrate(false); });
    }
    for (const auto& result : results) CHECK_MESSAGE(result.has_value(), (result ? "" : result.error().message));
    CHECK(std::min(results[0]->from, results[1]->from) == 1);
    CHECK(found(place).empty());
}

STORE_TEST_CASE("a newer schema is told and left alone") {
    Engine engine;
    const auto place = engine.place();
    opened(place);
    behind_its_back(place, is_postgres_url(place) ? "INSERT INTO schema_version (version) VALUES (99)" : "PRAGMA user_version = 99");
    CHECK(care(place)->info()->schema == 99);
    CHECK(care(place)->migrate(true).error().code == Errc::Conflict);
    CHECK(care(place)->check().error().code == Errc::Conflict);
    CHECK(care(place)->vacuum().error().code == Errc::Conflict);
}

STORE_TEST_CASE("rows that were taken out behind its back are found, each with what to do") {
    Engine engine;
    const auto place = engine.place();
    {
        auto store = opened(place);
        const auto one = finished(*store, "holes", 5, at_second(900));
        const auto two = finished(*store, "gone", 2, at_second(900));
        CHECK(one.id == 1);
        REQUIRE(store->save_session({.id = "s1", .call_id = two.id, .user_id = "ann", .status = "active", .started_at = at_second(0), .completed_at = {}, .usage_json = {}}));
        REQUIRE(store->save_assessment({two.id, "summary", "Short.", "m", at_second(1)}, false));
        REQUIRE(store->webhooks().take({started("EV_1")}, {"http://there/"}));
    }
    CHECK(found(place).empty());
    behind_its_back(place, "DELETE FROM turns WHERE call_id = 1 AND sequence = 2");
    CHECK(has(found(place), "turns: call 1 (room holes, attempt 1): 1 of its 5 turns are missing"));
    behind_its_back(place, "DELETE FROM turns WHERE call_id = 1 AND sequence = 0");
    auto all = found(place);
    CHECK(all.size() == 1);
    CHECK(has(all, "turns: call 1 (room holes, attempt 1): 2 of its 5 turns are missing"));
    behind_its_back(place, "INSERT INTO carriers (call_id, carrier, until) VALUES (2, 'p', 1)");
    CHECK(found(place).size() == 1);
    behind_its_back(place, "DELETE FROM calls WHERE id = 2; DELETE FROM webhook_events");
    all = found(place);
    CHECK(has(all, "orphans: somebody carries call 2"));
    CHECK(has(all, "orphans: turns of call 2"));
    CHECK(has(all, "orphans: the call of session s1 is gone"));
    CHECK(has(all, "orphans: summary or evaluation of call 2"));
    CHECK(has(all, "orphans: event EV_1"));
    behind_its_back(place, "UPDATE webhook_forwards SET head = 0");
    CHECK(has(found(place), "orphans: events of room demo wait to be forwarded, and none of them is the next"));
    behind_its_back(place, "DROP INDEX sessions_by_user");
    CHECK(has(found(place), "schema: sessions_by_user is missing"));
}

TEST_CASE("a trigger that is switched off is found") {
    OnPostgres engine;
    const auto place = engine.place();
    opened(place);
    behind_its_back(place, "ALTER TABLE calls DISABLE TRIGGER forget_turns");
    CHECK(has(found(place), "schema: forget_turns is missing, or switched off"));
}

TEST_CASE("flipped bytes are found in a file") {
    OnSqlite engine;
    const auto place = engine.place();
    finished(*opened(place), "demo", 500, at_second(900));
    CHECK(found(place).empty());
    auto bytes = *read_file(place);
    const auto middle = bytes.size() - 4096 * 6;
    for (std::size_t at = middle; at < middle + 64; ++at) bytes[at] = static_cast<char>(bytes[at] ^ 0x5a);
    REQUIRE(write_file_atomically(place, bytes));
    const auto all = found(place);
    CHECK(has(all, "pages: "));
    for (std::size_t at = 100; at < 4096; ++at) bytes[at] = 'x';
    REQUIRE(write_file_atomically(place, bytes));
    CHECK(has(found(place), "pages: "));
}

TEST_CASE("an index that is not what its table is, is found in a file") {
    OnSqlite engine;
    const auto place = engine.place();
    finished(*opened(place), "zebra", 1, at_second(900));
    auto bytes = *read_file(place);
    bytes[bytes.find("zebra") + 4] = 'b';  // in one of the two
    REQUIRE(write_file_atomically(place, bytes));
    CHECK(has(found(place), "missing from index"));
}

TEST_CASE("damaged rows are found in a database") {
    auto& server = test::PostgresServer::shared();
    OnPostgres engine;
    const auto place = engine.place();
    finished(*opened(place), "demo", 500, at_second(900));
    const auto name = place.substr(place.rfind('/') + 1);
    CHECK(found(place).empty());
    server.sql("CHECKPOINT", name);
    const auto file = server.folder() + "/data/" + server.sql("SELECT pg_relation_filepath('voicectl.turns')", name);
    server.stop();
    auto bytes = *read_file(file);
    for (std::size_t at = 0; at < 24; ++at) bytes[at] = static_cast<char>(0x5a);  // a page's header
    struct stat owner {};
    REQUIRE(stat(file.c_str(), &owner) == 0);
    std::FILE* out = std::fopen(file.c_str(), "r+");
    std::fwrite(bytes.data(), 1, bytes.size(), out);
    std::fclose(out);
    server.start();
    CHECK(has(found(place), "pages: table turns"));
    server.sql("DROP SCHEMA voicectl CASCADE", name);
}

TEST_CASE("a server that acknowledges before the disk has it is told of") {
    const test::PostgresServer server({"fsync=on"});
    for (const bool safe : {true, false}) {
        auto place = safe ? server.url("postgres") : test::PostgresServer::shared().new_database();
        opened(place);
        const auto checks = *care(place)->check();
        CHECK(checks[2].id == "journal");
        CHECK(checks[2].findings.empty() == safe);
    }
}

TEST_CASE("a write-ahead log is told of, and stays until somebody writes") {
    OnSqlite engine;
    const auto place = engine.place();
    opened(place);
    behind_its_back(place, "PRAGMA journal_mode = WAL");
    CHECK(has(found(place), "journal: another program put it into a write-ahead log"));
    CHECK(has(found(place), "journal: "));
    opened(place);
    CHECK(found(place).empty());
}

TEST_CASE("files that wait are looked at, and what was refused for good") {
    OnSqlite engine;
    const auto place = engine.place();
    opened(place);
    const auto folder = spool_folder(place);
    REQUIRE(std::filesystem::create_directory(folder));
    REQUIRE(write_file_atomically(folder + "/00000000000000001-a.jsonl", "{\"cut\": "));
    CHECK(found(place).empty());
    REQUIRE(write_file_atomically(folder + "/00000000000000001-a.jsonl", "nonsense\n{\"cut\": "));
    CHECK(has(found(place), "line 1: this is no write of voicectl's"));
    std::filesystem::remove(folder + "/00000000000000001-a.jsonl");
    REQUIRE(write_file_atomically(folder + "/rejected.jsonl", "{}\n"));
    CHECK(has(found(place), "rejected.jsonl has what the database refused for good"));
    std::filesystem::remove_all(folder);
    REQUIRE(write_file_atomically(folder, ""));
    CHECK(has(found(place), "cannot be read"));
}

STORE_TEST_CASE("what is over and old is counted and removed, and nothing else") {
    Engine engine;
    const auto place = engine.place();
    {
        auto store = opened(place);
        for (int i = 0; i < 250; ++i) finished(*store, fmt::format("old-{}", i), 2, at_second(i));
        finished(*store, "young", 2, at_second(5000));
        REQUIRE(store->begin_call(sample_call("live", "AJ_1")));
        const auto session = [&](const char* id, const char* status, std::optional<SystemTime> completed) {
            REQUIRE(store->save_session({.id = id, .call_id = store->find("old-7")->id, .user_id = "ann", .status = status, .started_at = at_second(0), .completed_at = completed, .usage_json = {}}));
        };
        session("done", "completed", at_second(900));
        session("late", "completed", at_second(5000));
        session("open", "active", std::nullopt);
        REQUIRE(store->webhooks().take({started("EV_1")}, {}));
    }
    const OldRows expected{250, 500, 1, 1};
    CHECK(*care(place)->count_old(at_second(4000)) == expected);
    CHECK(*care(place)->count_old(at_second(4000)) == expected);
    CHECK(*care(place)->remove_old(at_second(4000)) == expected);
    CHECK(*care(place)->count_old(at_second(4000)) == OldRows{});
    auto store = opened(place);
    CHECK(store->list({.limit = 0})->size() == 2);
    CHECK(all_turns(*store, store->find("young")->id).size() == 2);
    CHECK(store->list_sessions({})->size() == 2);
    CHECK_FALSE(store->find_session("late")->call_id);
    CHECK(found(place).empty());
}

TEST_CASE("a vacuum gives space back, and not while another writes") {
    OnSqlite engine;
    const auto place = engine.place();
    finished(*opened(place), "demo", 3000, at_second(900));
    REQUIRE(care(place)->remove_old(at_second(4000)));
    const auto before = std::filesystem::file_size(place);
    {
        const auto writer = *SqliteDatabase::open(place, Access::ReadWrite);
        writer->begin(Mode::Write, Lock::none());
        const auto refused = care(place)->vacuum();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::Timeout);
        CHECK(refused.error().message.find("another process writes") != std::string::npos);
        CHECK(std::filesystem::file_size(place) == before);
        writer->rollback();
    }
    const auto done = care(place)->vacuum();
    REQUIRE(done);
    CHECK(done->before == static_cast<std::int64_t>(before));
    CHECK(done->after == static_cast<std::int64_t>(std::filesystem::file_size(place)));
    CHECK(done->after * 2 < done->before);
    CHECK(found(place).empty());
}

TEST_CASE("a vacuum of a database leaves it whole") {
    OnPostgres engine;
    const auto place = engine.place();
    finished(*opened(place), "demo", 3000, at_second(900));
    REQUIRE(care(place)->remove_old(at_second(4000)));
    const auto done = care(place)->vacuum();
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
    CHECK(done->after < done->before);
    CHECK(found(place).empty());
}

TEST_CASE("what is not there is not made by looking") {
    test::TempFolder folder;
    CHECK(StoreCare::open(folder.file("no.db")).error().code == Errc::NotFound);
    CHECK(StoreCare::open("mysql://there").error().code == Errc::Usage);
    CHECK_FALSE(std::filesystem::exists(folder.file("no.db")));
    CHECK((*StoreCare::create(folder.file("a/new.db")))->migrate(true)->from == 0);
    CHECK(care(folder.file("a/new.db"))->info()->schema == known_schema_version());
    CHECK((*StoreCare::open(test::PostgresServer::shared().new_database()))->check().error().code == Errc::NotFound);
}

}  // namespace
}  // namespace voicectl::store
