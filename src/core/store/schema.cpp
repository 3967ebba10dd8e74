#include "core/store/schema.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <array>

namespace voicectl::store {
namespace {

constexpr int kApplicationId = 0x76636374;  // "vcct", shown by file(1) and told apart from others' files

// What leads from version N to N + 1. Released steps are never edited. Times are microseconds since 1970,
// UTC. `revision` counts replacements of a whole transcript, so that a reader who works in pages notices.
constexpr std::array<const char*, kSchemaVersion> kSteps{R"sql(
CREATE TABLE calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    job_id TEXT NOT NULL,
    agent_name TEXT NOT NULL,
    dispatch_metadata TEXT NOT NULL,
    caller_identity TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    revision INTEGER NOT NULL DEFAULT 0,
    UNIQUE (room, attempt)
) STRICT;
CREATE UNIQUE INDEX calls_by_job ON calls (room, job_id) WHERE job_id <> '';
CREATE INDEX calls_by_start ON calls (started_at, id);
CREATE TABLE turns (
    call_id INTEGER NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    speaker TEXT NOT NULL CHECK (speaker IN ('user', 'agent')),
    identity TEXT NOT NULL,
    text TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    detail_json TEXT NOT NULL,
    PRIMARY KEY (call_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    call_id INTEGER REFERENCES calls (id) ON DELETE SET NULL,
    user_id TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    completed_at INTEGER,
    usage_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql",
                                                               R"sql(
ALTER TABLE calls ADD COLUMN report_json TEXT NOT NULL DEFAULT '';
CREATE TABLE leases (
    job_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_by_user ON leases (user_id, until);
CREATE TABLE refusals (
    dispatch_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    room TEXT NOT NULL,
    agent_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX refusals_by_dispatch ON refusals (dispatch_id);
CREATE INDEX refusals_by_time ON refusals (at);
)sql",
                                                               R"sql(
CREATE TABLE carriers (
    call_id INTEGER NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
    carrier TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;
)sql"};

int number(SQLite::Database& database, const char* query) { return database.execAndGet(query).getInt(); }

}  // namespace

Result<int> schema_version(SQLite::Database& database, const std::string& path) {
    const int version = number(database, "PRAGMA user_version");
    const int application = number(database, "PRAGMA application_id");
    if (version > kSchemaVersion) {
        return fail_with_hint(Errc::Conflict,
                              fmt::format("{} has schema version {}; this voicectl knows versions up to {}", path, version,
                                          kSchemaVersion),
                              "it was written by a newer voicectl: use that one, or another file with --store");
    }
    const bool empty = number(database, "SELECT count(*) FROM sqlite_schema") == 0;
    if (application == kApplicationId || (application == 0 && version == 0 && empty)) return version;
    return fail_with_hint(Errc::Usage, fmt::format("{} is a database of another program", path),
                          "name another file with --store or VOICECTL_STORE");
}

Result<void> migrate(SQLite::Database& database, const std::string& path) {
    // Asked again: another process may have been faster while we waited for the lock.
    VC_TRY_ASSIGN(auto version, schema_version(database, path));
    for (; version < kSchemaVersion; ++version) database.exec(kSteps[static_cast<std::size_t>(version)]);
    database.exec(fmt::format("PRAGMA user_version={}", kSchemaVersion));
    database.exec(fmt::format("PRAGMA application_id={}", kApplicationId));
    return {};
}

}  // namespace voicectl::store
