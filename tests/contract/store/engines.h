// The databases that a contract test of the store meets: each test runs on all of them.
#pragma once

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "child.h"
#include "support/postgres_server.h"
#include "support/temp_folder.h"
#include "voicectl/store/store.h"

namespace voicectl::store {

/// A database without tables, gone with its owner.
class FreshStore {
 public:
    virtual ~FreshStore() = default;
    /// What Store::open() is given.
    virtual std::string location() const = 0;
    /// "ok", or what the database's own check of itself found.
    virtual std::string integrity() const { return "ok"; }
};

/// In memory, where there is some: a SIGKILL, which is what these tests are about, leaves the same on any disk.
inline std::filesystem::path fast_folder() { return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path(); }

class SqliteFile final : public FreshStore {
 public:
    std::string location() const override { return folder_.file("s.db"); }
    std::string integrity() const override { return store::integrity(location()); }

 private:
    test::TempFolder folder_{fast_folder()};
};

class PostgresBase final : public FreshStore {
 public:
    std::string location() const override { return url_; }
    /// Its indexes against its tables, and every page of these.
    std::string integrity() const override {
        try {
            return test::PostgresServer::shared().sql(
                "CREATE EXTENSION IF NOT EXISTS amcheck; "
                "SELECT coalesce(string_agg(complaint, ' '), 'ok') FROM ("
                "SELECT bt_index_check(i.indexrelid, true)::text || '' AS complaint FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
                "WHERE c.relnamespace = 'voicectl'::regnamespace AND c.relkind = 'r' "
                "UNION ALL SELECT h.msg FROM pg_class c, verify_heapam(c.oid) h WHERE c.relnamespace = 'voicectl'::regnamespace AND c.relkind = 'r'"
                ") AS checks WHERE complaint <> ''",
                url_.substr(url_.rfind('/') + 1));
        } catch (const std::exception& failed) {
            return failed.what();
        }
    }

 private:
    std::string url_ = test::PostgresServer::shared().new_database();
};

struct Engine {
    std::string name;
    std::unique_ptr<FreshStore> (*fresh)();
    unsigned schedules = 600;                       // random ones, when nobody says how many
    std::chrono::microseconds save_takes{1500};     // about: a kill comes before that
    bool outlives_writers = false;                  // a server
};

inline std::vector<Engine> engines() {
    using std::chrono::microseconds;
    return {{"sqlite", [] () -> std::unique_ptr<FreshStore> { return std::make_unique<SqliteFile>(); }, 600, microseconds(1500), false},
            {"postgres", [] () -> std::unique_ptr<FreshStore> { return std::make_unique<PostgresBase>(); }, 150, microseconds(8000), true}};
}

}  // namespace voicectl::store
