// PostgreSQL that fails under those who write: stopped in the middle of everything, frozen, its connections cut in COMMIT.
// What was acknowledged is there, what was not is there whole or not at all, nothing is there twice.
//
//   VOICECTL_TEST_RESTARTS  how often the server is stopped (scripts/faults: 25, twice)
//   VOICECTL_TEST_FREEZE    for how many seconds it is frozen (scripts/faults: 20, and 40: longer than the store waits)
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "child.h"
#include "cutting_proxy.h"
#include "support/postgres_server.h"
#include "transcripts.h"
#include "voicectl/store/spool.h"

namespace voicectl::store {
namespace {

using test::PostgresServer;

constexpr SystemTime kThen{std::chrono::seconds(1'760'000'000)};

void check_told_clearly(const Error& error) {
    INFO(error.message << " | " << error.hint);
    CHECK((error.code == Errc::Unreachable || error.code == Errc::Timeout));
    CHECK(error.message.find("keeper@127.0.0.1") != std::string::npos);
    CHECK_FALSE(error.hint.empty());
    const auto all = error.message + error.hint;
    for (const auto* part : {"\n", "ss/word", "%40ss", "%2540", ": before or"}) CHECK(all.find(part) == std::string::npos);
}

Call named_call(const std::string& room, const std::string& job) {
    Call call;
    call.room = room;
    call.job_id = job;
    call.agent_name = "ann";
    call.started_at = kThen;
    return call;
}

// As agents do it, on one store: turns of a call that goes on, whole transcripts, calls that begin. Whoever is told of an error
// does the same again until it is done.
class Writers {
 public:
    explicit Writers(const std::string& url) : store_(*Store::open(url)) {
        call_ = store_->begin_call(named_call("live", "AJ_live"))->id;
        start(0, [this](int n) { return store_->save_turn(call_, orders::turn_of(orders::kLive, n)); });
        start(1, [this](int n) { return without_value(save_stamp(*store_, n + 1)); });
        start(2, [this](int n) { return without_value(store_->begin_call(named_call("many", fmt::format("AJ_{}", n)))); });
    }
    ~Writers() { stop(); }

    /// Each of them has been acknowledged something that it began from now on.
    bool go_on() {
        std::unique_lock lock(mutex_);
        const auto before = done_;
        return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return done_[0] > before[0] + 1 && done_[1] > before[1] + 1 && done_[2] > before[2] + 1; });
    }
    bool wait_for_error() {
        std::unique_lock lock(mutex_);
        const auto before = errors_.size();
        return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return errors_.size() > before; });
    }
    int acknowledged() {
        std::lock_guard lock(mutex_);
        return done_[0] + done_[1] + done_[2];
    }
    void stop() {
        {
            std::lock_guard lock(mutex_);
            stopped_ = true;
        }
        changed_.notify_all();
        for (auto& thread : threads_)
            if (thread.joinable()) thread.join();
    }
    const std::vector<Error>& errors() const { return errors_; }

    /// What another store finds, once they have stopped.
    void check(const std::string& url) const {
        const auto store = *Store::open_existing(url);
        int next = 0;
        bool right = true;
        REQUIRE(store->turns(call_, [&](const Turn& turn) { return right = right && turn == orders::turn_of(orders::kLive, next++); }));
        CHECK(right);
        CHECK(next == done_[0]);
        CHECK(stored_stamp(*store) == done_[1]);
        const auto calls = *store->list({.room = "many", .limit = 0});
        CHECK(static_cast<int>(calls.size()) == done_[2]);
        for (const auto& call : calls) CHECK(call.job_id == fmt::format("AJ_{}", call.attempt - 1));
        CHECK(store->list({.room = "live"})->size() == 1);
    }

