#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "samples.h"
#include "support/temp_folder.h"
#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

int mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return static_cast<int>(status.st_mode & 0777);
}

void run_sql(const std::string& path, const char* sql) {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
    const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
    sqlite3_close(database);
    REQUIRE(code == SQLITE_OK);
}

void check_untouched(const std::string& path, Errc code, std::string_view says) {
    const auto before = *read_file(path);
    for (auto* open : {&Store::open, &Store::open_existing}) {
        const auto store = open(path);
        REQUIRE_FALSE(store);
        CHECK(store.error().code == code);
        CHECK_MESSAGE(store.error().message.find(says) != std::string::npos, store.error().message);
        CHECK(store.error().message.find(path) != std::string::npos);
        CHECK_FALSE(store.error().hint.empty());
    }
    CHECK(*read_file(path) == before);
}

TEST_CASE("file and folders are made for their owner alone") {
    test::TempFolder folder;
    const auto path = folder.file("a/b/voicectl.db");
    const auto store = opened(path);
    CHECK(mode_of(path) == 0600);
    CHECK(mode_of(folder.file("a/b")) == 0700);
    CHECK(mode_of(folder.file("a")) == 0700);
}

TEST_CASE("a file that was there keeps its mode and its calls") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    REQUIRE(opened(path)->begin_call(sample_call("demo", "AJ_1")));
    chmod(path.c_str(), 0640);
    CHECK(opened(path)->list({})->size() == 1);
    CHECK(mode_of(path) == 0640);
}

TEST_CASE("reading what is not there makes nothing") {
    test::TempFolder folder;
    const auto path = folder.file("x/s.db");
    CHECK(Store::open_existing(path).error().code == Errc::NotFound);
    CHECK_FALSE(std::filesystem::exists(folder.file("x")));
    REQUIRE(write_file_atomically(folder.file("empty.db"), ""));
    CHECK(Store::open_existing(folder.file("empty.db")).error().code == Errc::NotFound);
    CHECK(std::filesystem::file_size(folder.file("empty.db")) == 0);
    CHECK(Store::open("").error().code == Errc::Usage);
}

TEST_CASE("a store of the first schema is brought up, with its calls") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    REQUIRE(opened(path)->begin_call(sample_call("demo", "AJ_1")));
    run_sql(path, "DROP TABLE webhook_events; DROP TABLE webhook_parts; DROP TABLE recordings; DROP TABLE webhook_deliveries; DROP TABLE webhook_forwards;"
                  "DROP TABLE assessments; DROP TABLE assignments; DROP INDEX sessions_by_start; DROP INDEX sessions_by_user; DROP INDEX sessions_by_call;"
                  "ALTER TABLE sessions DROP COLUMN assignment_id;"
                  "DROP TABLE carriers; DROP TABLE leases; DROP TABLE refusals; ALTER TABLE calls DROP COLUMN report_json; PRAGMA user_version = 1");
    const auto store = opened(path);
    REQUIRE(store->list({})->size() == 1);
    const auto call = store->list({})->front();
    CHECK(call.room == "demo");
    CHECK(store->save_report(call.id, "{}"));
    CHECK(store->take_lease({"AJ_1", "ann"}, 1, at_second(0), at_second(20)) == true);
}

TEST_CASE("a newer schema is refused and not touched") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    REQUIRE(opened(path)->begin_call(sample_call("demo", "AJ_1")));
    run_sql(path, "PRAGMA user_version = 99");
    check_untouched(path, Errc::Conflict, "schema version 99");
    run_sql(path, "PRAGMA journal_mode = WAL");
    check_untouched(path, Errc::Conflict, "schema version 99");
}

TEST_CASE("another program's database is refused and not touched") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    run_sql(path, "CREATE TABLE calls (number TEXT)");
    check_untouched(path, Errc::Usage, "another program");
    run_sql(path, "PRAGMA user_version = 1");
    check_untouched(path, Errc::Usage, "another program");
}

TEST_CASE("what is no database is refused and not touched") {
    test::TempFolder folder;
    const auto path = folder.file("notes.txt");
    REQUIRE(write_file_atomically(path, std::string(5000, 'x')));
    check_untouched(path, Errc::Usage, "is not a SQLite database");
}

TEST_CASE("a damaged store says so") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    std::vector<Turn> turns;
    for (int i = 0; i < 500; ++i) turns.push_back(sample_turn(i));
    REQUIRE(opened(path)->save_transcript(sample_call("demo", "AJ_1"), turns));
    auto bytes = *read_file(path);
    for (std::size_t at = bytes.size() - 4096 * 8; at < bytes.size(); ++at) bytes[at] = 'x';
    REQUIRE(write_file_atomically(path, bytes));
    auto reader = Store::open_existing(path);
    REQUIRE(reader);
    const auto read = (*reader)->turns(1, [](const Turn&) { return true; });
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::Io);
    CHECK(read.error().message.find("is damaged") != std::string::npos);
}

TEST_CASE("a folder or an impossible place is an error of the file system") {
    test::TempFolder folder;
    CHECK(Store::open(folder.path()).error().code == Errc::Io);
    CHECK(Store::open("/proc/nowhere/s.db").error().code == Errc::Io);
}

TEST_CASE("names that SQLite would take for something else are files") {
    test::TempFolder folder;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    for (const auto* name : {":memory:", "file:s.db?mode=memory", "with space & 'quote'.db"}) {
        CHECK(Store::open(name));
        CHECK(std::filesystem::file_size(name) > 0);
    }
    std::filesystem::current_path(before);
}

TEST_CASE("a full disk is an error with a hint, and the store goes on when there is room") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    auto store = opened(path);
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    // The size limit of this process stands in for a full disk.
    rlimit old{};
    getrlimit(RLIMIT_FSIZE, &old);
    auto small = old;
    small.rlim_cur = std::filesystem::file_size(path);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const auto refused = store->save_turn(call.id, sample_turn(0, std::string(100'000, 'x')));
    setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Io);
    CHECK(store->save_turn(call.id, sample_turn(0)));
    CHECK(all_turns(*store, call.id).size() == 1);
}

TEST_CASE("the default path follows VOICECTL_STORE, XDG_STATE_HOME and HOME") {
    const auto keep = [](const char* name) { return std::pair{name, std::string(std::getenv(name) ? std::getenv(name) : "")}; };
    const std::vector saved{keep("VOICECTL_STORE"), keep("XDG_STATE_HOME"), keep("HOME")};
    unsetenv("VOICECTL_STORE");
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", "/home/ann", 1);
    CHECK(default_path() == "/home/ann/.local/state/voicectl/voicectl.db");
    setenv("XDG_STATE_HOME", "relative", 1);
    CHECK(default_path() == "/home/ann/.local/state/voicectl/voicectl.db");
    setenv("XDG_STATE_HOME", "/state", 1);
    CHECK(default_path() == "/state/voicectl/voicectl.db");
    setenv("VOICECTL_STORE", "/data/calls.db", 1);
    CHECK(default_path() == "/data/calls.db");
    for (const auto& [name, value] : saved) value.empty() ? unsetenv(name) : setenv(name, value.c_str(), 1);
}

}  // namespace
}  // namespace voicectl::store
