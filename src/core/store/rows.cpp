#include "core/store/rows.h"

namespace voicectl::store {

Call call_at(const Query& row) {
    Call call;
    call.id = row.number(0);
    call.room = row.text(1);
    call.attempt = row.small(2);
    call.agent_name = row.text(3);
    call.job_id = row.text(4);
    call.dispatch_metadata = row.text(5);
    call.caller_identity = row.text(6);
    call.status = row.text(7);
    call.reason = row.text(8);
    call.started_at = row.time(9);
    call.ended_at = row.maybe_time(10);
    call.turns = row.small(11);
    return call;
}

std::optional<Call> call_by_id(Database& database, std::int64_t id) {
    auto row = database.query("SELECT " VC_CALL_COLUMNS " FROM calls WHERE id = $1", id);
    return row.next() ? std::optional(call_at(row)) : std::nullopt;
}

std::unexpected<Error> no_call(std::int64_t id) { return fail(Errc::NotFound, "no call {}", id); }

Turn turn_at(const Query& row) {
    Turn turn;
    turn.sequence = row.small(0);
    turn.speaker = row.text(1) == "agent" ? Speaker::Agent : Speaker::User;
    turn.identity = row.text(2);
    turn.text = row.text(3);
    turn.started_at = row.time(4);
    turn.ended_at = row.time(5);
    turn.interrupted = row.number(6) != 0;
    turn.detail_json = row.text(7);
    return turn;
}

void add_turn(Query& insert, std::int64_t call_id, const Turn& turn) {
    insert.add(call_id, turn.sequence, turn.speaker == Speaker::Agent ? "agent" : "user", turn.identity, turn.text,
               turn.started_at, turn.ended_at, turn.interrupted, turn.detail_json);
}

}  // namespace voicectl::store