 private:
    static Result<void> without_value(const Result<Call>& done) {
        if (!done) return std::unexpected(done.error());
        return {};
    }
    void start(std::size_t who, std::function<Result<void>(int)> write) {
        threads_[who] = std::thread([this, who, write = std::move(write)] {
            std::unique_lock lock(mutex_);
            while (!stopped_) {
                const int number = done_[who];
                lock.unlock();
                const auto done = write(number);
                lock.lock();
                if (done) {
                    ++done_[who];
                } else {
                    errors_.push_back(done.error());
                    changed_.notify_all();
                    changed_.wait_for(lock, std::chrono::milliseconds(10), [this] { return stopped_; });
                }
                changed_.notify_all();
            }
        });
    }

    std::unique_ptr<Store> store_;
    std::int64_t call_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::array<int, 3> done_{};
    std::vector<Error> errors_;
    bool stopped_ = false;
    std::array<std::thread, 3> threads_;
};

TEST_CASE("a server that is stopped in the middle of writes and started again has lost nothing and doubled nothing") {
    PostgresServer server;
    const auto url = server.new_database();
    Writers writers(url);
    const auto restarts = number_from("VOICECTL_TEST_RESTARTS", 8);
    for (unsigned i = 0; i < restarts; ++i) {
        REQUIRE(writers.go_on());
        server.stop_immediately();
        REQUIRE(writers.wait_for_error());
        server.start();
    }
    REQUIRE(writers.go_on());
    writers.stop();
    for (const auto& error : writers.errors()) {
        CHECK(error.code == Errc::Unreachable);
        check_told_clearly(error);
    }
    writers.check(url);
    MESSAGE(restarts << " stops: " << writers.acknowledged() << " writes acknowledged, " << writers.errors().size() << " errors told");
}

TEST_CASE("a server that freezes lets writers wait or says so, and has lost nothing and doubled nothing when it goes on") {
    PostgresServer server;
    const auto url = server.new_database();
    Writers writers(url);
    REQUIRE(writers.go_on());
    const std::chrono::seconds freeze(number_from("VOICECTL_TEST_FREEZE", 3));
    const auto begun = std::chrono::steady_clock::now();
    server.signal_all(SIGSTOP);
    const auto opened = Store::open(url + "?connect_timeout=1");
    const auto acknowledged = writers.acknowledged();
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(3));
    std::this_thread::sleep_until(begun + freeze);  // how long it is frozen is what is tested
    CHECK(writers.acknowledged() == acknowledged);
    server.signal_all(SIGCONT);
    REQUIRE(writers.go_on());
    writers.stop();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("no answer within 1 s") != std::string::npos);
    check_told_clearly(opened.error());
    for (const auto& error : writers.errors()) check_told_clearly(error);
    if (freeze < std::chrono::seconds(5)) CHECK(writers.errors().empty());
    writers.check(url);
    MESSAGE("frozen " << freeze.count() << " s: " << writers.acknowledged() << " writes acknowledged, " << writers.errors().size() << " errors told");
}

// All that is stored but for numbers which the database gives, once whoever still works there has ended.
std::string content(PostgresServer& server, const std::string& url, const std::string& afterwards = {}) {
    return server.sql(
        "DO $$ BEGIN FOR i IN 1..2000 LOOP IF NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' AND state <> 'idle') THEN EXIT; END IF; PERFORM pg_stat_clear_snapshot(); PERFORM pg_sleep(0.005); END LOOP; END $$;"
        "SET search_path TO voicectl; "
        "SELECT concat_ws(' & ', 'call', room, attempt, job_id, status, reason, ended_at, report_json) FROM calls ORDER BY room, attempt; "
        "SELECT concat_ws(' & ', 'turn', room, attempt, sequence, identity, md5(text)) FROM turns JOIN calls ON id = call_id ORDER BY room, attempt, sequence; "
        "SELECT concat_ws(' & ', 'session', sessions.id, room, user_id, sessions.status) FROM sessions LEFT JOIN calls ON calls.id = call_id ORDER BY 1; "
        "SELECT concat_ws(' & ', 'lease', job_id, user_id, until) FROM leases ORDER BY 1; "
        "SELECT concat_ws(' & ', 'refusal', dispatch_id, job_id, at) FROM refusals ORDER BY 1; "
        "SELECT concat_ws(' & ', 'carrier', room, carrier, until) FROM carriers JOIN calls ON id = call_id ORDER BY 1; " + afterwards,
        url.substr(url.rfind('/') + 1));
}

