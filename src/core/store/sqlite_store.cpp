#include "core/store/sqlite_store.h"

#include <algorithm>
#include <charconv>

#include "core/store/rows.h"

namespace voicectl::store {
namespace {

std::unexpected<Error> no_call(std::int64_t id) { return fail(Errc::NotFound, "no call {}", id); }

std::optional<std::int64_t> as_number(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// A time that nobody set is the epoch.
bool is_set(SystemTime time) { return time != SystemTime{}; }

SystemTime start_of(const Call& call, const std::vector<Turn>& turns) {
    if (is_set(call.started_at)) return call.started_at;
    return turns.empty() ? std::chrono::system_clock::now() : turns.front().started_at;
}

Result<void> check_turns(const std::vector<Turn>& turns) {
    std::vector<int> sequences;
    sequences.reserve(turns.size());
    for (const auto& turn : turns) sequences.push_back(turn.sequence);
    std::sort(sequences.begin(), sequences.end());
    if (!sequences.empty() && sequences.front() < 0) return fail(Errc::Usage, "turn {} is negative", sequences.front());
    const auto twice = std::adjacent_find(sequences.begin(), sequences.end());
    if (twice != sequences.end()) return fail(Errc::Usage, "turn {} appears twice", *twice);
    return {};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& path) {
    VC_TRY(create_file(path));
    VC_TRY_ASSIGN(auto connection, Connection::open(path, Access::ReadWrite));
    return std::make_unique<SqliteStore>(std::move(connection));
}

Result<std::unique_ptr<Store>> Store::open_existing(const std::string& path) {
    VC_TRY(require_file(path));
    VC_TRY_ASSIGN(auto connection, Connection::open(path, Access::ReadOnly));
    return std::make_unique<SqliteStore>(std::move(connection));
}

SQLite::Statement SqliteStore::prepare(const std::string& query) {
    return SQLite::Statement(connection_.database(), query);
}

std::optional<Call> SqliteStore::one_call(SQLite::Statement& query) {
    if (!query.executeStep()) return std::nullopt;
    return call_at(query);
}

std::optional<Call> SqliteStore::call_of_job(const Call& call) {
    if (call.job_id.empty()) return std::nullopt;
    auto query = prepare(fmt::format("SELECT {} FROM calls WHERE room = ? AND job_id = ?", kCallColumns));
    query.bind(1, call.room);
    query.bind(2, call.job_id);
    return one_call(query);
}

std::optional<Call> SqliteStore::call_by_id(std::int64_t id) {
    auto query = prepare(fmt::format("SELECT {} FROM calls WHERE id = ?", kCallColumns));
    query.bind(1, id);
    return one_call(query);
}

// What was not known when the call began, such as who the caller is.
void SqliteStore::fill_in(std::int64_t id, const Call& call) {
    auto update = prepare(
        "UPDATE calls SET agent_name = coalesce(nullif(agent_name, ''), ?), "
        "dispatch_metadata = coalesce(nullif(dispatch_metadata, ''), ?), "
        "caller_identity = coalesce(nullif(caller_identity, ''), ?) WHERE id = ?");
    update.bind(1, call.agent_name);
    update.bind(2, call.dispatch_metadata);
    update.bind(3, call.caller_identity);
    update.bind(4, id);
    update.exec();
}

Result<Call> SqliteStore::begin_call(const Call& call) {
    if (call.room.empty()) return fail(Errc::Usage, "a call needs a room");
    return connection_.transact([&]() -> Result<Call> {
        if (const auto known = call_of_job(call)) {
            fill_in(known->id, call);
            return *call_by_id(known->id);
        }
        auto last = prepare("SELECT coalesce(max(attempt), 0) FROM calls WHERE room = ?");
        last.bind(1, call.room);
        last.executeStep();
        auto next = call;
        next.attempt = last.getColumn(0).getInt() + 1;
        if (next.status.empty()) next.status = "active";
        next.started_at = start_of(call, {});
        return upsert_call(next);
    });
}

Result<void> SqliteStore::end_call(std::int64_t call_id, const std::string& status, const std::string& reason,
                                   SystemTime at) {
    return connection_.transact([&]() -> Result<void> {
        auto update = prepare("UPDATE calls SET status = ?, reason = ?, ended_at = ? WHERE id = ?");
        update.bind(1, status);
        update.bind(2, reason);
        update.bind(3, to_column(at));
        update.bind(4, call_id);
        if (update.exec() == 0) return no_call(call_id);
        auto forget = prepare("DELETE FROM carriers WHERE call_id = ?");
        forget.bind(1, call_id);
        forget.exec();
        return {};
    });
}

Result<void> SqliteStore::save_turn(std::int64_t call_id, const Turn& turn) {
    if (turn.sequence < 0) return fail(Errc::Usage, "turn {} is negative", turn.sequence);
    return connection_.transact([&]() -> Result<void> {
        if (!call_by_id(call_id)) return no_call(call_id);
        auto insert = prepare(kUpsertTurn);
        bind_turn(insert, call_id, turn);
        insert.exec();
        return {};
    });
}

// Without this the unique index would refuse it too, but in words for programmers.
Result<void> SqliteStore::refuse_taken_job(const Call& call) {
    const auto known = call_of_job(call);
    if (!known || known->attempt == call.attempt) return {};
    return fail(Errc::Conflict, "job {} is attempt {} of room {}, not {}", call.job_id, known->attempt, call.room,
                call.attempt);
}

Result<Call> SqliteStore::save_transcript(const Call& call, const std::vector<Turn>& turns) {
    if (call.room.empty()) return fail(Errc::Usage, "a call needs a room");
    if (call.attempt < 1) return fail(Errc::Usage, "attempt {} is less than 1", call.attempt);
    VC_TRY(check_turns(turns));
    return connection_.transact([&]() -> Result<Call> {
        VC_TRY(refuse_taken_job(call));
        auto complete = call;
        auto query = prepare(fmt::format("SELECT {} FROM calls WHERE room = ? AND attempt = ?", kCallColumns));
        query.bind(1, call.room);
        query.bind(2, call.attempt);
        if (const auto known = one_call(query)) {
            if (!is_set(call.started_at)) complete.started_at = known->started_at;
        } else {
            complete.started_at = start_of(call, turns);
            if (complete.status.empty()) complete.status = "completed";
        }
        query.reset();
        const auto saved = upsert_call(complete);
        replace_turns(saved.id, turns);
        return *call_by_id(saved.id);
    });
}

Call SqliteStore::upsert_call(const Call& call) {
    auto insert = prepare(
        "INSERT INTO calls (room, attempt, job_id, agent_name, dispatch_metadata, caller_identity, status, reason, "
        "started_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (room, attempt) DO UPDATE SET "
        "job_id = coalesce(nullif(excluded.job_id, ''), job_id), "
        "agent_name = coalesce(nullif(excluded.agent_name, ''), agent_name), "
        "dispatch_metadata = coalesce(nullif(excluded.dispatch_metadata, ''), dispatch_metadata), "
        "caller_identity = coalesce(nullif(excluded.caller_identity, ''), caller_identity), "
        "status = coalesce(nullif(excluded.status, ''), status), "
        "reason = coalesce(nullif(excluded.reason, ''), reason), "
        "started_at = excluded.started_at, ended_at = coalesce(excluded.ended_at, ended_at) RETURNING id");
    insert.bind(1, call.room);
    insert.bind(2, call.attempt);
    insert.bind(3, call.job_id);
    insert.bind(4, call.agent_name);
    insert.bind(5, call.dispatch_metadata);
    insert.bind(6, call.caller_identity);
    insert.bind(7, call.status);
    insert.bind(8, call.reason);
    insert.bind(9, to_column(call.started_at));
    if (call.ended_at) insert.bind(10, to_column(*call.ended_at));
    insert.executeStep();
    const auto id = insert.getColumn(0).getInt64();
    while (insert.executeStep()) {  // to its end: a write that was not finished blocks the commit
    }
    return *call_by_id(id);
}

void SqliteStore::replace_turns(std::int64_t call_id, const std::vector<Turn>& turns) {
    auto clear = prepare("DELETE FROM turns WHERE call_id = ?");
    clear.bind(1, call_id);
    clear.exec();
    auto insert = prepare(kUpsertTurn);
    for (const auto& turn : turns) {
        bind_turn(insert, call_id, turn);
        insert.exec();
        insert.reset();
    }
    auto mark = prepare("UPDATE calls SET revision = revision + 1 WHERE id = ?");
    mark.bind(1, call_id);
    mark.exec();
}

Result<std::vector<Call>> SqliteStore::list(const CallFilter& filter) {
    return connection_.guarded([&]() -> Result<std::vector<Call>> {
        auto query = prepare(fmt::format(
            "SELECT {} FROM calls WHERE (?1 = '' OR room = ?1) AND (?2 = '' OR agent_name = ?2) "
            "AND (?3 IS NULL OR started_at >= ?3) AND (?4 IS NULL OR started_at < ?4) "
            "AND (?5 = '' OR EXISTS (SELECT 1 FROM turns WHERE turns.call_id = calls.id "
            "AND instr(lower(turns.text), lower(?5)) > 0)) "
            "ORDER BY started_at DESC, id DESC LIMIT ?6",
            kCallColumns));
        query.bind(1, filter.room);
        query.bind(2, filter.agent_name);
        if (filter.since) query.bind(3, to_column(*filter.since));
        if (filter.until) query.bind(4, to_column(*filter.until));
        query.bind(5, filter.text);
        query.bind(6, filter.limit > 0 ? filter.limit : -1);
        std::vector<Call> calls;
        while (query.executeStep()) calls.push_back(call_at(query));
        return calls;
    });
}

Result<Call> SqliteStore::find(const std::string& id_or_room) {
    return connection_.guarded([&]() -> Result<Call> {
        auto query = prepare(
            fmt::format("SELECT {} FROM calls WHERE room = ? ORDER BY attempt DESC LIMIT 1", kCallColumns));
        query.bind(1, id_or_room);
        if (auto call = one_call(query)) return *call;
        if (const auto id = as_number(id_or_room))
            if (auto call = call_by_id(*id)) return *call;
        return fail(Errc::NotFound, "no call or room {}", id_or_room);
    });
}

Result<SqliteStore::Page> SqliteStore::page(std::int64_t call_id, int after) {
    constexpr int kTurns = 256;
    return connection_.guarded([&]() -> Result<Page> {
        SQLite::Transaction moment(connection_.database(), SQLite::TransactionBehavior::DEFERRED);
        auto revision = prepare("SELECT revision FROM calls WHERE id = ?");
        revision.bind(1, call_id);
        if (!revision.executeStep()) return no_call(call_id);
        Page out{revision.getColumn(0).getInt64(), {}};
        auto query = prepare(fmt::format(
            "SELECT {} FROM turns WHERE call_id = ? AND sequence > ? ORDER BY sequence LIMIT ?", kTurnColumns));
        query.bind(1, call_id);
        query.bind(2, after);
        query.bind(3, kTurns);
        while (query.executeStep()) out.turns.push_back(turn_at(query));
        return out;
    });
}

Result<void> SqliteStore::turns(std::int64_t call_id, const std::function<bool(const Turn&)>& each) {
    std::optional<std::int64_t> revision;
    int after = -1;
    while (true) {
        VC_TRY_ASSIGN(const auto some, page(call_id, after));
        if (revision.value_or(some.revision) != some.revision)
            return fail_with_hint(Errc::Conflict, "the transcript was replaced while it was read", "read it again");
        revision = some.revision;
        if (some.turns.empty()) return {};
        for (const auto& turn : some.turns)
            if (!each(turn)) return {};
        after = some.turns.back().sequence;
    }
}

Result<void> SqliteStore::save_report(std::int64_t call_id, const std::string& report_json) {
    return connection_.transact([&]() -> Result<void> {
        auto update = prepare("UPDATE calls SET report_json = ? WHERE id = ?");
        update.bind(1, report_json);
        update.bind(2, call_id);
        if (update.exec() == 0) return no_call(call_id);
        return {};
    });
}

Result<std::string> SqliteStore::report(std::int64_t call_id) {
    return connection_.guarded([&]() -> Result<std::string> {
        auto query = prepare("SELECT report_json FROM calls WHERE id = ?");
        query.bind(1, call_id);
        if (!query.executeStep()) return no_call(call_id);
        return query.getColumn(0).getString();
    });
}

Result<void> SqliteStore::save_session(const Session& session) {
    return connection_.transact([&]() -> Result<void> {
        if (session.call_id && !call_by_id(*session.call_id)) return no_call(*session.call_id);
        auto insert = prepare(
            "INSERT INTO sessions (id, call_id, user_id, status, started_at, completed_at, usage_json) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET call_id = excluded.call_id, "
            "user_id = excluded.user_id, started_at = excluded.started_at, usage_json = excluded.usage_json, "
            "completed_at = iif(status = 'completed', completed_at, excluded.completed_at), "
            "status = iif(status = 'completed', status, excluded.status)");
        insert.bind(1, session.id);
        if (session.call_id) insert.bind(2, *session.call_id);
        insert.bind(3, session.user_id);
        insert.bind(4, session.status);
        insert.bind(5, to_column(session.started_at));
        if (session.completed_at) insert.bind(6, to_column(*session.completed_at));
        insert.bind(7, session.usage_json);
        insert.exec();
        return {};
    });
}

Result<Session> SqliteStore::find_session(const std::string& id) {
    return connection_.guarded([&]() -> Result<Session> {
        auto query = prepare(
            "SELECT call_id, user_id, status, started_at, completed_at, usage_json FROM sessions WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) return fail(Errc::NotFound, "no session {}", id);
        Session session;
        session.id = id;
        if (!query.isColumnNull(0)) session.call_id = query.getColumn(0).getInt64();
        session.user_id = query.getColumn(1).getString();
        session.status = query.getColumn(2).getString();
        session.started_at = time_at(query, 3);
        if (!query.isColumnNull(4)) session.completed_at = time_at(query, 4);
        session.usage_json = query.getColumn(5).getString();
        return session;
    });
}

}  // namespace voicectl::store
