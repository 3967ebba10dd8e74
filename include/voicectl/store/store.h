// Calls, sessions and transcripts, in one SQLite file or in a PostgreSQL database; both behave the same. Blocking: run
// it on a thread that may wait (AsyncStore below for the loop). On a file: one connection, one owner. On PostgreSQL: a
// pool of connections, any thread. Safe against SIGKILL at any time: a turn is there whole or not at all, and what was
// answered is on disk. A write whose connection was lost is done again once; all of them may be done again by who
// calls, too, and nothing is there twice (begin_call without a job id aside).
//
// Text is UTF-8 without U+0000, which PostgreSQL cannot hold: that and what is invalid is stored as U+FFFD.
//
// Requirement D2: upsert on the room name, one transcript per attempt number, delete and bulk insert in
// one transaction; a retry or a crash never leaves a part or a double.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::store {

using SystemTime = std::chrono::system_clock::time_point;

enum class Speaker { User, Agent };

struct Turn {
    int sequence = 0;  // from 0, gap-free within an attempt
    Speaker speaker = Speaker::User;
    std::string identity;  // participant
    std::string text;
    SystemTime started_at, ended_at;
    bool interrupted = false;            // text is what was heard until then
    std::string detail_json;             // latencies and the like; "" or an object
    bool operator==(const Turn&) const = default;
};

struct Call {
    std::int64_t id = 0;
    std::string room;
    int attempt = 1;
    std::string agent_name, job_id, dispatch_metadata, caller_identity;
    std::string status;  // active, completed, failed
    std::string reason;  // why it ended
    SystemTime started_at;
    std::optional<SystemTime> ended_at;
    int turns = 0;       // filled by reads
};

struct CallFilter {
    std::string room, agent_name;           // exact; empty: all
    std::optional<SystemTime> since, until; // when it started: since <= start < until
    std::string text;                       // a turn contains it; ASCII case is ignored
    int limit = 100;                        // newest first; 0: all
    std::string status = {};                // active, completed, failed; empty: all
    std::string user_id = {};               // a session of this user was held in it; empty: all
    std::string or_metadata = {};           // … or its dispatch metadata are exactly these
    std::optional<std::int64_t> before_id = {};  // also what started at `until` itself and has a smaller number: the next page
};

/// One user's use of the system, with what it cost; outlives the call it was about.
struct Session {
    std::string id;                       // chosen by whoever creates it
    std::optional<std::int64_t> call_id;
    std::string user_id;
    std::string status;                   // active, completed, failed
    SystemTime started_at;
    std::optional<SystemTime> completed_at;
    std::string usage_json;               // "" or an object
    std::string assignment_id = {};       // what it was for; may be empty
    bool operator==(const Session&) const = default;
};

/// What a user was given to do (a lesson, a scenario): nobody else may open sessions for it.
struct Assignment {
    std::string id, user_id;
};

/// What a language model made of a call's transcript; one of each kind for a call.
struct Assessment {
    std::int64_t call_id = 0;
    std::string kind;   // summary, evaluation
    std::string text;   // a summary; of an evaluation a JSON object
    std::string model;  // provider and model
    SystemTime made_at;
    bool operator==(const Assessment&) const = default;
};

struct SessionFilter {
    std::string user_id, status, assignment_id;  // exact; empty: all
    std::optional<std::int64_t> call_id;
    std::optional<SystemTime> since, until;      // when it started: since <= start < until
    int limit = 100;                             // newest first; 0: all
    std::string before_id = {};                  // also what started at `until` itself and whose id sorts before: the next page
};

/// A call's place among those that its user may hold at once. It ends by itself when nobody renews it, so that a
/// host that crashed holds none for long.
struct Lease {
    std::string job_id, user_id;
};

/// An active call, who carries it (processes by their identity, base/process.h) and until when that was last said.
struct CarriedCall {
    Call call;
    std::string carrier;
    SystemTime until;
};

/// A dispatch that an agent would not take.
struct Refusal {
    std::string dispatch_id, job_id, room, agent_name, reason;
    SystemTime at;
};

class Webhooks;

class Store {
 public:
    /// `place`: a path, or postgres://USER:PASSWORD@HOST:PORT/DATABASE (also postgresql://; libpq's parameters after
    /// a ?). Creates the file (mode 0600) and its folder (0700), or the schema `voicectl` in the database, which must be
    /// there; migrates the schema. Refuses, and leaves as they are, stores of a newer schema (Conflict) and what is no
    /// store (Usage). PostgreSQL: Unreachable, Auth, NotFound (no such database), Config (DB_* variables, encoding),
    /// Missing (libpq).
    static Result<std::unique_ptr<Store>> open(const std::string& place);
    /// Reads only: NotFound when nothing was stored there yet.
    static Result<std::unique_ptr<Store>> open_existing(const std::string& place);
    virtual ~Store() = default;

    /// A call with that room and job is the same call (a host that came back), and what it left empty is
    /// filled in; another job in the same room, or one without an id, is the next attempt. The call as stored.
    virtual Result<Call> begin_call(const Call& call) = 0;
    virtual Result<void> end_call(std::int64_t call_id, const std::string& status, const std::string& reason,
                                  SystemTime at) = 0;
    /// Insert, or replace the turn with that sequence.
    virtual Result<void> save_turn(std::int64_t call_id, const Turn& turn) = 0;
    /// Replaces the whole transcript of a room's attempt in one transaction; creates the call if needed. An
    /// empty field of `call` leaves what is stored.
    virtual Result<Call> save_transcript(const Call& call, const std::vector<Turn>& turns) = 0;

