// The Store in SQL, over the connections of either engine. Its methods lie by subject in calls.cpp, turns.cpp,
// leases.cpp, sessions.cpp.
#pragma once

#include "core/store/sql.h"
#include "voicectl/store/store.h"

namespace voicectl::store {

class SqlStore final : public Store {
 public:
    explicit SqlStore(std::unique_ptr<Connections> connections) : connections_(std::move(connections)) {}

    Result<Call> begin_call(const Call& call) override;
    Result<void> end_call(std::int64_t call_id, const std::string& status, const std::string& reason,
                          SystemTime at) override;
    Result<std::vector<Call>> list(const CallFilter& filter) override;
    Result<Call> find(const std::string& id_or_room) override;
    Result<void> save_report(std::int64_t call_id, const std::string& report_json) override;
    Result<std::string> report(std::int64_t call_id) override;

    Result<void> save_turn(std::int64_t call_id, const Turn& turn) override;
    Result<Call> save_transcript(const Call& call, const std::vector<Turn>& turns) override;
    Result<void> turns(std::int64_t call_id, const std::function<bool(const Turn&)>& each) override;

    Result<bool> take_lease(const Lease& lease, int most, SystemTime now, SystemTime until) override;
    Result<void> renew_leases(const std::vector<Lease>& leases, SystemTime until) override;
    Result<void> end_lease(const std::string& job_id) override;
    Result<void> carry(const std::vector<std::pair<std::string, std::string>>& rooms_and_jobs, const std::string& carrier, SystemTime until) override;
    Result<std::vector<CarriedCall>> carried(const std::string& agent_name) override;
    Result<bool> take_over(const CarriedCall& seen, const std::string& carrier, SystemTime until) override;
    Result<void> save_refusal(const Refusal& refusal) override;
    Result<std::vector<Refusal>> refusals(const std::string& dispatch_id) override;

    Result<void> save_session(const Session& session) override;
    Result<Session> find_session(const std::string& id) override;

 private:
    /// May a transaction run again when nobody knows whether it was kept?
    enum class Repeat { Safe, Unsafe };
    struct Page {
        std::int64_t revision = 0;
        std::vector<Turn> turns;
    };
    Result<Page> page(std::int64_t call_id, int after);

    /// `work(Database&)`, which gives a Result, in one transaction that is kept only when it gives a value. It may run
    /// more than once, each time from the start.
    template<class Work>
    auto write(const Lock& lock, Work work, Repeat repeat = Repeat::Safe) {
        return run(Mode::Write, lock, repeat, std::move(work));
    }
    /// The same for reading: `Plain` for one query, `Moment` for several that must see the same.
    template<class Work>
    auto read(Mode mode, Work work) {
        return run(mode, Lock::none(), Repeat::Safe, std::move(work));
    }
    template<class Work>
    auto run(Mode mode, const Lock& lock, Repeat repeat, Work work) -> decltype(work(std::declval<Database&>())) {
        std::optional<decltype(work(std::declval<Database&>()))> result;
        const auto done = transact(mode, lock, repeat, [&](Database& database) {
            result.emplace(work(database));
            return result->has_value();
        });
        if (!done) return std::unexpected(done.error());
        return std::move(*result);
    }
    /// `work` returns whether to keep what it did.
    using Work = std::function<bool(Database&)>;
    Result<void> transact(Mode mode, const Lock& lock, Repeat repeat, const Work& work);

    std::unique_ptr<Connections> connections_;
};

}  // namespace voicectl::store
