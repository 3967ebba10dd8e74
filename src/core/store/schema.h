// The tables, and how an older store becomes a newer one. Throws Failure; called by who opens a connection.
#pragma once

#include <string>
#include <vector>

#include "core/store/sql.h"

namespace voicectl::store {

inline constexpr int kSchemaVersion = 5;

/// The version of the file's schema, 0 for an empty file. Refuses databases of other programs (Usage). Reads only.
Result<int> sqlite_schema_version(Database& database, const std::string& path);

/// The same of a database: our tables in their schema.
Result<int> postgres_schema_version(Database& database, const std::string& shown);

/// Conflict for a version that only a newer voicectl knows.
Result<int> known_version(int version, const std::string& place);

/// Inside a write transaction: brings the file to version `to`, whatever it is by now; the version it had.
Result<int> migrate_sqlite(Database& database, const std::string& path, int to = kSchemaVersion);
Result<int> migrate_postgres(Database& database, const std::string& shown, int to = kSchemaVersion);

/// The names of the tables, indexes and triggers that a store of that version has.
std::vector<std::string> schema_objects(int version, bool postgres);

}  // namespace voicectl::store
