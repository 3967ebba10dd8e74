// The Store in SQL, over the connections of either engine. Its methods lie by subject in calls.cpp, turns.cpp,
// leases.cpp, sessions.cpp, webhooks.cpp.
#pragma once

#include "core/store/sql.h"
#include "voicectl/store/store.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::store {

class SqlStore final : public Store, private Webhooks {
 public:
    explicit SqlStore(std::unique_ptr<Connections> connections) : connections_(std::move(connections)) {}

    Result<Call> begin_call(const Call& call) override;
    Result<void> end_call(std::int64_t call_id, const std::string& status, const std::string& reason,
                          SystemTime at) override;
    Result<std::vector<Call>> list(const CallFilter& filter) override;
    Result<Call> find(const std::string& id_or_room) override;
    Result<Call> call(std::int64_t id) override;
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
    Result<void> save_assignment(const Assignment& assignment) override;
    Result<void> check_assignment(const Assignment& claimed) override;
    Result<Session> create_session(const Session& session) override;
    Result<Session> finalize_session(const std::string& id, SystemTime at) override;
    Result<void> save_assessment(const Assessment& assessment, bool replace) override;
    Result<Assessment> find_assessment(std::int64_t call_id, const std::string& kind) override;
    Result<std::vector<Session>> list_sessions(const SessionFilter& filter) override;

    Webhooks& webhooks() override { return *this; }

 private:
    Result<std::vector<bool>> take(const std::vector<WebhookEvent>& events, const std::vector<std::string>& targets) override;
    Result<void> log_refused(const std::vector<Delivery>& deliveries) override;
    Result<void> events(const EventFilter& filter, const std::function<bool(const WebhookEvent&)>& each) override;
    Result<WebhookEvent> event(const std::string& id) override;
    Result<std::string> call_state(const std::string& sid_or_name) override;
    Result<std::vector<std::pair<std::string, std::string>>> open_calls(int limit) override;
    Result<std::vector<Recording>> recordings(const std::string& room, int limit) override;
    Result<std::vector<Delivery>> deliveries(const DeliveryFilter& filter) override;
    Result<std::vector<Forward>> due_forwards(const std::vector<std::string>& targets, const std::vector<std::int64_t>& busy, SystemTime now,
                                              int limit) override;
    Result<std::optional<SystemTime>> next_forward(const std::vector<std::string>& targets) override;
    Result<void> end_forward(std::int64_t id, const Delivery& attempt, std::optional<SystemTime> again) override;
    Result<int> drop_target(const std::string& target) override;
    Result<int> queued_forwards() override;
    Result<int> forget(SystemTime before) override;

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
