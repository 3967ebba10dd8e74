// Calls: that there was one, how it ended, what is known of it.
#include <charconv>

#include "core/store/rows.h"
#include "core/store/sql_store.h"

namespace voicectl::store {
namespace {

std::optional<std::int64_t> as_number(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// What was not known when the call began, such as who the caller is.
void fill_in(Database& database, std::int64_t id, const Call& call) {
    database.run(
        "UPDATE calls SET agent_name = coalesce(nullif(agent_name, ''), $1), "
        "dispatch_metadata = coalesce(nullif(dispatch_metadata, ''), $2), "
        "caller_identity = coalesce(nullif(caller_identity, ''), $3) WHERE id = $4",
        call.agent_name, call.dispatch_metadata, call.caller_identity, id);
}

int next_attempt(Database& database, const std::string& room) {
    auto last = database.query("SELECT coalesce(max(attempt), 0) FROM calls WHERE room = $1", room);
    last.next();
    return last.small(0) + 1;
}

}  // namespace

std::optional<Call> call_of_job(Database& database, const Call& call) {
    if (call.job_id.empty()) return std::nullopt;
    auto row = database.query("SELECT " VC_CALL_COLUMNS " FROM calls WHERE room = $1 AND job_id = $2 AND job_id <> ''", call.room, call.job_id);
    return row.next() ? std::optional(call_at(row)) : std::nullopt;
}

std::int64_t upsert_call(Database& database, const Call& call) {
    auto insert = database.query(
        "INSERT INTO calls (room, attempt, job_id, agent_name, dispatch_metadata, caller_identity, status, reason, "
        "started_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
        "ON CONFLICT (room, attempt) DO UPDATE SET "
        "job_id = coalesce(nullif(excluded.job_id, ''), calls.job_id), "
        "agent_name = coalesce(nullif(excluded.agent_name, ''), calls.agent_name), "
        "dispatch_metadata = coalesce(nullif(excluded.dispatch_metadata, ''), calls.dispatch_metadata), "
        "caller_identity = coalesce(nullif(excluded.caller_identity, ''), calls.caller_identity), "
        "status = coalesce(nullif(excluded.status, ''), calls.status), "
        "reason = coalesce(nullif(excluded.reason, ''), calls.reason), "
        "started_at = excluded.started_at, ended_at = coalesce(excluded.ended_at, calls.ended_at) RETURNING id",
        call.room, call.attempt, call.job_id, call.agent_name, call.dispatch_metadata, call.caller_identity, call.status,
        call.reason, call.started_at, call.ended_at);
    insert.next();
    const auto id = insert.number(0);
    insert.run();  // to its end: a write that was not finished blocks the commit
    return id;
}

Result<Call> SqlStore::begin_call(const Call& call) {
    if (call.room.empty()) return fail(Errc::Usage, "a call needs a room");
    const auto work = [&](Database& database) -> Result<Call> {
        if (const auto known = call_of_job(database, call)) {
            fill_in(database, known->id, call);
            return *call_by_id(database, known->id);
        }
        auto next = call;
        next.attempt = next_attempt(database, call.room);
        if (next.status.empty()) next.status = "active";
        if (next.started_at == SystemTime{}) next.started_at = std::chrono::system_clock::now();
        return *call_by_id(database, upsert_call(database, next));
    };
    return write(Lock::room(call.room), work, call.job_id.empty() ? Repeat::Unsafe : Repeat::Safe);
}

Result<void> SqlStore::end_call(std::int64_t call_id, const std::string& status, const std::string& reason,
                                SystemTime at) {
    return write(Lock::call(call_id), [&](Database& database) -> Result<void> {
        if (database.run("UPDATE calls SET status = $1, reason = $2, ended_at = $3 WHERE id = $4", status, reason, at, call_id) == 0)
            return no_call(call_id);
        database.run("DELETE FROM carriers WHERE call_id = $1", call_id);
        return {};
    });
}

Result<std::vector<Call>> SqlStore::list(const CallFilter& filter) {
    return read(Mode::Plain, [&](Database& database) -> Result<std::vector<Call>> {
        const auto sql = fmt::format(
            "SELECT " VC_CALL_COLUMNS " FROM calls WHERE ($1 = '' OR room = $1) AND ($2 = '' OR agent_name = $2) "
            "AND started_at >= $3 AND started_at <= $4 AND (started_at < $4 OR id < $5) "
            "AND ($6 = '' OR EXISTS (SELECT 1 FROM turns WHERE turns.call_id = calls.id AND {})) "
            "AND ($7 = '' OR status = $7) AND ($8 = '' OR id IN (SELECT call_id FROM sessions WHERE user_id = $8) OR ($9 <> '' AND dispatch_metadata = $9)) "
            "ORDER BY started_at DESC, id DESC LIMIT $10",
            database.contains("turns.text", "$6"));
        constexpr auto kAll = std::numeric_limits<std::int64_t>::max();
        auto rows = database.query(sql, filter.room, filter.agent_name, filter.since ? to_column(*filter.since) : -kAll,
                                   filter.until ? to_column(*filter.until) : kAll, filter.before_id.value_or(-kAll), filter.text, filter.status,
                                   filter.user_id, filter.or_metadata,
                                   filter.limit > 0 ? filter.limit : kAll);
        std::vector<Call> calls;
        while (rows.next()) calls.push_back(call_at(rows));
        return calls;
    });
}

Result<Call> SqlStore::call(std::int64_t id) {
    return read(Mode::Plain, [&](Database& database) -> Result<Call> {
        if (auto call = call_by_id(database, id)) return *call;
        return no_call(id);
    });
}

Result<Call> SqlStore::find(const std::string& id_or_room) {
    return read(Mode::Moment, [&](Database& database) -> Result<Call> {
        auto row = database.query("SELECT " VC_CALL_COLUMNS " FROM calls WHERE room = $1 ORDER BY attempt DESC LIMIT 1", id_or_room);
        if (row.next()) return call_at(row);
        if (const auto id = as_number(id_or_room))
            if (auto call = call_by_id(database, *id)) return *call;
        return fail(Errc::NotFound, "no call or room {}", id_or_room);
    });
}

Result<void> SqlStore::save_report(std::int64_t call_id, const std::string& report_json) {
    return write(Lock::call(call_id), [&](Database& database) -> Result<void> {
        if (database.run("UPDATE calls SET report_json = $1 WHERE id = $2", report_json, call_id) == 0) return no_call(call_id);
        return {};
    });
}

Result<std::string> SqlStore::report(std::int64_t call_id) {
    return read(Mode::Plain, [&](Database& database) -> Result<std::string> {
        auto row = database.query("SELECT report_json FROM calls WHERE id = $1", call_id);
        if (!row.next()) return no_call(call_id);
        return row.text(0);
    });
}

}  // namespace voicectl::store
