#include "voicectl/store/care.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/store/care_engine.h"
#include "core/store/postgres_address.h"
#include "core/store/schema.h"
#include "core/store/spool_file.h"
#include "core/store/spool_record.h"
#include "core/store/sqlite_database.h"
#include "core/store/webhook_tables.h"
#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

constexpr int kBatch = 100;  // calls that are removed at once: turns by the thousand, and writers wait for milliseconds

/// Rows that point to what is not there. `sql` gives one of each, with a last parameter for how many.
struct Orphans {
    const char* table;
    const char* refers_to;
    const char* sql;
    const char* what;     // with {} for the key
    const char* remedy;   // SQL
};
constexpr std::array<Orphans, 5> kOrphans{{
    {"turns", "calls", "SELECT DISTINCT call_id FROM turns WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.id = turns.call_id) ORDER BY call_id LIMIT $1",
     "turns of call {}, which is gone", "DELETE FROM turns WHERE call_id NOT IN (SELECT id FROM calls)"},
    {"assessments", "calls",
     "SELECT DISTINCT call_id FROM assessments WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.id = assessments.call_id) ORDER BY call_id LIMIT $1",
     "summary or evaluation of call {}, which is gone", "DELETE FROM assessments WHERE call_id NOT IN (SELECT id FROM calls)"},
    {"carriers", "calls", "SELECT call_id FROM carriers WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.id = carriers.call_id) ORDER BY call_id LIMIT $1",
     "somebody carries call {}, which is gone", "DELETE FROM carriers WHERE call_id NOT IN (SELECT id FROM calls)"},
    {"sessions", "calls",
     "SELECT id FROM sessions WHERE call_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM calls WHERE calls.id = sessions.call_id) ORDER BY id LIMIT $1",
     "the call of session {} is gone", "UPDATE sessions SET call_id = NULL WHERE call_id NOT IN (SELECT id FROM calls)"},
    {"webhook_forwards", "webhook_events",
     "SELECT DISTINCT event_id FROM webhook_forwards WHERE NOT EXISTS (SELECT 1 FROM webhook_events WHERE webhook_events.id = webhook_forwards.event_id) "
     "ORDER BY event_id LIMIT $1",
     "event {} waits to be forwarded and is gone", "DELETE FROM webhook_forwards WHERE event_id NOT IN (SELECT id FROM webhook_events)"},
}};

void add(OldRows& to, const OldRows& more) {
    to.calls += more.calls;
    to.turns += more.turns;
    to.sessions += more.sessions;
    to.events += more.events;
}

/// What the driver throws, as a Result.
template<class Work>
auto caught(Work work) -> decltype(work()) {
    try {
        return work();
    } catch (const Failure& failure) {
        return std::unexpected(failure.error);
    }
}

/// Lines that are no write of ours; the last one may be cut off, or about to be written.
void look_at_spool_file(const std::string& path, std::vector<StoreFinding>& findings) {
    std::ifstream file(path, std::ios::binary);
    std::error_code error;
    if (!file && !std::filesystem::exists(path, error)) return;  // stored meanwhile
    if (!file) return findings.push_back({fmt::format("{} cannot be read: {}", path, std::strerror(errno)), "let the user who runs voicectl read and write it"});
    std::string line;
    for (int number = 1; std::getline(file, line) && !file.eof(); ++number) {
        if (parse_record(line)) continue;
        findings.push_back({fmt::format("{}, line {}: this is no write of voicectl's", path, number), "what stands there is not stored: keep a copy of the file, and take the line out while no agent runs"});
        return;
    }
}

class Care final : public StoreCare {
 public:
    Care(std::unique_ptr<CareEngine> engine, std::string place) : engine_(std::move(engine)), place_(std::move(place)) {}

