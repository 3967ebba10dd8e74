// What only PostgreSQL has: connections that come and go, refusals, a pool.
#include <atomic>
#include <thread>

#include "core/store/pool.h"
#include "engines.h"

namespace voicectl::store {
namespace {

using test::PostgresServer;

PostgresAddress address_of(const std::string& url) {
    auto address = PostgresAddress::parse(url);
    REQUIRE(address);
    return *address;
}

std::unique_ptr<Pool> pool_of(const std::string& url, PoolSettings settings) {
    return std::make_unique<Pool>(address_of(url), PostgresDatabase::Access::ReadWrite, settings);
}

int pid_of(const Connections::Lent& lent) { return static_cast<PostgresDatabase&>(*lent).backend_pid(); }

std::string connections_to(const std::string& url) {
    const auto database = url.substr(url.rfind('/') + 1);
    return PostgresServer::shared().sql(fmt::format("SELECT count(*) FROM pg_stat_activity WHERE datname = '{}'", database));
}

void end_connections_to(const std::string& url) {
    const auto database = url.substr(url.rfind('/') + 1);
    PostgresServer::shared().sql(fmt::format("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{}'", database));
}

void check_error(const Result<std::unique_ptr<Store>>& store, Errc code, std::string_view says, std::string_view hint) {
    REQUIRE_FALSE(store);
    const auto& error = store.error();
    CHECK_MESSAGE(error.code == code, error.message);
    CHECK_MESSAGE(error.message.find(says) != std::string::npos, error.message);
    CHECK_MESSAGE(error.hint.find(hint) != std::string::npos, error.hint);
    for (const auto* part : {"ss/word", "%40ss", "%2540", "Sesame"}) {
        CHECK_MESSAGE(error.message.find(part) == std::string::npos, error.message);
        CHECK_MESSAGE(error.hint.find(part) == std::string::npos, error.hint);
    }
    CHECK(error.message.find('\n') == std::string::npos);
}

TEST_CASE("refusals of PostgreSQL say what to do, and never the password") {
    auto& server = PostgresServer::shared();
    check_error(Store::open(server.url("nowhere")), Errc::NotFound, "nowhere", "createdb");
    check_error(Store::open(server.url("postgres", "Sesame")), Errc::Auth, "password", "pg_hba.conf");
    check_error(Store::open(fmt::format("postgres://{}@127.0.0.1:{}/postgres", PostgresServer::kUser, server.port())), Errc::Auth, "wants a password", "PGPASSWORD");
    check_error(Store::open(fmt::format("postgres://keeper:Sesame@127.0.0.1:{}/postgres", test::free_port())), Errc::Unreachable, "refused", "pg_isready");
    check_error(Store::open("postgres://keeper:Sesame@nowhere.invalid/postgres"), Errc::Unreachable, "nowhere.invalid", "pg_isready");
    check_error(Store::open("postgres://keeper:Sesame@/x?host=/nonexistent"), Errc::Unreachable, "No such file", "pg_isready");
}

TEST_CASE("addresses that are not understood are refused without showing what may be a password") {
    for (const auto* url : {"postgres://ann:Sesame/word@host/db", "postgres://ann:Ses@Sesame@host/db", "postgres://ann:Sesame?x@host/db",
                            "postgres://ann:Sesame%zz@host/db", "postgres://ann:Sesame@host/db?colour=Sesame", "postgres://ann:Sesame@host:port/db",
                            "postgres://ann:Sesame", "postgres://ann:x@host/db?password=Sesame%zz", "postgres://ann:Sesame@[::1/db"}) {
        CAPTURE(url);
        check_error(Store::open(url), Errc::Usage, "postgres://", "postgres://USER");
        CHECK(shown_place(url).find("Sesame") == std::string::npos);
    }
    check_error(Store::open("mysql://ann:Sesame@host/db"), Errc::Usage, "mysql://ann@host/db", "postgres://");
    CHECK(shown_place("postgres://ann:Sesame@host:5432/db?password=Sesame") == "postgres://ann@host:5432/db");
    CHECK(shown_place("postgres:///db") == "postgres:///db");
    CHECK(shown_place("/a/file.db") == "/a/file.db");
    CHECK(shown_place("postgres://a1:5432,a2:5433/db") == "postgres://a1:5432,a2:5433/db");
}

TEST_CASE("a server that takes connections and says nothing is given up after connect_timeout") {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener, 5) == 0);
    REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    check_error(Store::open(fmt::format("postgres://keeper:Sesame@127.0.0.1:{}/x?connect_timeout=1", ntohs(address.sin_port))), Errc::Unreachable, "no answer within 1 s", "pg_isready");
    // Of several hosts the next one is tried.
    auto& server = PostgresServer::shared();
    auto place = server.new_database();
    place.replace(place.find("127.0.0.1"), 9, fmt::format("127.0.0.1:{},127.0.0.1", ntohs(address.sin_port)));
    CHECK(Store::open(place + "?connect_timeout=1"));
    close(listener);
}

