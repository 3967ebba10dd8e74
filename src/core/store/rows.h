// Values to and from rows. Throws SQLite::Exception.
#pragma once

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include "voicectl/store/store.h"

namespace voicectl::store {

/// Microseconds since 1970, UTC.
std::int64_t to_column(SystemTime time);
SystemTime time_at(const SQLite::Statement& row, int column);

/// The columns that call_at() reads, in its order.
inline constexpr const char* kCallColumns =
    "id, room, attempt, agent_name, job_id, dispatch_metadata, caller_identity, status, reason, started_at, "
    "ended_at, (SELECT count(*) FROM turns WHERE turns.call_id = calls.id)";
inline constexpr int kCallColumnCount = 12;
Call call_at(const SQLite::Statement& row);

/// The columns of turn_at() and bind_turn(), call_id aside.
inline constexpr const char* kTurnColumns =
    "sequence, speaker, identity, text, started_at, ended_at, interrupted, detail_json";
Turn turn_at(const SQLite::Statement& row);

/// Inserts a turn, or replaces the one with that sequence.
inline constexpr const char* kUpsertTurn =
    "INSERT OR REPLACE INTO turns (call_id, sequence, speaker, identity, text, started_at, ended_at, interrupted, "
    "detail_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
void bind_turn(SQLite::Statement& statement, std::int64_t call_id, const Turn& turn);

}  // namespace voicectl::store
