// Who holds which place, and who was sent away: what agents that share a store have to agree on.
#include "core/store/rows.h"
#include "core/store/sqlite_store.h"

namespace voicectl::store {
namespace {

constexpr std::chrono::hours kRefusalLife{24};

}  // namespace

void SqliteStore::put_lease(const Lease& lease, SystemTime until) {
    auto insert = prepare(
        "INSERT INTO leases (job_id, user_id, until) VALUES (?, ?, ?) "
        "ON CONFLICT (job_id) DO UPDATE SET user_id = excluded.user_id, until = excluded.until");
    insert.bind(1, lease.job_id);
    insert.bind(2, lease.user_id);
    insert.bind(3, to_column(until));
    insert.exec();
}

Result<bool> SqliteStore::take_lease(const Lease& lease, int most, SystemTime now, SystemTime until) {
    return connection_.transact([&]() -> Result<bool> {
        auto clear = prepare("DELETE FROM leases WHERE until <= ?");
        clear.bind(1, to_column(now));
        clear.exec();
        auto query = prepare("SELECT count(*) FROM leases WHERE user_id = ? AND job_id <> ?");
        query.bind(1, lease.user_id);
        query.bind(2, lease.job_id);
        query.executeStep();
        const bool free = query.getColumn(0).getInt() < most;
        query.reset();
        if (free) put_lease(lease, until);
        return free;
    });
}

Result<void> SqliteStore::renew_leases(const std::vector<Lease>& leases, SystemTime until) {
    return connection_.transact([&]() -> Result<void> {
        for (const auto& lease : leases) put_lease(lease, until);
        return {};
    });
}

Result<void> SqliteStore::end_lease(const std::string& job_id) {
    return connection_.transact([&]() -> Result<void> {
        auto remove = prepare("DELETE FROM leases WHERE job_id = ?");
        remove.bind(1, job_id);
        remove.exec();
        return {};
    });
}

Result<void> SqliteStore::carry(const std::vector<std::pair<std::string, std::string>>& rooms_and_jobs, const std::string& carrier, SystemTime until) {
    return connection_.transact([&]() -> Result<void> {
        auto upsert = prepare(
            "INSERT INTO carriers (call_id, carrier, until) SELECT id, ?, ? FROM calls WHERE room = ? AND job_id = ? AND job_id <> '' AND status = 'active' "
            "ON CONFLICT (call_id) DO UPDATE SET carrier = excluded.carrier, until = excluded.until");
        for (const auto& [room, job] : rooms_and_jobs) {
            upsert.bind(1, carrier);
            upsert.bind(2, to_column(until));
            upsert.bind(3, room);
            upsert.bind(4, job);
            upsert.exec();
            upsert.reset();
        }
        return {};
    });
}

Result<std::vector<CarriedCall>> SqliteStore::carried(const std::string& agent_name) {
    return connection_.guarded([&]() -> Result<std::vector<CarriedCall>> {
        auto query = prepare(fmt::format("SELECT {}, carrier, until FROM carriers JOIN calls ON id = call_id WHERE status = 'active' AND agent_name = ? ORDER BY id", kCallColumns));
        query.bind(1, agent_name);
        std::vector<CarriedCall> out;
        while (query.executeStep()) out.push_back({call_at(query), query.getColumn(kCallColumnCount).getString(), time_at(query, kCallColumnCount + 1)});
        return out;
    });
}

Result<bool> SqliteStore::take_over(const CarriedCall& seen, const std::string& carrier, SystemTime until) {
    return connection_.transact([&]() -> Result<bool> {
        auto update = prepare("UPDATE carriers SET carrier = ?, until = ? WHERE call_id = ? AND carrier = ? AND until = ?");
        update.bind(1, carrier);
        update.bind(2, to_column(until));
        update.bind(3, seen.call.id);
        update.bind(4, seen.carrier);
        update.bind(5, to_column(seen.until));
        return update.exec() == 1;
    });
}

Result<void> SqliteStore::save_refusal(const Refusal& refusal) {
    return connection_.transact([&]() -> Result<void> {
        auto clear = prepare("DELETE FROM refusals WHERE at < ?");
        clear.bind(1, to_column(refusal.at - kRefusalLife));
        clear.exec();
        auto insert = prepare("INSERT INTO refusals (dispatch_id, job_id, room, agent_name, reason, at) VALUES (?, ?, ?, ?, ?, ?)");
        insert.bind(1, refusal.dispatch_id);
        insert.bind(2, refusal.job_id);
        insert.bind(3, refusal.room);
        insert.bind(4, refusal.agent_name);
        insert.bind(5, refusal.reason);
        insert.bind(6, to_column(refusal.at));
        insert.exec();
        return {};
    });
}

Result<std::vector<Refusal>> SqliteStore::refusals(const std::string& dispatch_id) {
    return connection_.guarded([&]() -> Result<std::vector<Refusal>> {
        auto query = prepare("SELECT job_id, room, agent_name, reason, at FROM refusals WHERE dispatch_id = ? ORDER BY at, rowid LIMIT 100");
        query.bind(1, dispatch_id);
        std::vector<Refusal> out;
        while (query.executeStep())
            out.push_back({dispatch_id, query.getColumn(0).getString(), query.getColumn(1).getString(), query.getColumn(2).getString(), query.getColumn(3).getString(), time_at(query, 4)});
        return out;
    });
}

}  // namespace voicectl::store