    virtual Result<std::vector<Call>> list(const CallFilter& filter) = 0;
    /// `id_or_room`: a room's name (its latest attempt), else a call's number. A room named "7" hides call 7:
    /// its own number leads to that one, but nothing else would lead to the room. NotFound.
    virtual Result<Call> find(const std::string& id_or_room) = 0;
    virtual Result<Call> call(std::int64_t id) = 0;
    /// What is known of a call besides its turns (usage, costs, events): "" or a JSON object; replaced as a whole.
    virtual Result<void> save_report(std::int64_t call_id, const std::string& report_json) = 0;
    virtual Result<std::string> report(std::int64_t call_id) = 0;

    /// True: the user has fewer than `most` other places that run past `now`, and this one is taken until `until`.
    /// One transaction: of two who ask for the last place one gets it. Asked again for the same job it is the same place.
    virtual Result<bool> take_lease(const Lease& lease, int most, SystemTime now, SystemTime until) = 0;
    /// Of calls that go on, also when their places had run out.
    virtual Result<void> renew_leases(const std::vector<Lease>& leases, SystemTime until) = 0;
    virtual Result<void> end_lease(const std::string& job_id) = 0;

    /// Told again and again by whoever carries calls, by their rooms and jobs, for as long as it does.
    virtual Result<void> carry(const std::vector<std::pair<std::string, std::string>>& rooms_and_jobs, const std::string& carrier, SystemTime until) = 0;
    /// The active calls of an agent that somebody carries or carried.
    virtual Result<std::vector<CarriedCall>> carried(const std::string& agent_name) = 0;
    /// True: nothing has changed since `seen` was read, and the call is `carrier`'s now.
    virtual Result<bool> take_over(const CarriedCall& seen, const std::string& carrier, SystemTime until) = 0;

    /// Those of more than a day before `refusal.at` are forgotten.
    virtual Result<void> save_refusal(const Refusal& refusal) = 0;
    /// Of one dispatch, in order.
    virtual Result<std::vector<Refusal>> refusals(const std::string& dispatch_id) = 0;

    /// In order, one at a time, so that a million turns need no more memory than a hundred. `each` returns
    /// false to stop; no lock is held while it runs, so that a slow reader stops no agent. Conflict when the
    /// transcript is replaced meanwhile.
    virtual Result<void> turns(std::int64_t call_id, const std::function<bool(const Turn&)>& each) = 0;

    /// Insert, or replace the session with that id; a completed one keeps its status and its time.
    virtual Result<void> save_session(const Session& session) = 0;
    virtual Result<Session> find_session(const std::string& id) = 0;
    /// Insert, or give the assignment to another user; sessions that are there stay whose they are.
    virtual Result<void> save_assignment(const Assignment& assignment) = 0;
    /// Conflict: the assignment is another user's. NotFound: there is none.
    virtual Result<void> check_assignment(const Assignment& claimed) = 0;
    /// A new, active session; asked again with the same id it is the one that is there, and so, without an id, for the same
    /// user and assignment as long as that one is active. Conflict: the id
    /// is taken, or the assignment is another user's. NotFound: no such assignment, no such call.
    virtual Result<Session> create_session(const Session& session) = 0;
    /// Completed, now or long since: the first time is kept. The session as stored.
    virtual Result<Session> finalize_session(const std::string& id, SystemTime at) = 0;
    virtual Result<std::vector<Session>> list_sessions(const SessionFilter& filter) = 0;
    /// Conflict when there is one of that kind and it is not to be replaced.
    virtual Result<void> save_assessment(const Assessment& assessment, bool replace) = 0;
    /// NotFound.
    virtual Result<Assessment> find_assessment(std::int64_t call_id, const std::string& kind) = 0;

    /// Of a store with work of its own (spool.h): when catch_up() is to be called, if nothing else is asked before.
    virtual std::optional<TimePoint> due() const { return std::nullopt; }
    virtual void catch_up() {}

    /// Webhook events and what follows from them (store/webhooks.h).
    virtual Webhooks& webhooks() = 0;
};

/// A place as it may be shown: an address without its password and parameters.
std::string shown_place(const std::string& place);
/// True for an address of PostgreSQL; everything else is a path.
bool is_postgres_url(std::string_view place);
/// An address that is understood, as far as that can be told without a connection. Usage.
Result<void> check_address(const std::string& place);
/// An address and its password apart, for a child: arguments can be read by everybody, PGPASSWORD cannot.
struct PlaceWithoutPassword {
    std::string place, password;
};
PlaceWithoutPassword split_password(const std::string& place);
/// $VOICECTL_STORE, else $XDG_STATE_HOME/voicectl/voicectl.db, else ~/.local/state/voicectl/voicectl.db.
std::string default_path();
/// Where voicectl keeps what it remembers: $XDG_STATE_HOME/voicectl, else ~/.local/state/voicectl.
std::string state_folder();
std::string library_version();

/// A Store on a thread of its own, for the loop. Writes are done in order; `done` runs on the loop.
class AsyncStore {
 public:
    AsyncStore(std::unique_ptr<Store> store, Loop& loop);
    ~AsyncStore();  // finishes what is queued
    /// `work` runs on the store's thread; `done` with its result on the loop.
    template<class T>
    void run(std::function<Result<T>(Store&)> work, std::function<void(Result<T>)> done) {
        post([this, work = std::move(work), done = std::move(done)](Store& store) mutable {
            auto result = work(store);
            reply([result = std::move(result), done = std::move(done)]() mutable { done(std::move(result)); });
        });
    }

 private:
    void post(std::function<void(Store&)> task);
    void reply(std::function<void()> task);
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace voicectl::store
