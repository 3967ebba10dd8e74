#include "core/store/sql_store.h"

#include "core/store/pool.h"
#include "core/store/schema.h"
#include "core/store/sqlite_database.h"

namespace voicectl::store {
namespace {

class OneConnection final : public Connections {
 public:
    explicit OneConnection(std::unique_ptr<Database> database) : database_(std::move(database)) {}
    Lent lend() override { return {database_.get(), [](Database*) {}}; }

 private:
    std::unique_ptr<Database> database_;
};

std::unique_ptr<Store> on_one_connection(std::unique_ptr<Database> database) {
    return std::make_unique<SqlStore>(std::make_unique<OneConnection>(std::move(database)));
}

// Another process may be doing the same: one after the other.
Result<void> migrate_postgres_database(PostgresDatabase& database) {
    database.begin(Mode::Write, Lock::of("schema"));
    const auto migrated = migrate_postgres(database, database.shown());
    migrated ? database.commit() : database.rollback();
    VC_TRY(migrated);
    return {};
}

Result<std::unique_ptr<PostgresDatabase>> bring_up_postgres(const PostgresAddress& address, PostgresDatabase::Access access) {
    auto database = PostgresDatabase::connect(address, PostgresDatabase::Access::ReadWrite);
    const bool reads = access == PostgresDatabase::Access::ReadOnly;
    VC_TRY_ASSIGN(const auto stored, postgres_schema_version(*database, address.shown));
    VC_TRY_ASSIGN(const auto version, known_version(stored, address.shown));
    if (reads && version == 0) return fail(Errc::NotFound, "{} holds no calls yet", address.shown);
    if (version != kSchemaVersion) VC_TRY(migrate_postgres_database(*database));
    if (reads) database->execute("SET default_transaction_read_only TO on");
    return database;
}

Result<std::unique_ptr<Store>> open_postgres(const std::string& url, PostgresDatabase::Access access) {
    VC_TRY_ASSIGN(const auto address, PostgresAddress::parse(url));
    VC_TRY_ASSIGN(const auto settings, PoolSettings::from_environment());
    auto pool = std::make_unique<Pool>(address, access, settings);
    try {
        VC_TRY_ASSIGN(auto first, bring_up_postgres(address, access));
        pool->adopt(std::move(first));
    } catch (const Failure& failure) {
        return std::unexpected(failure.error);
    }
    return std::make_unique<SqlStore>(std::move(pool));
}

// What the driver says of an unknown end is meant for writes that may be done again.
Error not_repeatable(const Failure& failure) {
    auto error = failure.error;
    if (failure.kind == Failure::Kind::Uncertain || error.code == Errc::Timeout)
        error.hint = "look for it before you begin it again: without a job id it would be another call";
    return error;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& place) {
    if (is_postgres_url(place)) return open_postgres(place, PostgresDatabase::Access::ReadWrite);
    VC_TRY(refuse_other_schemes(place));
    VC_TRY(create_file(place));
    VC_TRY_ASSIGN(auto database, SqliteDatabase::open(place, Access::ReadWrite));
    return on_one_connection(std::move(database));
}

Result<std::unique_ptr<Store>> Store::open_existing(const std::string& place) {
    if (is_postgres_url(place)) return open_postgres(place, PostgresDatabase::Access::ReadOnly);
    VC_TRY(refuse_other_schemes(place));
    VC_TRY(require_file(place));
    VC_TRY_ASSIGN(auto database, SqliteDatabase::open(place, Access::ReadOnly));
    return on_one_connection(std::move(database));
}

Result<void> SqlStore::transact(Mode mode, const Lock& lock, Repeat repeat, const Work& work) {
    bool reconnected = false;
    for (int tries = 0;; ++tries) {
        try {
            const auto lent = connections_->lend();
            in_transaction(*lent, mode, lock, work);
            return {};
        } catch (const Failure& failure) {
            const bool lost = failure.kind == Failure::Kind::Lost || (failure.kind == Failure::Kind::Uncertain && repeat == Repeat::Safe);
            if (lost && !reconnected) {
                reconnected = true;
                connections_->drop_idle();
            } else if (failure.kind == Failure::Kind::Again && tries < kMostAgain) {
                step_back(tries);
            } else {
                return std::unexpected(repeat == Repeat::Safe ? failure.error : not_repeatable(failure));
            }
        }
    }
}

}  // namespace voicectl::store
