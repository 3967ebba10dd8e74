#include "core/store/rows.h"

namespace voicectl::store {

using std::chrono::microseconds;

std::int64_t to_column(SystemTime time) {
    return std::chrono::floor<microseconds>(time.time_since_epoch()).count();
}

SystemTime time_at(const SQLite::Statement& row, int column) {
    return SystemTime(microseconds(row.getColumn(column).getInt64()));
}

Call call_at(const SQLite::Statement& row) {
    Call call;
    call.id = row.getColumn(0).getInt64();
    call.room = row.getColumn(1).getString();
    call.attempt = row.getColumn(2).getInt();
    call.agent_name = row.getColumn(3).getString();
    call.job_id = row.getColumn(4).getString();
    call.dispatch_metadata = row.getColumn(5).getString();
    call.caller_identity = row.getColumn(6).getString();
    call.status = row.getColumn(7).getString();
    call.reason = row.getColumn(8).getString();
    call.started_at = time_at(row, 9);
    if (!row.isColumnNull(10)) call.ended_at = time_at(row, 10);
    call.turns = row.getColumn(11).getInt();
    return call;
}

Turn turn_at(const SQLite::Statement& row) {
    Turn turn;
    turn.sequence = row.getColumn(0).getInt();
    turn.speaker = row.getColumn(1).getString() == "agent" ? Speaker::Agent : Speaker::User;
    turn.identity = row.getColumn(2).getString();
    turn.text = row.getColumn(3).getString();
    turn.started_at = time_at(row, 4);
    turn.ended_at = time_at(row, 5);
    turn.interrupted = row.getColumn(6).getInt() != 0;
    turn.detail_json = row.getColumn(7).getString();
    return turn;
}

void bind_turn(SQLite::Statement& statement, std::int64_t call_id, const Turn& turn) {
    statement.bind(1, call_id);
    statement.bind(2, turn.sequence);
    statement.bind(3, turn.speaker == Speaker::Agent ? "agent" : "user");
    statement.bind(4, turn.identity);
    statement.bind(5, turn.text);
    statement.bind(6, to_column(turn.started_at));
    statement.bind(7, to_column(turn.ended_at));
    statement.bind(8, turn.interrupted ? 1 : 0);
    statement.bind(9, turn.detail_json);
}

}  // namespace voicectl::store