struct Write {
    std::string name;
    std::function<Result<void>(Store&, std::int64_t call)> run;
    bool may_be_repeated = true;
};

template<class Value>
Result<void> whether(const Result<Value>& done) {
    if (!done) return std::unexpected(done.error());
    if constexpr (std::same_as<Value, bool>)
        if (!*done) return fail(Errc::Other, "refused");
    return {};
}

std::vector<Write> all_writes() {
    const auto later = kThen + std::chrono::seconds(20);
    return {
        {"begin_call", [](Store& store, std::int64_t) { return whether(store.begin_call(named_call("demo", "AJ_2"))); }},
        {"begin_call without a job", [](Store& store, std::int64_t) { return whether(store.begin_call(named_call("demo", ""))); }, false},
        {"save_turn", [](Store& store, std::int64_t call) { return store.save_turn(call, orders::turn_of(1, 1)); }},
        {"save_transcript", [](Store& store, std::int64_t) { return whether(save_stamp(store, 13)); }},
        {"save_report", [](Store& store, std::int64_t call) { return store.save_report(call, "{}"); }},
        {"end_call", [](Store& store, std::int64_t call) { return store.end_call(call, "completed", "goodbye", kThen); }},
        {"save_session", [](Store& store, std::int64_t call) { return store.save_session({.id = "S", .call_id = call, .user_id = "bob", .status = "active"}); }},
        {"take_lease", [later](Store& store, std::int64_t) { return whether(store.take_lease({"AJ_2", "bob"}, 1, kThen, later)); }},
        {"end_lease", [](Store& store, std::int64_t) { return store.end_lease("AJ_1"); }},
        {"carry", [later](Store& store, std::int64_t) { return store.carry({{"demo", "AJ_1"}}, "host-1", later); }},
        {"take_over", [later](Store& store, std::int64_t call) {
             CarriedCall seen{.carrier = "host-1", .until = kThen};
             seen.call.id = call;
             return whether(store.take_over(seen, "host-2", later));
         }},
        {"save_refusal", [](Store& store, std::int64_t) { return store.save_refusal({"AD_1", "AJ_1", "demo", "ann", "full", kThen}); }},
    };
}

/// A call with a turn, a place and a carrier.
std::int64_t prepare(Store& store) {
    const auto call = *store.begin_call(named_call("demo", "AJ_1"));
    REQUIRE(store.save_turn(call.id, orders::turn_of(1, 0)));
    REQUIRE(store.take_lease({"AJ_1", "ann"}, 1, kThen, kThen + std::chrono::seconds(9)));
    REQUIRE(store.carry({{"demo", "AJ_1"}}, "host-1", kThen));
    return call.id;
}

constexpr const char* kEmpty = "TRUNCATE calls, turns, sessions, leases, refusals, carriers, assessments, assignments";

void check_cut_writes(PostgresServer& server, CuttingProxy& proxy, const std::string& url, const Write& write) {
    const auto direct = *Store::open(url), through = *Store::open(proxy.url(url));
    prepare(*direct);
    const auto before = content(server, url, kEmpty);
    REQUIRE(write.run(*direct, prepare(*direct)));
    const auto after = content(server, url, kEmpty);
    REQUIRE(before != after);
    for (const auto where : {Cut::Before, Cut::Behind, Cut::Answered})
        for (const int times : {1, 2}) {
            INFO(write.name << ", place " << static_cast<int>(where) << ", cut " << times << " times");
            const auto call = prepare(*direct);
            const int earlier = proxy.cuts();
            proxy.cut(where, times);
            const auto done = write.run(*through, call);
            proxy.cut(where, 0);
            CHECK(proxy.cuts() - earlier == (write.may_be_repeated ? times : 1));
            CHECK(done.has_value() == (write.may_be_repeated && times == 1));  // the store has done it again itself
            if (!done) {
                check_told_clearly(done.error());
                CHECK(done.error().message.find("whether it is kept is not known") != std::string::npos);
            }
            const bool again = !done && write.may_be_repeated;
            const auto found = content(server, url, again ? "" : kEmpty);
            if (done || where == Cut::Answered) CHECK(found == after);
            else if (where == Cut::Before) CHECK(found == before);
            else CHECK((found == before || found == after));
            if (!again) continue;
            CHECK(write.run(*through, call));
            CHECK(content(server, url, kEmpty) == after);
        }
}

