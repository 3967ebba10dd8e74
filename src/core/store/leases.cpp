// Who holds which place, and who was sent away: what agents that share a store have to agree on.
#include "core/store/rows.h"
#include "core/store/sql_store.h"

namespace voicectl::store {
namespace {

constexpr std::chrono::hours kRefusalLife{24};

Lock all_leases() { return Lock::of("leases"); }
Lock all_carriers() { return Lock::of("carriers"); }

void put_lease(Database& database, const Lease& lease, SystemTime until) {
    database.run(
        "INSERT INTO leases (job_id, user_id, until) VALUES ($1, $2, $3) "
        "ON CONFLICT (job_id) DO UPDATE SET user_id = excluded.user_id, until = excluded.until",
        lease.job_id, lease.user_id, until);
}

std::int64_t other_places(Database& database, const Lease& lease) {
    auto row = database.query("SELECT count(*) FROM leases WHERE user_id = $1 AND job_id <> $2", lease.user_id, lease.job_id);
    row.next();
    return row.number(0);
}

}  // namespace

Result<bool> SqlStore::take_lease(const Lease& lease, int most, SystemTime now, SystemTime until) {
    return write(all_leases(), [&](Database& database) -> Result<bool> {
        database.run("DELETE FROM leases WHERE until <= $1", now);
        const bool free = other_places(database, lease) < most;
        if (free) put_lease(database, lease, until);
        return free;
    });
}

Result<void> SqlStore::renew_leases(const std::vector<Lease>& leases, SystemTime until) {
    return write(all_leases(), [&](Database& database) -> Result<void> {
        for (const auto& lease : leases) put_lease(database, lease, until);
        return {};
    });
}

Result<void> SqlStore::end_lease(const std::string& job_id) {
    return write(all_leases(), [&](Database& database) -> Result<void> {
        database.run("DELETE FROM leases WHERE job_id = $1", job_id);
        return {};
    });
}

Result<void> SqlStore::carry(const std::vector<std::pair<std::string, std::string>>& rooms_and_jobs, const std::string& carrier, SystemTime until) {
    return write(all_carriers(), [&](Database& database) -> Result<void> {
        auto upsert = database.query(
            "INSERT INTO carriers (call_id, carrier, until) "
            "SELECT id, CAST($1 AS TEXT), CAST($2 AS BIGINT) FROM calls WHERE room = $3 AND job_id = $4 AND job_id <> '' AND status = 'active' "
            "ON CONFLICT (call_id) DO UPDATE SET carrier = excluded.carrier, until = excluded.until");
        for (const auto& [room, job] : rooms_and_jobs) upsert.add(carrier, until, room, job);
        return {};
    });
}

Result<std::vector<CarriedCall>> SqlStore::carried(const std::string& agent_name) {
    return read(Mode::Plain, [&](Database& database) -> Result<std::vector<CarriedCall>> {
        auto rows = database.query("SELECT " VC_CALL_COLUMNS ", carrier, until FROM carriers JOIN calls ON id = call_id "
                                   "WHERE status = 'active' AND agent_name = $1 ORDER BY id",
                                   agent_name);
        std::vector<CarriedCall> out;
        while (rows.next()) out.push_back({call_at(rows), rows.text(kCallColumnCount), rows.time(kCallColumnCount + 1)});
        return out;
    });
}

// Asked again after it was done (the answer was lost), the call is the carrier's already.
Result<bool> SqlStore::take_over(const CarriedCall& seen, const std::string& carrier, SystemTime until) {
    return write(all_carriers(), [&](Database& database) -> Result<bool> {
        return database.run("UPDATE carriers SET carrier = $1, until = $2 WHERE call_id = $3 "
                            "AND ((carrier = $4 AND until = $5) OR (carrier = $1 AND until = $2))",
                            carrier, until, seen.call.id, seen.carrier, seen.until) == 1;
    });
}

// The same one told twice is one.
Result<void> SqlStore::save_refusal(const Refusal& refusal) {
    return write(Lock::of("refusals", refusal.dispatch_id), [&](Database& database) -> Result<void> {
        database.run("DELETE FROM refusals WHERE at < $1", refusal.at - kRefusalLife);
        database.run(
            "INSERT INTO refusals (dispatch_id, job_id, room, agent_name, reason, at) "
            "SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT) "
            "WHERE NOT EXISTS (SELECT 1 FROM refusals WHERE dispatch_id = $1 AND job_id = $2 AND room = $3 AND agent_name = $4 "
            "AND reason = $5 AND at = $6)",
            refusal.dispatch_id, refusal.job_id, refusal.room, refusal.agent_name, refusal.reason, refusal.at);
        return {};
    });
}

Result<std::vector<Refusal>> SqlStore::refusals(const std::string& dispatch_id) {
    return read(Mode::Plain, [&](Database& database) -> Result<std::vector<Refusal>> {
        auto rows = database.query("SELECT job_id, room, agent_name, reason, at FROM refusals WHERE dispatch_id = $1 ORDER BY at, rowid LIMIT 100", dispatch_id);
        std::vector<Refusal> out;
        while (rows.next()) out.push_back({dispatch_id, rows.text(0), rows.text(1), rows.text(2), rows.text(3), rows.time(4)});
        return out;
    });
}

}  // namespace voicectl::store
