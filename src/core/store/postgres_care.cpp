#include "core/store/care_engine.h"
#include "core/store/postgres_database.h"
#include "core/store/schema.h"

namespace voicectl::store {
namespace {

constexpr std::chrono::hours kPatience{12};  // tables are read and moved as a whole
constexpr std::string_view kInSchema = "relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'voicectl')";

class PostgresCare final : public CareEngine {
 public:
    explicit PostgresCare(std::unique_ptr<PostgresDatabase> database) : database_(std::move(database)) { database_->set_patience(kPatience); }

    Database& database() override { return *database_; }
    std::string name() const override { return "PostgreSQL"; }
    std::string version() override {
        auto row = database_->query("SELECT current_setting('server_version')");
        row.next();
        const auto said = row.text(0);
        return said.substr(0, said.find(' '));
    }
    std::string shown() const override { return database_->shown(); }
    Result<int> schema_version() override { return postgres_schema_version(*database_, shown()); }
    Result<void> prepare_to_write() override { return {}; }
    Result<int> migrate() override { return migrate_postgres(*database_, shown()); }
    Result<std::string> back_up(int) override { return std::string(); }

    std::vector<std::string> expected_objects(int version) const override { return schema_objects(version, true); }
    std::set<std::string> objects() override {
        std::set<std::string> out;
        static const std::string kSql = fmt::format(
            "SELECT relname FROM pg_catalog.pg_class c WHERE {} AND relkind IN ('r', 'i') "
            "AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid AND NOT i.indisvalid) "
            "UNION SELECT tgname FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
            "WHERE {} AND NOT tgisinternal AND tgenabled <> 'D'",
            kInSchema, kInSchema);
        auto row = database_->query(kSql);
        while (row.next()) out.insert(row.text(0));
        return out;
    }
    std::int64_t bytes() override {
        static const std::string kSql =
            fmt::format("SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_catalog.pg_class WHERE {} AND relkind = 'r'", kInSchema);
        auto row = database_->query(kSql);
        row.next();
        return row.number(0);
    }
    // Every row with all that it keeps aside; the server checks pages as it reads them.
    std::vector<StoreFinding> damage() override {
        std::vector<StoreFinding> out;
        for (const auto& table : tables()) {
            try {
                database_->execute(fmt::format("SELECT sum(octet_length(one::text)) FROM {} AS one", table));
            } catch (const Failure& failure) {
                if (failure.error.code != Errc::Io) throw;
                out.push_back({fmt::format("table {}: {}", table, failure.error.message), "see the server's log, and put a backup in its place"});
            }
        }
        return out;
    }
    std::optional<StoreFinding> unsafe_journal() override {
        auto row = database_->query("SELECT current_setting('fsync'), current_setting('full_page_writes')");
        row.next();
        if (row.text(0) == "on" && row.text(1) == "on") return {};
        return StoreFinding{"the server runs with fsync or full_page_writes off: what it acknowledged may be lost with the machine",
                            "ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf()"};
    }
    void give_space_back() override {
        database_->execute("SET lock_timeout TO '10s'");
        for (const auto& table : tables()) database_->execute("VACUUM (ANALYZE) " + table);
    }
    std::string command_for(const std::string& sql) const override {
        return fmt::format("psql -c \"SET search_path TO voicectl\" -c \"{}\" DATABASE", sql);
    }

 private:
    std::vector<std::string> tables() {
        static const std::string kSql = fmt::format("SELECT quote_ident(relname) FROM pg_catalog.pg_class WHERE {} AND relkind = 'r' ORDER BY relname", kInSchema);
        std::vector<std::string> out;
        auto row = database_->query(kSql);
        while (row.next()) out.push_back(row.text(0));
        return out;
    }
    std::unique_ptr<PostgresDatabase> database_;
};

}  // namespace

Result<std::unique_ptr<CareEngine>> postgres_care(const std::string& url) {
    VC_TRY_ASSIGN(const auto address, PostgresAddress::parse(url));
    try {
        return std::make_unique<PostgresCare>(PostgresDatabase::connect(address, PostgresDatabase::Access::ReadWrite));
    } catch (const Failure& failure) {
        return std::unexpected(failure.error);
    }
}

}  // namespace voicectl::store
