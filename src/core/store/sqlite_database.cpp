#include "core/store/sqlite_database.h"

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

Error to_error(int code, const char* reason, const std::string& path) {
    if (code == SQLITE_READONLY_DBMOVED)
        return {Errc::Io, fmt::format("{} was moved or deleted while it was open", path), "put it back, or start this program again"};
    switch (code & 0xFF) {
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

class SqliteStatement final : public Statement {
 public:
    SqliteStatement(SqliteDatabase& database, std::string_view sql) : database_(database) {
        database.check(sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                          &statement_, nullptr));
    }
    ~SqliteStatement() override { sqlite3_finalize(statement_); }
    SqliteStatement(const SqliteStatement&) = delete;
    SqliteStatement& operator=(const SqliteStatement&) = delete;

    void bind_null(int index) override { database_.check(sqlite3_bind_null(statement_, index)); }
    void bind_number(int index, std::int64_t value) override { database_.check(sqlite3_bind_int64(statement_, index, value)); }
    void bind_text(int index, std::string_view value) override { bind(index, value, SQLITE_TRANSIENT); }
    void bind_lasting(int index, std::string_view value) override { bind(index, value, SQLITE_STATIC); }
    bool step() override {
        const int code = sqlite3_step(statement_);
        database_.check(code);
        return code == SQLITE_ROW;
    }
    void reset() noexcept override { sqlite3_reset(statement_); }
    std::int64_t changed() const override { return sqlite3_changes64(database_.handle()); }
    bool is_null(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
    std::int64_t number(int column) const override { return sqlite3_column_int64(statement_, column); }
    std::string text(int column) const override {
        const auto* start = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
        return start != nullptr ? std::string(start, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))) : std::string();
    }

 private:
    void bind(int index, std::string_view value, sqlite3_destructor_type keep) {
        const char* start = value.data() != nullptr ? value.data() : "";  // a null pointer would be NULL
        database_.check(sqlite3_bind_text64(statement_, index, start, value.size(), keep, SQLITE_UTF8));
    }
    SqliteDatabase& database_;
    sqlite3_stmt* statement_ = nullptr;
};

// Refused while another program has the file in one and open.
Result<void> leave_write_ahead_log(SqliteDatabase& database) {
    sqlite3_exec(database.handle(), "PRAGMA journal_mode=TRUNCATE", nullptr, nullptr, nullptr);
    if (!database.in_write_ahead_log()) return {};
    return fail_with_hint(Errc::Conflict, fmt::format("{} is kept in journal mode wal by another program", database.path()),
                          "close the other program");
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

SqliteDatabase::SqliteDatabase(std::string path) : path_(std::move(path)) {}

SqliteDatabase::~SqliteDatabase() {
    forget_statements();
    sqlite3_close(handle_);
}

void SqliteDatabase::check(int code) const {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
    const char* reason = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
    throw Failure(Failure::Kind::Final, to_error(handle_ != nullptr ? sqlite3_extended_errcode(handle_) : code, reason, path_));
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& path, Access access) {
    std::unique_ptr<SqliteDatabase> made(new SqliteDatabase(path));
    try {
        made->open_file();
        VC_TRY(made->bring_up(access));
        return made;
    } catch (const Failure& failure) {
        made->rollback();
        return std::unexpected(failure.error);
    }
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open_as_it_is(const std::string& path) {
    std::unique_ptr<SqliteDatabase> made(new SqliteDatabase(path));
    try {
        made->open_file();
        made->execute("PRAGMA foreign_keys=ON");
        return made;
    } catch (const Failure& failure) {
        return std::unexpected(failure.error);
    }
}

bool SqliteDatabase::in_write_ahead_log() {
    auto mode = query("PRAGMA journal_mode");
    return mode.next() && mode.text(0) == "wal";
}

// A rollback journal, not a write-ahead log: Debian's SQLite 3.40.1 can lose a committed transaction when
// one connection checkpoints while another writes (the WAL-reset bug), and here several
// agents and any number of readers share a file. TRUNCATE saves the directory sync of DELETE. FULL syncs
// before a commit returns, so that an acknowledged turn outlives the process and the machine.
Result<void> SqliteDatabase::prepare_to_write() {
    // SQLite opens what it may not write for reading, and would not try again once it may.
    if (sqlite3_db_readonly(handle_, "main") == 1)
        return std::unexpected(to_error(SQLITE_READONLY, sqlite3_errstr(SQLITE_READONLY), path_));
    VC_TRY(leave_write_ahead_log(*this));
    execute("PRAGMA synchronous=FULL");
    return {};
}

void SqliteDatabase::open_file() {
    // Readers open for writing too: after a crash the first one rolls the journal back. SQLite falls
    // back to reading alone where the file is write-protected.
    check(sqlite3_open_v2(plain_path(path_).c_str(), &handle_, SQLITE_OPEN_READWRITE, nullptr));
    sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
    // Only a look: closing must not write a foreign write-ahead log into its file.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Result<void> SqliteDatabase::bring_up(Access access) {
    begin(Mode::Moment, Lock::none());  // another process may be creating the tables just now
    const auto version = sqlite_schema_version(*this, path_);
    rollback();
    VC_TRY(version);
    VC_TRY(known_version(*version, path_));
    if (access == Access::ReadWrite) VC_TRY(prepare_to_write());
    execute("PRAGMA foreign_keys=ON");
    if (*version != kSchemaVersion) {
        if (access == Access::ReadOnly && *version == 0) return fail(Errc::NotFound, "{} holds no calls yet", path_);
        begin(Mode::Write, Lock::none());
        const auto migrated = migrate_sqlite(*this, path_);
        migrated ? commit() : rollback();
        VC_TRY(migrated);
    }
    if (access == Access::ReadOnly) execute("PRAGMA query_only=ON");
    return {};
}

// The write lock is taken first (IMMEDIATE): two writers wait for each other there instead of failing halfway.
// Another program may put the file into a write-ahead log while we hold it open: nothing is written to that.
void SqliteDatabase::begin(Mode mode, const Lock&) {
    if (mode == Mode::Plain) return;
    run(mode == Mode::Write ? "BEGIN IMMEDIATE" : "BEGIN");
    if (mode == Mode::Moment || !in_write_ahead_log()) return;
    rollback();
    if (auto left = leave_write_ahead_log(*this); !left) throw Failure(Failure::Kind::Final, std::move(left).error());
    begin(mode, Lock::none());
}

void SqliteDatabase::commit() {
    if (sqlite3_get_autocommit(handle_) == 0) run("COMMIT");
}

// After some errors (a full disk) SQLite has done so itself.
void SqliteDatabase::rollback() noexcept {
    if (handle_ != nullptr && sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

std::string SqliteDatabase::contains(std::string_view text, std::string_view part) const {
    return fmt::format("instr(lower({}), lower({})) > 0", text, part);
}

void SqliteDatabase::execute(const std::string& statements) {
    check(sqlite3_exec(handle_, statements.c_str(), nullptr, nullptr, nullptr));
}

Query SqliteDatabase::insert_many(std::string_view table, std::string_view columns, int count) {
    bulk_insert_ = fmt::format("INSERT INTO {} ({}) VALUES ($1", table, columns);
    for (int i = 2; i <= count; ++i) bulk_insert_ += fmt::format(", ${}", i);
    bulk_insert_ += ')';
    return query(bulk_insert_);
}

std::unique_ptr<Statement> SqliteDatabase::prepare(std::string_view sql) { return std::make_unique<SqliteStatement>(*this, sql); }

}  // namespace voicectl::store
