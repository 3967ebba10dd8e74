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
