// The Store of spool.h. One owner, one thread at a time.
//
// While the database is away writes go to our file. To come back means: open the database, store what dead processes
// left, then our own file, each write again in order, and remove the files. A crash anywhere in between only means that
// some writes are stored a second time; each of them is the same when done twice. Where it would not be, the file is told
// first: which call a begin became, and from where its turns count.
#pragma once

#include <map>
#include <random>
#include <set>

#include "core/store/spool_file.h"
#include "core/store/spool_record.h"
#include "core/store/spooled_webhooks.h"
#include "voicectl/store/spool.h"

namespace voicectl::store {

class SpooledStore final : public Store {
 public:
    /// `store`: none when the database is away already.
    SpooledStore(OpenStore open, SpoolOptions options, Result<std::unique_ptr<Store>> store);

    Result<Call> begin_call(const Call& call) override;
    Result<void> end_call(std::int64_t call_id, const std::string& status, const std::string& reason, SystemTime at) override;
    Result<void> save_turn(std::int64_t call_id, const Turn& turn) override;
    Result<Call> save_transcript(const Call& call, const std::vector<Turn>& turns) override;
    Result<void> save_report(std::int64_t call_id, const std::string& report_json) override;
    Result<void> save_session(const Session& session) override;

    Result<std::vector<Call>> list(const CallFilter& filter) override;
    Result<Call> find(const std::string& id_or_room) override;
    Result<std::string> report(std::int64_t call_id) override;
    Result<void> turns(std::int64_t call_id, const std::function<bool(const Turn&)>& each) override;
    Result<Session> find_session(const std::string& id) override;
    Result<Call> call(std::int64_t id) override;
    Result<void> save_assignment(const Assignment& assignment) override;
    Result<void> check_assignment(const Assignment& claimed) override;
    Result<Session> create_session(const Session& session) override;
    Result<Session> finalize_session(const std::string& id, SystemTime at) override;
    Result<std::vector<Session>> list_sessions(const SessionFilter& filter) override;
    Result<void> save_assessment(const Assessment& assessment, bool replace) override;
    Result<Assessment> find_assessment(std::int64_t call_id, const std::string& kind) override;
    Result<bool> take_lease(const Lease& lease, int most, SystemTime now, SystemTime until) override;
    Result<void> renew_leases(const std::vector<Lease>& leases, SystemTime until) override;
    Result<void> end_lease(const std::string& job_id) override;
    Result<void> carry(const std::vector<std::pair<std::string, std::string>>& rooms_and_jobs, const std::string& carrier, SystemTime until) override;
    Result<std::vector<CarriedCall>> carried(const std::string& agent_name) override;
    Result<bool> take_over(const CarriedCall& seen, const std::string& carrier, SystemTime until) override;
    Result<void> save_refusal(const Refusal& refusal) override;
    Result<std::vector<Refusal>> refusals(const std::string& dispatch_id) override;

    Webhooks& webhooks() override { return webhooks_; }
    std::optional<TimePoint> due() const override;
    void catch_up() override;

 private:
    using Kind = SpoolRecord::Kind;
    /// A call in the database, and what its turns' numbers are moved by.
    struct Place {
        std::int64_t id = 0;
        int first = 0;
    };
    using Places = std::map<std::int64_t, Place>;  // by the number that the call has in a file
    using Key = std::pair<std::string, std::string>;  // room and job

    /// Stores a record now or lets it wait: the same code either way.
    Result<Call> write(SpoolRecord record);
    Result<Call> apply(const SpoolRecord& record, Places& places, SpoolFile* file);
    Result<Call> apply_begin(const SpoolRecord& record, Places& places, SpoolFile* file);
    Result<Call> spool(SpoolRecord record);
    Result<void> flush_all();
    Result<void> flush(SpoolFile& file, Places& places, std::uint64_t& done);
    /// The database may be another one than it was: a file that was replaced.
    Result<void> check_owner(std::int64_t id, const Call& owner);
    Result<void> set_aside(std::string_view line, const Error& why);
    void lose(const Error& why);
    void try_later();
    std::int64_t local_number(const Key& key);

    /// Of what does not wait.
    template<class Work>
    auto ask(Work work) -> decltype(work(std::declval<Store&>())) {
        catch_up();
        if (!store_ || lost_) return std::unexpected(*lost_);
        return work(*store_);
    }

    SpooledWebhooks webhooks_{[this]() -> Result<Store*> {
        return ask([](Store& store) -> Result<Store*> { return &store; });
    }};
    OpenStore open_;
    SpoolOptions options_;
    std::unique_ptr<Store> store_;
    std::optional<Error> lost_;  // why the database is away
    bool waiting_ = false;       // writes wait behind others
    TimePoint next_try_;
    Duration wait_;
    std::minstd_rand random_{std::random_device()()};
    std::unique_ptr<SpoolFile> own_;
    std::uint64_t own_done_ = 0, stored_ = 0;
    Places places_;
    std::map<Key, std::int64_t> numbers_;  // of calls that go on: as they were given out
    std::int64_t last_local_ = 0;
    std::map<std::int64_t, Key> owners_;   // of calls in the database
    std::set<std::int64_t> checked_;       // of them, in this flush
};

}  // namespace voicectl::store
