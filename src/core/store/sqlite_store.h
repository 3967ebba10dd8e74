// The Store on SQLite.
#pragma once

#include "core/store/connection.h"
#include "voicectl/store/store.h"

namespace voicectl::store {

class SqliteStore final : public Store {
 public:
    explicit SqliteStore(Connection connection) : connection_(std::move(connection)) {}

    Result<Call> begin_call(const Call& call) override;
    Result<void> end_call(std::int64_t call_id, const std::string& status, const std::string& reason,
                          SystemTime at) override;
    Result<void> save_turn(std::int64_t call_id, const Turn& turn) override;
    Result<Call> save_transcript(const Call& call, const std::vector<Turn>& turns) override;
    Result<std::vector<Call>> list(const CallFilter& filter) override;
    Result<Call> find(const std::string& id_or_room) override;
    Result<void> save_report(std::int64_t call_id, const std::string& report_json) override;
    Result<std::string> report(std::int64_t call_id) override;
    Result<bool> take_lease(const Lease& lease, int most, SystemTime now, SystemTime until) override;
    Result<void> renew_leases(const std::vector<Lease>& leases, SystemTime until) override;
    Result<void> end_lease(const std::string& job_id) override;
    Result<void> carry(const std::vector<std::pair<std::string, std::string>>& rooms_and_jobs, const std::string& carrier, SystemTime until) override;
    Result<std::vector<CarriedCall>> carried(const std::string& agent_name) override;
    Result<bool> take_over(const CarriedCall& seen, const std::string& carrier, SystemTime until) override;
    Result<void> save_refusal(const Refusal& refusal) override;
    Result<std::vector<Refusal>> refusals(const std::string& dispatch_id) override;
    Result<void> turns(std::int64_t call_id, const std::function<bool(const Turn&)>& each) override;
    Result<void> save_session(const Session& session) override;
    Result<Session> find_session(const std::string& id) override;

 private:
    struct Page {
        std::int64_t revision = 0;
        std::vector<Turn> turns;
    };
    // These throw SQLite::Exception.
    SQLite::Statement prepare(const std::string& query);
    std::optional<Call> one_call(SQLite::Statement& query);
    std::optional<Call> call_of_job(const Call& call);
    std::optional<Call> call_by_id(std::int64_t id);
    void fill_in(std::int64_t id, const Call& call);
    Result<void> refuse_taken_job(const Call& call);
    Call upsert_call(const Call& call);
    void replace_turns(std::int64_t call_id, const std::vector<Turn>& turns);
    void put_lease(const Lease& lease, SystemTime until);
    Result<Page> page(std::int64_t call_id, int after);

    Connection connection_;
};

}  // namespace voicectl::store
