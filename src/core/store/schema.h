// The tables, and how an older file becomes a newer one. Throws SQLite::Exception; called by Connection.
#pragma once

#include <SQLiteCpp/Database.h>

#include <string>

#include "voicectl/base/result.h"

namespace voicectl::store {

inline constexpr int kSchemaVersion = 3;

/// The version of the file's schema, 0 for an empty file. Refuses newer ones (Conflict) and databases of
/// other programs (Usage). Reads only.
Result<int> schema_version(SQLite::Database& database, const std::string& path);

/// Inside a write transaction: brings the file to kSchemaVersion, whatever it is by now.
Result<void> migrate(SQLite::Database& database, const std::string& path);

}  // namespace voicectl::store
