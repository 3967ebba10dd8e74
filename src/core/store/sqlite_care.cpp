#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/store/care_engine.h"
#include "core/store/schema.h"
#include "core/store/sqlite_database.h"
#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

constexpr int kVacuumWaitMs = 2'000;  // writers are done in milliseconds; who is not has much to write

std::unexpected<Error> no_backup(const std::string& path, int error) {
    return fail_with_hint(Errc::Io, fmt::format("cannot write the backup {}: {}", path, std::strerror(error)), "nothing was changed; --no-backup goes on without one");
}

Result<void> synced(const std::string& path, int flags) {
    const int file = open(path.c_str(), flags | O_CLOEXEC);
    if (file < 0) return no_backup(path, errno);
    const bool done = fsync(file) == 0;
    const int error = errno;
    close(file);
    if (!done) return no_backup(path, error);
    return {};
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

class SqliteCare final : public CareEngine {
 public:
    explicit SqliteCare(std::unique_ptr<SqliteDatabase> database) : database_(std::move(database)) {}

    Database& database() override { return *database_; }
    std::string name() const override { return "SQLite"; }
    std::string version() override { return library_version(); }
    std::string shown() const override { return database_->path(); }
    Result<int> schema_version() override { return sqlite_schema_version(*database_, database_->path()); }
    Result<void> prepare_to_write() override { return database_->prepare_to_write(); }
    Result<int> migrate() override { return migrate_sqlite(*database_, database_->path()); }

    // It gets its name when it is whole and on the disk.
    Result<std::string> back_up(int version) override {
        const auto path = fmt::format("{}.v{}-{}.backup", database_->path(), version, random_id(6));
        const auto part = path + ".part";
        if (mknod(part.c_str(), S_IFREG | 0600, 0) != 0) return no_backup(part, errno);
        const auto done = copy_to(part, path);
        if (!done) unlink(part.c_str());
        VC_TRY(done);
        return path;
    }

    std::vector<std::string> expected_objects(int version) const override { return schema_objects(version, false); }
    std::set<std::string> objects() override {
        std::set<std::string> out;
        auto row = database_->query("SELECT name FROM sqlite_schema");
        while (row.next()) out.insert(row.text(0));
        return out;
    }
    std::int64_t bytes() override {
        auto row = database_->query("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()");
        row.next();
        return row.number(0);
    }
    std::vector<StoreFinding> damage() override {
        std::vector<StoreFinding> out;
        static const std::string kSql = fmt::format("PRAGMA integrity_check({})", StoreCheck::kMostFindings);
        auto row = database_->query(kSql);
        while (row.next())
            if (const auto said = row.text(0); said != "ok") out.push_back({plain_text(said, 300), damage_advice()});
        return out;
    }
    std::optional<StoreFinding> unsafe_journal() override {
        if (!database_->in_write_ahead_log()) return {};
        return StoreFinding{"another program put it into a write-ahead log, which can lose what was committed when several processes write",
                            "end that program; the next voicectl that writes puts it back"};
    }
    void give_space_back() override {
        sqlite3_busy_timeout(database_->handle(), kVacuumWaitMs);
        database_->execute("VACUUM");
    }
    std::string command_for(const std::string& sql) const override { return fmt::format("sqlite3 {} \"{}\"", quoted(database_->path()), sql); }

 private:
    std::string damage_advice() const { return fmt::format("put a backup in its place; sqlite3 {} .recover may save what is left", quoted(database_->path())); }
    Result<void> copy_to(const std::string& part, const std::string& path) {
        try {
            database_->run("VACUUM INTO $1", part);
        } catch (const Failure& failure) {
            auto error = failure.error;
            error.hint = "nothing was changed; --no-backup goes on without one";
            return std::unexpected(std::move(error).while_doing("cannot make a backup"));
        }
        VC_TRY(synced(part, O_RDWR));
        if (rename(part.c_str(), path.c_str()) != 0) return no_backup(path, errno);
        const auto folder = std::filesystem::path(path).parent_path().string();
        return synced(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
    }
    std::unique_ptr<SqliteDatabase> database_;
};

}  // namespace

Result<std::unique_ptr<CareEngine>> sqlite_care(const std::string& path) {
    VC_TRY_ASSIGN(auto database, SqliteDatabase::open_as_it_is(path));
    return std::make_unique<SqliteCare>(std::move(database));
}

}  // namespace voicectl::store
