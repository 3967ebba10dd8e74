// The SQLite driver: one file, one connection, one owner. Safe against SIGKILL at any time.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>

#include "core/store/sql.h"

namespace voicectl::store {

enum class Access { ReadWrite, ReadOnly };

/// Creates an empty file (0600) and its folders (0700) where there are none.
Result<void> create_file(const std::string& path);

/// NotFound when there is none.
Result<void> require_file(const std::string& path);

class SqliteDatabase final : public Database {
 public:
    /// The file must be there. Refuses what is no store of ours, without changing a byte of it; an older schema is
    /// brought up.
    static Result<std::unique_ptr<SqliteDatabase>> open(const std::string& path, Access access);
    /// Whatever it holds: nothing is looked at yet, nothing brought up.
    static Result<std::unique_ptr<SqliteDatabase>> open_as_it_is(const std::string& path);
    ~SqliteDatabase() override;

    void begin(Mode mode, const Lock& lock) override;
    void lock(const Lock&) override {}
    void commit() override;
    void rollback() noexcept override;
    std::string contains(std::string_view text, std::string_view part) const override;
    void execute(const std::string& statements) override;
    Query insert_many(std::string_view table, std::string_view columns, int count) override;

    /// Io where it can only be read; Conflict where another program keeps it in a write-ahead log.
    Result<void> prepare_to_write();
    bool in_write_ahead_log();

    sqlite3* handle() const { return handle_; }
    const std::string& path() const { return path_; }
    /// Throws what a call's result means; SQLITE_OK, SQLITE_ROW and SQLITE_DONE are fine.
    void check(int code) const;

 private:
    explicit SqliteDatabase(std::string path);
    void open_file();
    Result<void> bring_up(Access access);
    std::unique_ptr<Statement> prepare(std::string_view sql) override;

    std::string path_;
    sqlite3* handle_ = nullptr;
    std::string bulk_insert_;  // the text of the last one
};

}  // namespace voicectl::store