TEST_CASE("a newer schema, another program's schema and an encoding that holds too little are refused") {
    auto& server = PostgresServer::shared();
    const auto url = server.new_database();
    const auto name = url.substr(url.rfind('/') + 1);
    opened(url);
    server.sql("INSERT INTO voicectl.schema_version (version) VALUES (99)", name);
    check_error(Store::open(url), Errc::Conflict, "schema version 99", "newer voicectl");
    check_error(Store::open_existing(url), Errc::Conflict, "schema version 99", "newer voicectl");
    server.sql("DROP TABLE voicectl.schema_version", name);
    check_error(Store::open(url), Errc::Usage, "another program", "--store");
    server.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C' LOCALE_PROVIDER libc");
    check_error(Store::open(server.url("latin")), Errc::Config, "LATIN1", "--encoding=UTF8");
}

TEST_CASE("a database of the first schema is brought up, with its calls, by a reader too") {
    auto& server = PostgresServer::shared();
    for (auto* open : {&Store::open, &Store::open_existing}) {
        const auto url = server.new_database();
        const auto name = url.substr(url.rfind('/') + 1);
        REQUIRE(opened(url)->begin_call(sample_call("demo", "AJ_1")));
        server.sql("SET search_path TO voicectl; DROP TABLE carriers, leases, refusals, webhook_events, webhook_parts, recordings, webhook_deliveries, "
                   "webhook_forwards, assessments, assignments; DROP INDEX sessions_by_start, sessions_by_user, sessions_by_call; "
                   "ALTER TABLE sessions DROP COLUMN assignment_id; ALTER TABLE calls DROP COLUMN report_json; DELETE FROM schema_version WHERE version > 1", name);
        const auto store = open(url);
        REQUIRE(store);
        CHECK((*store)->list({}).value_or(std::vector<Call>{}).size() == 1);
        CHECK((*store)->report(1).value_or("none") == "");
        CHECK((*store)->carried("receptionist").has_value());
        CHECK(server.sql("SELECT string_agg(version::text, ',' ORDER BY version) FROM voicectl.schema_version", name) == "1,2,3,4,5,6");
    }
}

TEST_CASE("turns go with a call that somebody deletes by hand") {
    auto& server = PostgresServer::shared();
    const auto url = server.new_database();
    const auto name = url.substr(url.rfind('/') + 1);
    const auto store = opened(url);
    for (const auto* room : {"one", "two"}) REQUIRE(store->save_transcript(sample_call(room, "AJ_1"), {sample_turn(0), sample_turn(1)}));
    server.sql("DELETE FROM voicectl.calls WHERE room = 'one'", name);
    CHECK(server.sql("SELECT count(*) FROM voicectl.turns", name) == "2");
    CHECK(all_turns(*store, store->find("two")->id).size() == 2);
}

TEST_CASE("another program's tables of the same names are left alone") {
    auto& server = PostgresServer::shared();
    const auto url = server.new_database();
    const auto name = url.substr(url.rfind('/') + 1);
    server.sql("CREATE TABLE calls (number text); CREATE TABLE sessions (x int)", name);
    REQUIRE(opened(url)->begin_call(sample_call("demo", "AJ_1")));
    CHECK(server.sql("SELECT count(*) FROM public.calls", name) == "0");
    CHECK(server.sql("SELECT room FROM voicectl.calls", name) == "demo");
}

TEST_CASE("a user who may not write is told so") {
    auto& server = PostgresServer::shared();
    const auto url = server.new_database();
    const auto name = url.substr(url.rfind('/') + 1);
    server.sql("CREATE ROLE guest LOGIN PASSWORD 'Sesame'");
    const auto as_guest = fmt::format("postgres://guest:Sesame@127.0.0.1:{}/{}", server.port(), name);
    check_error(Store::open(as_guest), Errc::Auth, "permission denied", "CREATE SCHEMA voicectl AUTHORIZATION");
}

