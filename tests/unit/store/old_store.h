// Stores as older programs left them, and what is done to one behind its back.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <memory>
#include <string>

#include "core/store/postgres_database.h"
#include "core/store/schema.h"
#include "core/store/sqlite_database.h"
#include "support/postgres_server.h"

namespace voicectl::store {

/// SQL behind the store's back, with no foreign key or trigger in its way.
inline void behind_its_back(const std::string& place, const std::string& sql) {
    if (is_postgres_url(place)) {
        test::PostgresServer::shared().sql("SET search_path TO voicectl; SET session_replication_role TO replica; " + sql, place.substr(place.rfind('/') + 1));
        return;
    }
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(place.c_str(), &database) == SQLITE_OK);
    const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
    INFO(sqlite3_errmsg(database));
    CHECK(code == SQLITE_OK);
    sqlite3_close(database);
}

/// The database itself, which is there: nothing is brought up.
inline std::unique_ptr<Database> as_it_is(const std::string& place) {
    if (is_postgres_url(place)) return PostgresDatabase::connect(*PostgresAddress::parse(place), PostgresDatabase::Access::ReadWrite);
    return *SqliteDatabase::open_as_it_is(place);
}

/// An empty store of an older schema.
inline void make_old(const std::string& place, int version) {
    if (!is_postgres_url(place)) REQUIRE(create_file(place));
    const auto database = as_it_is(place);
    in_transaction(*database, Mode::Write, Lock::none(), [&](Database& one) {
        return (is_postgres_url(place) ? migrate_postgres(one, place, version) : migrate_sqlite(one, place, version)).has_value();
    });
}

}  // namespace voicectl::store
