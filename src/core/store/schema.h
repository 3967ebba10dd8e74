// The tables, and how an older store becomes a newer one. Throws Failure; called by who opens a connection.
#pragma once

#include <string>

#include "core/store/sql.h"

namespace voicectl::store {

inline constexpr int kSchemaVersion = 5;

/// The version of the file's schema, 0 for an empty file. Refuses newer ones (Conflict) and databases of
/// other programs (Usage). Reads only.
Result<int> sqlite_schema_version(Database& database, const std::string& path);

/// The same of a database: our tables in their schema.
Result<int> postgres_schema_version(Database& database, const std::string& shown);

/// Inside a write transaction: brings the file to kSchemaVersion, whatever it is by now.
Result<void> migrate_sqlite(Database& database, const std::string& path);
Result<void> migrate_postgres(Database& database, const std::string& shown);

}  // namespace voicectl::store