    Result<StoreInfo> info() override {
        return caught([&] { return read_info(); });
    }
    Result<int> known_schema() override {
        return caught([&] { return schema(); });
    }
    Result<Migration> migrate(bool backup) override {
        return caught([&]() -> Result<Migration> {
            VC_TRY_ASSIGN(const auto version, schema());
            Migration out{version, kSchemaVersion, {}};
            if (version == kSchemaVersion) return out;
            VC_TRY(engine_->prepare_to_write());
            if (backup && version > 0) {
                VC_TRY_ASSIGN(out.backup, engine_->back_up(version));
            }
            VC_TRY_ASSIGN(out.from, in_write(Lock::of("schema"), [&](Database&) { return engine_->migrate(); }));
            return out;
        });
    }
    Result<std::vector<StoreCheck>> check() override;
    Result<OldRows> count_old(SystemTime before) override {
        return caught([&]() -> Result<OldRows> {
            VC_TRY(current_schema());
            OldRows out;
            out.calls = count("SELECT count(*) FROM calls WHERE status <> 'active' AND COALESCE(ended_at, started_at) < $1", before);
            out.turns = count(
                "SELECT count(*) FROM turns WHERE call_id IN (SELECT id FROM calls WHERE status <> 'active' AND COALESCE(ended_at, started_at) < $1)", before);
            out.sessions = count("SELECT count(*) FROM sessions WHERE status <> 'active' AND COALESCE(completed_at, started_at) < $1", before);
            out.events = count("SELECT count(*) FROM webhook_events WHERE received_at < $1", WebhookTables::forgettable(before));
            return out;
        });
    }
    Result<OldRows> remove_old(SystemTime before) override;
    Result<Vacuumed> vacuum() override;

 private:
    template<class Work>
    auto in_write(const Lock& lock, Work work) -> decltype(work(std::declval<Database&>())) {
        for (int tries = 0;; ++tries) {
            try {
                std::optional<decltype(work(std::declval<Database&>()))> result;
                in_transaction(engine_->database(), Mode::Write, lock, [&](Database& database) {
                    result.emplace(work(database));
                    return result->has_value();
                });
                return std::move(*result);
            } catch (const Failure& failure) {
                if (failure.kind != Failure::Kind::Again || tries == kMostAgain) throw;
            }
            step_back(tries);
        }
    }
    template<class... Values>
    std::int64_t count(std::string_view sql, const Values&... values) {
        auto row = engine_->database().query(sql, values...);
        return row.next() ? row.number(0) : 0;
    }
    Result<int> schema() {
        VC_TRY_ASSIGN(const auto stored, engine_->schema_version());
        return known_version(stored, engine_->shown());
    }
    Result<void> current_schema();
    Result<StoreInfo> read_info();
    std::int64_t count_all(std::string_view table, std::string_view where = {});
    void look_at_schema(int version, StoreCheck& check);
    void look_at_turns(StoreCheck& check);
    void look_at_orphans(StoreCheck& check);
    void look_at_spool(StoreCheck& check) const;
    Result<OldRows> remove_calls(SystemTime before);

    std::unique_ptr<CareEngine> engine_;
    std::string place_;
    std::set<std::string> objects_;
};

Result<StoreInfo> Care::read_info() {
    StoreInfo out{.engine = engine_->name(), .engine_version = engine_->version()};
    VC_TRY_ASSIGN(out.schema, engine_->schema_version());
    out.bytes = engine_->bytes();
    out.spool_folder = spool_folder(place_);
    out.spool = spool_state(out.spool_folder);
    objects_ = engine_->objects();
    if (out.schema == 0) return out;
    auto& database = engine_->database();
    in_transaction(database, Mode::Moment, Lock::none(), [&](Database&) {
        out.calls = count_all("calls");
        out.active_calls = count_all("calls", " WHERE status = 'active'");
        out.turns = count_all("turns");
        out.sessions = count_all("sessions");
        out.events = count_all("webhook_events");
        out.recordings = count_all("recordings");
        out.waiting_deliveries = count_all("webhook_forwards");
        for (const auto& [table, column] : {std::pair{"calls", "started_at"}, {"sessions", "started_at"}, {"webhook_events", "received_at"}}) {
            if (!objects_.contains(table)) continue;
            const auto sql = fmt::format("SELECT min({0}), max({0}) FROM {1}", column, table);
            auto row = database.query(sql);  // ends before its text
            if (!row.next() || row.is_null(0)) continue;
            out.oldest = std::min(out.oldest.value_or(row.time(0)), row.time(0));
            out.newest = std::max(out.newest.value_or(row.time(1)), row.time(1));
        }
        return true;
    });
    return out;
}

std::int64_t Care::count_all(std::string_view table, std::string_view where) {
    if (!objects_.contains(std::string(table))) return 0;
    const auto sql = fmt::format("SELECT count(*) FROM {}{}", table, where);
    return count(sql);
}

