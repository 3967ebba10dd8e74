// Values to and from rows.
#pragma once

#include "core/store/sql.h"

namespace voicectl::store {

/// The columns that call_at() reads, in its order.
#define VC_CALL_COLUMNS                                                                                              \
    "id, room, attempt, agent_name, job_id, dispatch_metadata, caller_identity, status, reason, started_at, ended_at, " \
    "(SELECT count(*) FROM turns WHERE turns.call_id = calls.id)"
inline constexpr int kCallColumnCount = 12;
Call call_at(const Query& row);

std::optional<Call> call_by_id(Database& database, std::int64_t id);
/// The call that this one is, by its room and job.
std::optional<Call> call_of_job(Database& database, const Call& call);
/// Inserts it, or fills in what is known of its attempt; its number.
std::int64_t upsert_call(Database& database, const Call& call);
std::unexpected<Error> no_call(std::int64_t id);

/// The columns of turn_at() and of add_turn(), call_id aside.
#define VC_TURN_COLUMNS "sequence, speaker, identity, text, started_at, ended_at, interrupted, detail_json"
inline constexpr int kTurnColumnCount = 8;
Turn turn_at(const Query& row);
void add_turn(Query& insert, std::int64_t call_id, const Turn& turn);

}  // namespace voicectl::store