TEST_CASE("connections that the server ended are replaced before they are used, and when asking first is off, after") {
    for (const bool ping : {true, false}) {
        const auto url = PostgresServer::shared().new_database();
        setenv("DB_POOL_PRE_PING", ping ? "true" : "false", 1);
        auto store = opened(url);
        unsetenv("DB_POOL_PRE_PING");
        const auto call = store->begin_call(sample_call("demo", "AJ_1"));
        REQUIRE(call);
        end_connections_to(url);
        CHECK(store->save_turn(call->id, sample_turn(0)));
        end_connections_to(url);
        CHECK(all_turns(*store, call->id).size() == 1);
        end_connections_to(url);
        CHECK(store->begin_call(sample_call("demo", ""))->attempt == 2);
    }
}

TEST_CASE("after one lost connection the other idle ones are not trusted either") {
    auto& server = PostgresServer::shared();
    const auto url = server.new_database();
    setenv("DB_POOL_PRE_PING", "false", 1);
    auto store = opened(url);
    unsetenv("DB_POOL_PRE_PING");
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    {  // Two at once, so that two lie idle afterwards.
        const auto blocker = PostgresDatabase::connect(address_of(url), PostgresDatabase::Access::ReadWrite);
        blocker->begin(Mode::Write, Lock::call(call.id));
        Result<void> saved;
        std::thread writer([&] { saved = store->save_turn(call.id, sample_turn(0)); });
        server.sql("DO $$ BEGIN FOR i IN 1..2000 LOOP IF EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'advisory') THEN EXIT; END IF; "
                   "PERFORM pg_stat_clear_snapshot(); PERFORM pg_sleep(0.005); END LOOP; END $$");
        CHECK(store->list({})->size() == 1);
        blocker->rollback();
        writer.join();
        CHECK(saved);
    }
    CHECK(connections_to(url) == "2");
    end_connections_to(url);
    CHECK(store->save_turn(call.id, sample_turn(1)));
}

TEST_CASE("a server that stops is unreachable, and the store goes on when it is back") {
    PostgresServer server;
    const auto url = server.new_database();
    auto store = opened(url);
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    server.stop();
    const auto refused = store->save_turn(call.id, sample_turn(0));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Unreachable);
    CHECK(refused.error().message.find("keeper@127.0.0.1") != std::string::npos);
    CHECK_FALSE(refused.error().hint.empty());
    CHECK(store->list({}).error().code == Errc::Unreachable);
    server.start();
    CHECK(store->save_turn(call.id, sample_turn(0)));
    CHECK(all_turns(*store, call.id).size() == 1);
}

TEST_CASE("the pool keeps some connections, lends more, and then lets wait") {
    const auto url = PostgresServer::shared().new_database();
    const auto pool = pool_of(url, {.size = 2, .overflow = 1, .patience = std::chrono::seconds(1)});
    std::vector<Connections::Lent> lent;
    for (int i = 0; i < 3; ++i) lent.push_back(pool->lend());
    CHECK(connections_to(url) == "3");
    try {
        pool->lend();
        FAIL("a fourth was lent");
    } catch (const Failure& failure) {
        CHECK(failure.error.code == Errc::Unreachable);
        CHECK(failure.error.message.find("all 3 connections") != std::string::npos);
        CHECK(failure.error.hint.find("DB_POOL_SIZE") != std::string::npos);
    }
    lent.clear();
    const auto one = pool->lend(), two = pool->lend();
    CHECK(connections_to(url) == "2");  // the third was closed when it came back
}

TEST_CASE("who waits for a connection gets the one that is given back") {
    const auto url = PostgresServer::shared().new_database();
    const auto pool = pool_of(url, {.size = 1, .overflow = 0});
    auto lent = pool->lend();
    const int pid = pid_of(lent);
    std::atomic<int> got = 0;
    std::thread waiter([&] { got = pid_of(pool->lend()); });
    lent.reset();
    waiter.join();
    CHECK(got == pid);
}

TEST_CASE("a connection is used again, an old one and a broken one are replaced") {
    const auto url = PostgresServer::shared().new_database();
    const auto pool = pool_of(url, {.size = 2, .overflow = 0});
    const int first = pid_of(pool->lend());
    CHECK(pid_of(pool->lend()) == first);
    end_connections_to(url);
    CHECK(pid_of(pool->lend()) != first);

    const auto impatient = pool_of(url, {.size = 2, .overflow = 0, .recycle = std::chrono::seconds(0)});
    const int before = pid_of(impatient->lend());
    CHECK(pid_of(impatient->lend()) != before);
    const auto keeps = pool_of(url, {.size = 2, .overflow = 0, .recycle = std::chrono::seconds(-1)});
    const int kept = pid_of(keeps->lend());
    CHECK(pid_of(keeps->lend()) == kept);
}