/// For what works on all tables.
Result<void> Care::current_schema() {
    VC_TRY_ASSIGN(const auto version, schema());
    if (version == kSchemaVersion) return {};
    return fail_with_hint(Errc::Conflict, fmt::format("{} has schema version {}, older than version {} of this voicectl", engine_->shown(), version, kSchemaVersion),
                          "voicectl store migrate brings it up");
}

Result<std::vector<StoreCheck>> Care::check() {
    std::vector<StoreCheck> out{{"pages", "every page and row can be read", {}},
                                {"schema", "tables and indexes are there", {}},
                                {"journal", "what is committed stays", {}},
                                {"turns", "transcripts are whole", {}},
                                {"orphans", "nothing points to what is gone", {}},
                                {"spool", "what waits in files can be stored", {}}};
    int version = 0;
    // What cannot be read is damage, wherever it shows.
    const auto look = [&](StoreCheck& check, auto work) -> Result<void> {
        const auto looked = caught([&]() -> Result<void> { return work(check); });
        if (looked) return {};
        if (looked.error().code != Errc::Io) return looked;
        auto& pages = out.front().findings;
        if (pages.empty()) pages.push_back({looked.error().message, looked.error().hint});
        return {};
    };
    const auto all = [](auto work) {
        return [work](StoreCheck& check) -> Result<void> {
            work(check);
            return {};
        };
    };
    VC_TRY(look(out[1], [&](StoreCheck& check) -> Result<void> {
        VC_TRY_ASSIGN(version, schema());
        if (version == 0) return fail(Errc::NotFound, "{} holds no calls yet", engine_->shown());
        look_at_schema(version, check);
        return {};
    }));
    VC_TRY(look(out[0], all([&](StoreCheck& check) { check.findings = engine_->damage(); })));
    VC_TRY(look(out[2], all([&](StoreCheck& check) {
        if (auto unsafe = engine_->unsafe_journal()) check.findings.push_back(std::move(*unsafe));
    })));
    VC_TRY(look(out[3], all([&](StoreCheck& check) { look_at_turns(check); })));
    VC_TRY(look(out[4], all([&](StoreCheck& check) { look_at_orphans(check); })));
    look_at_spool(out[5]);
    for (auto& one : out)
        if (one.findings.size() > StoreCheck::kMostFindings) one.findings.resize(StoreCheck::kMostFindings);
    return out;
}

void Care::look_at_schema(int version, StoreCheck& check) {
    objects_ = engine_->objects();
    const auto expected = engine_->expected_objects(version);
    for (const auto& name : expected)
        if (!objects_.contains(name))
            check.findings.push_back({fmt::format("{} is missing, or switched off", name), "somebody removed it, voicectl never does: put a backup in its place"});
}

// Of calls that are over: while one goes on, a turn may wait in a file.
void Care::look_at_turns(StoreCheck& check) {
    if (!objects_.contains("calls") || !objects_.contains("turns")) return;
    auto row = engine_->database().query(
        "SELECT c.id, c.room, c.attempt, t.had, t.least, t.most FROM (SELECT call_id, count(*) AS had, min(sequence) AS least, max(sequence) AS most "
        "FROM turns GROUP BY call_id) t JOIN calls c ON c.id = t.call_id WHERE c.status <> 'active' AND (t.least <> 0 OR t.most <> t.had - 1) ORDER BY c.id LIMIT $1",
        StoreCheck::kMostFindings);
    while (row.next())
        check.findings.push_back({fmt::format("call {} (room {}, attempt {}): {} of its {} turns are missing", row.number(0), plain_text(row.text(1), 100), row.number(2),
                                              row.number(5) + 1 - row.number(3), row.number(5) + 1),
                                  fmt::format("voicectl transcript show {} has what is left; look for the others in a backup and in {}/rejected.jsonl", row.number(0), spool_folder(place_))});
}

void Care::look_at_orphans(StoreCheck& check) {
    for (const auto& one : kOrphans) {
        if (!objects_.contains(one.table) || !objects_.contains(one.refers_to)) continue;
        auto row = engine_->database().query(one.sql, StoreCheck::kMostFindings);
        while (row.next())
            check.findings.push_back({fmt::format(fmt::runtime(one.what), plain_text(row.text(0), 100)), engine_->command_for(one.remedy)});
    }
}

