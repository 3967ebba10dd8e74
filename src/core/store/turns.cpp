// What was said: turn by turn while a call goes on, and whole transcripts.
#include <algorithm>

#include "core/store/rows.h"
#include "core/store/sql_store.h"

namespace voicectl::store {
namespace {

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

// Without this the unique index would refuse it too, but in words for programmers.
Result<void> refuse_taken_job(Database& database, const Call& call) {
    if (call.job_id.empty()) return {};
    auto row = database.query("SELECT attempt FROM calls WHERE room = $1 AND job_id = $2 AND job_id <> ''", call.room, call.job_id);
    if (!row.next() || row.small(0) == call.attempt) return {};
    return fail(Errc::Conflict, "job {} is attempt {} of room {}, not {}", call.job_id, row.small(0), call.room, call.attempt);
}

// What nobody said is as it was stored, else as the turns have it.
Call completed(Database& database, const Call& call, const std::vector<Turn>& turns) {
    auto complete = call;
    const bool started = call.started_at != SystemTime{};  // a time that nobody set is the epoch
    auto row = database.query("SELECT started_at FROM calls WHERE room = $1 AND attempt = $2", call.room, call.attempt);
    if (row.next()) {
        if (!started) complete.started_at = row.time(0);
        return complete;
    }
    if (!started) complete.started_at = turns.empty() ? std::chrono::system_clock::now() : turns.front().started_at;
    if (complete.status.empty()) complete.status = "completed";
    return complete;
}

void replace_turns(Database& database, std::int64_t call_id, const std::vector<Turn>& turns) {
    database.run("DELETE FROM turns WHERE call_id = $1", call_id);
    auto insert = database.insert_many("turns", "call_id, " VC_TURN_COLUMNS, 1 + kTurnColumnCount);
    for (const auto& turn : turns) add_turn(insert, call_id, turn);
    insert.finish();
    database.run("UPDATE calls SET revision = revision + 1 WHERE id = $1", call_id);
}

}  // namespace

Result<void> SqlStore::save_turn(std::int64_t call_id, const Turn& turn) {
    if (turn.sequence < 0) return fail(Errc::Usage, "turn {} is negative", turn.sequence);
    return write(Lock::call(call_id), [&](Database& database) -> Result<void> {
        if (!call_by_id(database, call_id)) return no_call(call_id);
        auto insert = database.query(
            "INSERT INTO turns (call_id, " VC_TURN_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
            "ON CONFLICT (call_id, sequence) DO UPDATE SET speaker = excluded.speaker, identity = excluded.identity, "
            "text = excluded.text, started_at = excluded.started_at, ended_at = excluded.ended_at, "
            "interrupted = excluded.interrupted, detail_json = excluded.detail_json");
        add_turn(insert, call_id, turn);
        return {};
    });
}

Result<Call> SqlStore::save_transcript(const Call& call, const std::vector<Turn>& turns) {
    if (call.room.empty()) return fail(Errc::Usage, "a call needs a room");
    if (call.attempt < 1) return fail(Errc::Usage, "attempt {} is less than 1", call.attempt);
    VC_TRY(check_turns(turns));
    return write(Lock::room(call.room), [&](Database& database) -> Result<Call> {
        VC_TRY(refuse_taken_job(database, call));
        const auto id = upsert_call(database, completed(database, call, turns));
        database.lock(Lock::call(id));
        replace_turns(database, id, turns);
        return *call_by_id(database, id);
    });
}

Result<SqlStore::Page> SqlStore::page(std::int64_t call_id, int after) {
    constexpr int kTurns = 256;
    return read(Mode::Moment, [&](Database& database) -> Result<Page> {
        auto revision = database.query("SELECT revision FROM calls WHERE id = $1", call_id);
        if (!revision.next()) return no_call(call_id);
        Page out{revision.number(0), {}};
        auto rows = database.query("SELECT " VC_TURN_COLUMNS " FROM turns WHERE call_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
                                   call_id, after, kTurns);
        while (rows.next()) out.turns.push_back(turn_at(rows));
        return out;
    });
}

Result<void> SqlStore::turns(std::int64_t call_id, const std::function<bool(const Turn&)>& each) {
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

}  // namespace voicectl::store