TEST_CASE("a place is free again when a connection cannot be made") {
    const auto pool = pool_of(fmt::format("postgres://keeper:Sesame@127.0.0.1:{}/x", test::free_port()), {.size = 1, .overflow = 0});
    for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(pool->lend(), Failure);
}

TEST_CASE("the pool's variables are read, and refused when they make no sense") {
    setenv("DB_POOL_SIZE", "3", 1);
    setenv("DB_MAX_OVERFLOW", "0", 1);
    setenv("DB_POOL_RECYCLE", "-1", 1);
    setenv("DB_POOL_PRE_PING", "False", 1);
    const auto settings = PoolSettings::from_environment();
    REQUIRE(settings);
    CHECK(settings->size == 3);
    CHECK(settings->overflow == 0);
    CHECK(settings->recycle.count() == -1);
    CHECK_FALSE(settings->pre_ping);
    for (const auto& [name, bad] : {std::pair{"DB_POOL_SIZE", "0"}, {"DB_POOL_SIZE", "ten"}, {"DB_MAX_OVERFLOW", "-1"}, {"DB_POOL_PRE_PING", "maybe"}}) {
        setenv(name, bad, 1);
        const auto refused = PoolSettings::from_environment();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::Config);
        CHECK(refused.error().message.find(name) != std::string::npos);
        unsetenv(name);
    }
    for (const auto* name : {"DB_POOL_SIZE", "DB_MAX_OVERFLOW", "DB_POOL_RECYCLE", "DB_POOL_PRE_PING"}) unsetenv(name);
    CHECK(PoolSettings::from_environment()->size == 10);
}

TEST_CASE("one store serves many threads") {
    auto store = opened(PostgresServer::shared().new_database());
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            const auto call = store->begin_call(sample_call("room " + std::to_string(i), "AJ_1"));
            for (int turn = 0; call && turn < 20; ++turn)
                if (!store->save_turn(call->id, sample_turn(turn))) ++failed;
            if (!call || store->find("room " + std::to_string(i))->turns != 20) ++failed;
        });
    for (auto& thread : threads) thread.join();
    CHECK(failed == 0);
}

// The answer to COMMIT is lost: a server process that ends when it has committed and before it says so cannot be had
// on order, but one that waits for a standby can (synchronous_standby_names): ended there, it has committed locally.
TEST_CASE("a write whose COMMIT lost its connection is done again, one that could double is told as uncertain") {
    PostgresServer server;
    const auto url = server.new_database();
    const auto store = opened(url);
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    server.sql("ALTER SYSTEM SET synchronous_commit TO 'local'");  // of all but those who ask for more
    const auto with_waiting_commits = [&] {
        server.sql("ALTER SYSTEM SET synchronous_standby_names TO 'nobody'");
        server.stop();
        server.start();
        return opened(url + "?options=-csynchronous_commit%3Don");
    };
    const auto end_one_in_commit = [&] {
        server.sql("DO $$ BEGIN FOR i IN 1..2000 LOOP IF EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep') THEN EXIT; END IF; "
                   "PERFORM pg_stat_clear_snapshot(); PERFORM pg_sleep(0.005); END LOOP; END $$");
        CHECK(server.sql("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1");
        server.sql("ALTER SYSTEM RESET synchronous_standby_names");
        server.sql("SELECT pg_reload_conf()");
    };
    Result<Call> saved, begun;
    {
        const auto waits = with_waiting_commits();
        std::thread writer([&] { saved = waits->save_transcript(sample_call("demo", "AJ_1"), {sample_turn(0), sample_turn(1)}); });
        end_one_in_commit();
        writer.join();
    }
    CHECK_MESSAGE(saved.has_value(), (saved ? "" : saved.error().message));
    CHECK(all_turns(*store, call.id).size() == 2);
    {
        const auto waits = with_waiting_commits();
        std::thread beginner([&] { begun = waits->begin_call(sample_call("other", "")); });
        end_one_in_commit();
        beginner.join();
    }
    REQUIRE_FALSE(begun);
    CHECK(begun.error().code == Errc::Unreachable);
    CHECK(begun.error().message.find("whether it is kept is not known") != std::string::npos);
    CHECK(begun.error().hint.find("job id") != std::string::npos);
    CHECK(store->list({.room = "other"})->size() == 1);  // it was kept: done again it would be there twice
}

}  // namespace
}  // namespace voicectl::store
