// One SQLite connection and the only place where SQLiteCpp's exceptions become errors. Blocking; owned by
// the one thread that uses the store.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Transaction.h>

#include <string>
#include <utility>

#include "voicectl/base/result.h"

namespace voicectl::store {

enum class Access { ReadWrite, ReadOnly };

/// Creates an empty file (0600) and its folders (0700) where there are none.
Result<void> create_file(const std::string& path);

/// NotFound when there is none.
Result<void> require_file(const std::string& path);

/// What went wrong in the file at `path`, in words and with a cause scripts can act on.
Error to_error(const SQLite::Exception& exception, const std::string& path);

class Connection {
 public:
    /// Refuses what is no store of ours, without changing a byte of it.
    static Result<Connection> open(const std::string& path, Access access);

    SQLite::Database& database() { return database_; }

    /// Runs `work`, which may throw SQLite::Exception and returns a Result.
    template<class Work>
    auto guarded(Work work) -> decltype(work()) {
        try {
            return work();
        } catch (const SQLite::Exception& exception) {
            return std::unexpected(to_error(exception, path_));
        }
    }
    /// `work` in one transaction, kept only when it gives a value. The write lock is taken first
    /// (IMMEDIATE): two writers wait for each other there instead of failing halfway.
    template<class Work>
    auto transact(Work work) -> decltype(work()) {
        return guarded([&]() -> decltype(work()) {
            SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
            auto result = work();
            if (result) transaction.commit();
            return result;
        });
    }

 private:
    Connection(SQLite::Database database, std::string path)
        : database_(std::move(database)), path_(std::move(path)) {}
    SQLite::Database database_;
    std::string path_;
};

}  // namespace voicectl::store
