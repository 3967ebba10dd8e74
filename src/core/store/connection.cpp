#include "core/store/connection.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/store/schema.h"

namespace voicectl::store {
namespace {

constexpr int kBusyTimeoutMs = 10'000;
constexpr const char* kOtherFile = "name another file with --store or VOICECTL_STORE";

Error damaged(const std::string& path, const char* reason) {
    return {Errc::Io, fmt::format("{} is damaged: {}", path, reason),
            fmt::format("sqlite3 {} .recover may save what is left", path)};
}

// SQLite gives ":memory:" and "file:…" a meaning of their own; here every path is a path.
std::string plain_path(const std::string& path) { return path.starts_with('/') ? path : "./" + path; }

Result<void> create_folders(const std::filesystem::path& folder) {
    std::error_code error;
    if (folder.empty() || std::filesystem::is_directory(folder, error)) return {};
    VC_TRY(create_folders(folder.parent_path()));
    if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return fail(Errc::Io, "cannot create {}: {}", folder.string(), std::strerror(errno));
}

// A rollback journal, not a write-ahead log: Debian's SQLite 3.40.1 can lose a committed transaction when
// one connection checkpoints while another writes (the WAL-reset bug), and here several
// agents and any number of readers share a file. TRUNCATE saves the directory sync of DELETE. FULL syncs
// before a commit returns, so that an acknowledged turn outlives the process and the machine.
Result<void> prepare_writer(SQLite::Database& database, const std::string& path) {
    const std::string mode = database.execAndGet("PRAGMA journal_mode=TRUNCATE").getString();
    if (mode != "truncate") {
        return fail_with_hint(Errc::Conflict, fmt::format("{} is kept in journal mode {} by another program", path, mode),
                              "close the other program");
    }
    database.exec("PRAGMA synchronous=FULL");
    return {};
}

// Another process may be creating the tables just now.
Result<int> version_at_one_moment(SQLite::Database& database, const std::string& path) {
    SQLite::Transaction moment(database, SQLite::TransactionBehavior::DEFERRED);
    return schema_version(database, path);
}

}  // namespace

Result<void> create_file(const std::string& path) {
    if (path.empty()) return fail_with_hint(Errc::Usage, "the store's path is empty", kOtherFile);
    VC_TRY(create_folders(std::filesystem::path(path).parent_path()));
    // mknod, not open: closing any descriptor of a database drops this process's locks on it.
    if (mknod(path.c_str(), S_IFREG | 0600, 0) == 0 || errno == EEXIST) return {};
    return fail(Errc::Io, "cannot create {}: {}", path, std::strerror(errno));
}

Result<void> require_file(const std::string& path) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) return {};
    return fail_with_hint(Errc::NotFound, fmt::format("no store at {}", path), kOtherFile);
}

Error to_error(const SQLite::Exception& exception, const std::string& path) {
    const char* reason = exception.what();
    switch (exception.getErrorCode() & 0xFF) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return {Errc::Timeout, fmt::format("{} was busy for {} s", path, kBusyTimeoutMs / 1000),
                    "another program holds a lock on it; see `fuser -v FILE`"};
        case SQLITE_NOTADB: return {Errc::Usage, fmt::format("{} is not a SQLite database", path), kOtherFile};
        case SQLITE_CORRUPT: return damaged(path, reason);
        case SQLITE_FULL: return {Errc::Io, fmt::format("cannot write {}: {}", path, reason), "free some disk space"};
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return {Errc::Io, fmt::format("cannot write {}: {}", path, reason),
                    "file and folder must both be writable for this user"};
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
            return {Errc::Io, fmt::format("cannot use {}: {}", path, reason),
                    "check that it is a file, and the permissions of its folder"};
        default: return {Errc::Other, fmt::format("{}: {}", path, reason), {}};
    }
}

Result<Connection> Connection::open(const std::string& path, Access access) {
    try {
        // Readers open for writing too: after a crash the first one rolls the journal back. SQLite falls
        // back to reading alone where the file is write-protected.
        Connection made(SQLite::Database(plain_path(path), SQLite::OPEN_READWRITE, kBusyTimeoutMs), path);
        auto& database = made.database_;
        // Only a look: closing must not write a foreign write-ahead log into its file.
        sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
        VC_TRY_ASSIGN(const auto version, version_at_one_moment(database, path));
        if (access == Access::ReadWrite) VC_TRY(prepare_writer(database, path));
        database.exec("PRAGMA foreign_keys=ON");
        if (version != kSchemaVersion) {
            if (access == Access::ReadOnly && version == 0) return fail(Errc::NotFound, "{} holds no calls yet", path);
            VC_TRY(made.transact([&] { return migrate(database, path); }));
        }
        if (access == Access::ReadOnly) database.exec("PRAGMA query_only=ON");
        return made;
    } catch (const SQLite::Exception& exception) {
        return std::unexpected(to_error(exception, path));
    }
}

}  // namespace voicectl::store