TEST_CASE("a connection that is cut in COMMIT loses nothing that was acknowledged, and the store's own repeat doubles nothing") {
    auto& server = PostgresServer::shared();
    const auto url = server.new_database();
    CuttingProxy proxy(server.port());
    for (const auto& write : all_writes()) check_cut_writes(server, proxy, url, write);
}

struct SpoolCut {
    Cut where = Cut::Before;
    int times = 0, skip = 0;
};

void write_while_down(Store& store, PostgresServer& server, const std::function<int()>& files) {
    const auto call = *store.begin_call(named_call("demo", "AJ_1"));
    for (int i = 0; i < 3; ++i) REQUIRE(store.save_turn(call.id, orders::turn_of(1, i)));
    server.stop_immediately();
    for (int i = 3; i < 6; ++i) REQUIRE(store.save_turn(call.id, orders::turn_of(1, i)));
    const auto second = *store.begin_call(named_call("demo", "AJ_2"));
    for (int i = 0; i < 2; ++i) REQUIRE(store.save_turn(second.id, orders::turn_of(2, i)));
    REQUIRE(store.save_report(call.id, "{}"));
    REQUIRE(store.end_call(call.id, "completed", "goodbye", kThen));
    CHECK(files() == 1);
    const auto refused = store.list({});
    REQUIRE_FALSE(refused);
    check_told_clearly(refused.error());
}

TEST_CASE("what waits while PostgreSQL is down is stored once, also when the connection is cut while it is stored") {
    PostgresServer server;
    CuttingProxy proxy(server.port());
    std::string expected;
    // The store does again itself what was cut once; the third write to be stored is the second call's beginning.
    for (const auto& [where, times, skip] : {SpoolCut{}, SpoolCut{Cut::Before, 2, 0}, SpoolCut{Cut::Behind, 2, 1}, SpoolCut{Cut::Answered, 2, 3}, SpoolCut{Cut::Answered, 4, 5}}) {
        INFO("place " << static_cast<int>(where) << ", " << times << " times after " << skip);
        test::TempFolder folder;
        const auto url = server.new_database();
        auto now = Clock::now();
        const auto store = *open_spooled([&] { return Store::open(proxy.url(url)); }, {.folder = folder.file("spool"), .now = [&] { return now; }});
        write_while_down(*store, server, [&] { return spool_state(folder.file("spool")).files; });
        server.start();
        const int earlier = proxy.cuts();
        proxy.cut(where, times, skip);
        for (int tries = 0; tries < 1 + times / 2; ++tries) {
            CHECK(store->due());
            now += std::chrono::minutes(1);
            store->catch_up();
        }
        CHECK(proxy.cuts() - earlier == times);
        CHECK_FALSE(store->due());
        const auto left = spool_state(folder.file("spool"));
        CHECK(left.files == 0);
        CHECK(left.rejected_bytes == 0);
        const auto found = content(server, url);
        if (expected.empty()) {
            expected = found;
            const auto direct = *Store::open_existing(url);
            CHECK(direct->find("demo")->attempt == 2);
            CHECK(direct->find("demo")->turns == 2);
            CHECK(direct->list({.limit = 0})->size() == 2);
            CHECK(direct->list({.limit = 0})->back().turns == 6);
        }
        CHECK(found == expected);
    }
}

}  // namespace
}  // namespace voicectl::store
