// Where a test's stores lie: the same cases run on both engines. `place("a")` is the same place each time.
#pragma once

#include <map>

#include "samples.h"
#include "support/postgres_server.h"
#include "support/temp_folder.h"

namespace voicectl::store {

class OnSqlite {
 public:
    std::string place(const std::string& name = "s") const { return folder_.file(name + ".db"); }

 private:
    test::TempFolder folder_;
};

class OnPostgres {
 public:
    std::string place(const std::string& name = "s") {
        auto& url = places_[name];
        if (url.empty()) url = test::PostgresServer::shared().new_database();
        return url;
    }

 private:
    std::map<std::string, std::string> places_;
};

}  // namespace voicectl::store

TYPE_TO_STRING_AS("SQLite", voicectl::store::OnSqlite);
TYPE_TO_STRING_AS("PostgreSQL", voicectl::store::OnPostgres);

#define STORE_TEST_CASE(name) TEST_CASE_TEMPLATE(name, Engine, OnSqlite, OnPostgres)
