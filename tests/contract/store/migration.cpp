// A migration that is killed at each of its system calls: strace does it to a child.
#include "core/store/schema.h"
#include "core/store/sqlite_database.h"
#include "traced.h"
#include "voicectl/store/care.h"

namespace voicectl::store {
namespace {

TEST_CASE("child: migrates a store" * doctest::skip()) {
    const auto care = StoreCare::open(variable("VC_TEST_PATH"));
    if (!care) return acknowledge("cannot open");
    const auto done = (*care)->migrate(/*backup=*/true);
    acknowledge(done ? "migrated" : "not migrated: " + done.error().message);
}

/// The first schema, with a call in it.
void make_first_schema(const std::string& path) {
    REQUIRE(create_file(path));
    const auto database = *SqliteDatabase::open_as_it_is(path);
    REQUIRE(database->prepare_to_write());
    in_transaction(*database, Mode::Write, Lock::none(), [&](Database& one) { return migrate_sqlite(one, path, 1).has_value(); });
    database->execute("INSERT INTO calls (room, attempt, job_id, agent_name, dispatch_metadata, caller_identity, status, reason, started_at) "
                      "VALUES ('demo', 1, '', '', '', '', 'active', '', 1760000000000000)");
}

TEST_CASE("a migration that is killed at any of its system calls leaves the old schema whole, or the new one") {
    const auto strace = strace_program();
    if (!strace) return;
    const std::string test_case = "child: migrates a store";
    Bench bench(*strace, [](const std::string& folder) { make_first_schema(folder + "/s.db"); }, {"/s.db", "/s.db-journal", ""});
    REQUIRE(bench.run(test_case, "")->lines("migrated").size() == 1);
    const auto calls = bench.calls();
    CHECK(calls.contains("fdatasync"));
    int kills = 0, kept_old = 0;
    for (const auto& [name, count] : calls) {
        for (int n = 1; n <= count; ++n) {
            INFO(fmt::format("killed at {} {} of {}", name, n, count));
            const auto child = bench.run(test_case, fmt::format("{}:signal=KILL:when={}", name, n));
            CHECK(bench.killed());
            ++kills;
            {
                const auto care = *StoreCare::open(bench.file("s.db"));
                const auto info = care->info();
                REQUIRE_MESSAGE(info.has_value(), (info ? "" : info.error().message));
                CHECK((info->schema == 1 || info->schema == kSchemaVersion));
                CHECK((info->schema == kSchemaVersion || child->lines("migrated").empty()));
                CHECK(info->calls == 1);
                if (info->schema == 1) ++kept_old;
                const auto checks = *care->check();
                for (const auto& check : checks)
                    for (const auto& one : check.findings) FAIL_CHECK(check.id << ": " << one.message);
                CHECK(care->migrate(false));
            }
            CHECK((*Store::open(bench.file("s.db")))->list({})->size() == 1);
        }
    }
    MESSAGE(kills << " kills, after " << kept_old << " of them the old schema was there");
    CHECK(kills > 20);
    CHECK((kept_old > 0 && kept_old < kills));
}

}  // namespace
}  // namespace voicectl::store
