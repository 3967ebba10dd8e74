// What a file system and other programs do to a store's file: taken away, locked, full, not to be written, put into another
// journal mode. Nothing acknowledged goes missing, and whoever asked is told in one line.
#include <sys/mount.h>

#include <csignal>
#include <fstream>

#include "engines.h"
#include "transcripts.h"

namespace voicectl::store {
namespace {

constexpr uid_t kNobody = 65534;

/// A connection of another program.
class OtherProgram {
 public:
    explicit OtherProgram(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &database_) == SQLITE_OK); }
    ~OtherProgram() { sqlite3_close(database_); }
    OtherProgram(const OtherProgram&) = delete;
    OtherProgram& operator=(const OtherProgram&) = delete;
    /// The first column of the first row.
    std::string run(const char* sql) {
        std::string answer;
        const int code = sqlite3_exec(
            database_, sql,
            [](void* out, int, char** columns, char**) {
                *static_cast<std::string*>(out) = columns[0] != nullptr ? columns[0] : "";
                return 0;
            },
            &answer, nullptr);
        CHECK_MESSAGE(code == SQLITE_OK, std::string(sql));
        return answer;
    }

 private:
    sqlite3* database_ = nullptr;
};

/// A tmpfs of a size; not mounted when we may not.
class SmallDisk {
 public:
    SmallDisk(const std::string& path, const char* options) : path_(path) {
        std::filesystem::create_directory(path_);
        mounted_ = mount("voicectl-test", path_.c_str(), "tmpfs", 0, options) == 0;
        if (!mounted_) MESSAGE("SKIPPED: mounting needs root");
    }
    ~SmallDisk() {
        if (mounted_) umount2(path_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    bool mounted() const { return mounted_; }
    void make_read_only() const { REQUIRE(mount("voicectl-test", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0); }
    std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
    std::string path_;
    bool mounted_ = false;
};

void check_one_line(const std::string& said, const std::string& path) {
    INFO(said);
    CHECK(said.find(path) != std::string::npos);
    CHECK(said.find('\n') == std::string::npos);
    CHECK_FALSE(said.ends_with("| "));
}

Error error_of(const Result<Call>& saved) {
    REQUIRE_FALSE(saved);
    return saved.error();
}

TEST_CASE("child: saves and saves again when it is told" * doctest::skip()) {
    if (!variable("VC_TEST_NOBODY").empty() && (setresgid(kNobody, kNobody, kNobody) != 0 || setresuid(kNobody, kNobody, kNobody) != 0)) std::abort();
    const auto store = Store::open(variable("VC_TEST_PATH"));
    acknowledge(store ? outcome(save_stamp(**store, 13), 13) : outcome(std::unexpected(store.error()), 13));
    if (!store) return;
    if (const int stamp = stored_stamp(**store); stamp > 0) acknowledge(fmt::format("reads {}", stamp));
    if (variable("VC_TEST_GO").empty()) return;
    std::ifstream go(variable("VC_TEST_GO"));  // a pipe: opened when somebody writes
    acknowledge("again " + outcome(save_stamp(**store, 17), 17));
}

Child saver(const test::TempFolder& folder, const std::string& name, Variables environment) {
    return Child(folder.file(name), "child: saves and saves again when it is told", std::move(environment));
}

TEST_CASE("what may not be written is read, and a save says why not") {
    if (geteuid() != 0) {
        MESSAGE("SKIPPED: becoming somebody without rights needs root");
        return;
    }
    test::TempFolder folder;
    chmod(folder.path().c_str(), 0755);
    for (const bool whole_folder : {false, true}) {
        INFO((whole_folder ? "the folder" : "the file"));
        const auto place = folder.file(whole_folder ? "b" : "a");
        const auto path = place + "/s.db";
        REQUIRE(save_stamp(**Store::open(path), 10));
        chmod(path.c_str(), whole_folder ? 0666 : 0444);
        chmod(place.c_str(), whole_folder ? 0555 : 0777);
        auto child = saver(folder, "lines", {{"VC_TEST_PATH", path}, {"VC_TEST_NOBODY", "1"}});
        child.process().wait_for(std::chrono::seconds(20));
        child.drain();
        REQUIRE(child.lines("error").size() == 1);
        CHECK(child.lines("error").front().starts_with("1 "));
        check_one_line(child.lines("error").front(), path);
        CHECK(stored_stamp(**Store::open_existing(path)) == 10);
        CHECK(integrity(path) == "ok");
    }
}

TEST_CASE("on a disk that became read-only the store is read, and a save says why not") {
    test::TempFolder folder;
    SmallDisk disk(folder.file("disk"), "size=4m");
    if (!disk.mounted()) return;
    const auto path = disk.file("s.db");
    REQUIRE(save_stamp(**Store::open(path), 10));
    disk.make_read_only();
    auto store = Store::open(path);
    const auto error = store ? error_of(save_stamp(**store, 13)) : store.error();
    CHECK(error.code == Errc::Io);
    check_one_line(outcome(std::unexpected(error), 13), path);
    auto reader = Store::open_existing(path);
    REQUIRE(reader);
    CHECK(stored_stamp(**reader) == 10);
}

TEST_CASE("a disk that is full costs the save and nothing else, and with room again the store goes on") {
    test::TempFolder folder;
    SmallDisk disk(folder.file("disk"), "size=800k");  // room for two empty stores
    if (!disk.mounted()) return;
    const auto path = disk.file("s.db");
    auto store = *Store::open(path);
    REQUIRE(save_stamp(*store, 10));
    {
        std::ofstream ballast(disk.file("ballast"));
        const std::string page(4096, 'x');
        while (ballast.write(page.data(), 4096) && ballast.flush()) {
        }
    }
    const auto error = error_of(save_stamp(*store, 13));
    CHECK(error.code == Errc::Io);
    CHECK(error.hint == "free some disk space");
    check_one_line(outcome(std::unexpected(error), 13), path);
    CHECK(stored_stamp(*store) == 10);
    CHECK(stored_stamp(**Store::open_existing(path)) == 10);
    const auto fresh = Store::open(disk.file("other.db"));
    REQUIRE_FALSE(fresh);
    CHECK(fresh.error().code == Errc::Io);
    std::filesystem::remove(disk.file("ballast"));
    CHECK(save_stamp(*store, 13));
    CHECK(Store::open(disk.file("other.db")));
    CHECK(stored_stamp(*store) == 13);
    CHECK(integrity(path) == "ok");
}

TEST_CASE("a save waits 10 s for another program's lock, says so, and is done when the lock is gone") {
    test::TempFolder folder;
    // A reader in the middle of its work lets a save begin, but not be committed. What comes after the exclusive lock cannot even be read.
    const auto read = folder.file("read.db"), locked = folder.file("locked.db");
    for (const auto& path : {read, locked}) REQUIRE(save_stamp(**Store::open(path), 10));
    OtherProgram reader(read), writer(locked);
    reader.run("BEGIN; SELECT count(*) FROM turns");
    const auto go = folder.file("go");
    REQUIRE(mkfifo(go.c_str(), 0600) == 0);
    auto waits = saver(folder, "a", {{"VC_TEST_PATH", read}, {"VC_TEST_GO", go}});
    writer.run("BEGIN EXCLUSIVE");
    auto shut_out = saver(folder, "b", {{"VC_TEST_PATH", locked}});
    for (auto* child : {&waits, &shut_out}) {
        REQUIRE(child->wait_for("error", 1));
        const auto said = child->lines("error").front();
        CHECK(said.starts_with("8 "));
        CHECK(said.find("was busy for 10 s") != std::string::npos);
    }
    CHECK(waits.wait_for("reads", 1));
    CHECK(waits.lines("reads").front() == "10");
    reader.run("COMMIT");
    { std::ofstream told(go); }
    CHECK(waits.wait_for("again saved", 1));
    writer.run("COMMIT");
    CHECK(stored_stamp(**Store::open_existing(read)) == 17);
    CHECK(stored_stamp(**Store::open_existing(locked)) == 10);
}

TEST_CASE("nothing is acknowledged into a file that was deleted or replaced under the store") {
    test::TempFolder folder;
    for (const bool replaced : {false, true}) {
        INFO((replaced ? "replaced" : "deleted"));
        const auto path = folder.file("s.db");
        auto store = *Store::open(path);
        REQUIRE(save_stamp(*store, 10));
        std::filesystem::rename(path, folder.file("away.db"));
        if (replaced) REQUIRE(save_stamp(**Store::open(path), 11));
        const auto error = error_of(save_stamp(*store, 13));
        CHECK(error.code == Errc::Io);
        CHECK_MESSAGE(error.message.find("moved or deleted") != std::string::npos, error.message);
        check_one_line(outcome(std::unexpected(error), 13), path);
        CHECK(stored_stamp(**Store::open_existing(folder.file("away.db"))) == 10);
        if (replaced) CHECK(stored_stamp(**Store::open_existing(path)) == 11);
        store.reset();
        std::filesystem::remove(path);
    }
}

// Debian's SQLite 3.40.1 can lose a committed transaction in a write-ahead log that several processes write (connection.cpp).
TEST_CASE("no store of ours is ever in a write-ahead log, whoever opens it") {
    test::TempFolder folder;
    const auto path = folder.file("s.db");
    const auto is_wal = [&] {
        const auto bytes = *read_file(path);
        return bytes[18] == 2 || bytes[19] == 2 || std::filesystem::exists(path + "-wal");
    };
    auto store = *Store::open(path);
    REQUIRE(save_stamp(*store, 10));
    CHECK_FALSE(is_wal());
    CHECK(OtherProgram(path).run("PRAGMA journal_mode") == "delete");  // which is what stands in the file: no WAL
    store.reset();

    SUBCASE("left in one by a program that is gone, it is taken out of it") {
        REQUIRE(OtherProgram(path).run("PRAGMA journal_mode=WAL") == "wal");
        REQUIRE(is_wal());
        store = *Store::open(path);
        CHECK_FALSE(is_wal());
        CHECK(stored_stamp(*store) == 10);
    }
    SUBCASE("held in one by a program that runs, it is refused") {
        OtherProgram other(path);
        REQUIRE(other.run("PRAGMA journal_mode=WAL") == "wal");
        other.run("SELECT count(*) FROM turns");
        const auto refused = Store::open(path);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::Conflict);
        CHECK_MESSAGE(refused.error().message.find("journal mode wal") != std::string::npos, refused.error().message);
        CHECK_FALSE(refused.error().hint.empty());
    }
    SUBCASE("put into one while it is open, it is not written until that program is gone") {
        store = *Store::open(path);
        {
            OtherProgram other(path);
            REQUIRE(other.run("PRAGMA journal_mode=WAL") == "wal");
            other.run("SELECT count(*) FROM turns");
            const auto refused = save_stamp(*store, 13);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code == Errc::Conflict);
            CHECK_MESSAGE(refused.error().message.find("journal mode wal") != std::string::npos, refused.error().message);
            CHECK(stored_stamp(*store) == 10);
        }
        CHECK(save_stamp(*store, 13));
        CHECK_FALSE(is_wal());
        CHECK(stored_stamp(**Store::open_existing(path)) == 13);
    }
}

}  // namespace
}  // namespace voicectl::store