void Care::look_at_spool(StoreCheck& check) const {
    const auto folder = spool_folder(place_);
    std::error_code error;
    if (!std::filesystem::exists(folder, error) && (!error || error == std::errc::no_such_file_or_directory)) return;
    std::filesystem::directory_iterator listed(folder, error);
    if (error) {
        check.findings.push_back({fmt::format("{} cannot be read: {}", folder, error.message()), "let the user who runs voicectl read and write it"});
        return;
    }
    for (const auto& path : spool_files(folder)) look_at_spool_file(path, check.findings);
    if (const auto state = spool_state(folder); state.rejected_bytes > 0)
        check.findings.push_back({fmt::format("{}/rejected.jsonl has what the database refused for good ({} bytes)", folder, state.rejected_bytes),
                                  "each line is a write and says why; remove the file when it has been dealt with"});
}

Result<OldRows> Care::remove_calls(SystemTime before) {
    return in_write(Lock::none(), [&](Database& database) -> Result<OldRows> {
        std::vector<std::int64_t> calls;
        {
            auto row = database.query("SELECT id FROM calls WHERE status <> 'active' AND COALESCE(ended_at, started_at) < $1 ORDER BY id LIMIT $2", before, kBatch);
            while (row.next()) calls.push_back(row.number(0));
        }
        OldRows out;
        for (const auto id : calls) {
            database.lock(Lock::call(id));  // who adds turns to it has seen the call
            out.turns += database.run("DELETE FROM turns WHERE call_id = $1", id);
            out.calls += database.run("DELETE FROM calls WHERE id = $1", id);
        }
        return out;
    });
}

Result<OldRows> Care::remove_old(SystemTime before) {
    OldRows out;
    const auto done = caught([&]() -> Result<void> {
        VC_TRY(current_schema());
        VC_TRY(engine_->prepare_to_write());
        while (true) {
            VC_TRY_ASSIGN(const auto removed, remove_calls(before));
            if (removed.calls == 0) break;
            add(out, removed);
        }
        VC_TRY_ASSIGN(const auto sessions, in_write(Lock::none(), [&](Database& database) -> Result<std::int64_t> {
                          return database.run("DELETE FROM sessions WHERE status <> 'active' AND COALESCE(completed_at, started_at) < $1", before);
                      }));
        out.sessions = sessions;
        VC_TRY_ASSIGN(const auto events, in_write(Lock::of("webhooks"), [&](Database& database) -> Result<int> { return WebhookTables(database).forget(before); }));
        out.events = events;
        return {};
    });
    if (!done && out.calls + out.sessions > 0) {
        auto error = done.error();
        error.message += fmt::format(" ({} calls and {} sessions are removed already)", out.calls, out.sessions);
        return std::unexpected(std::move(error));
    }
    VC_TRY(done);
    return out;
}

Result<Vacuumed> Care::vacuum() {
    return caught([&]() -> Result<Vacuumed> {
        VC_TRY(current_schema());
        VC_TRY(engine_->prepare_to_write());
        Vacuumed out{engine_->bytes(), 0};
        try {
            engine_->give_space_back();
        } catch (const Failure& failure) {
            if (failure.error.code != Errc::Timeout && failure.kind != Failure::Kind::Again) throw;
            return fail_with_hint(Errc::Timeout, fmt::format("no space was given back: another process writes to {}", engine_->shown()),
                                  "end it (fuser -v FILE, or pg_stat_activity, tell which), or try again when it is quiet");
        }
        out.after = engine_->bytes();
        return out;
    });
}

std::unique_ptr<StoreCare> care_of(std::unique_ptr<CareEngine> engine, const std::string& place) { return std::make_unique<Care>(std::move(engine), place); }

}  // namespace

int known_schema_version() { return kSchemaVersion; }

Result<std::unique_ptr<StoreCare>> StoreCare::open(const std::string& place) {
    VC_TRY(refuse_other_schemes(place));
    if (!is_postgres_url(place)) VC_TRY(require_file(place));
    VC_TRY_ASSIGN(auto engine, is_postgres_url(place) ? postgres_care(place) : sqlite_care(place));
    return care_of(std::move(engine), place);
}

Result<std::unique_ptr<StoreCare>> StoreCare::create(const std::string& place) {
    VC_TRY(refuse_other_schemes(place));
    if (!is_postgres_url(place)) VC_TRY(create_file(place));
    return open(place);
}

}  // namespace voicectl::store
