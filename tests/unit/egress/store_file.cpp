#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/temp_folder.h"
#include "voicectl/base/text.h"
#include "voicectl/egress/storage.h"

namespace voicectl::egress {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

/// A recording in a folder of its own, and where it shall go.
struct Local {
    TempFolder here;
    TempFolder there;
    net::HttpClient http;
    StoreJob job{.file = here.file("EG_1.ogg"), .text = {}, .name = "calls/a.ogg", .content_type = "audio/ogg", .storage = {}, .root = there.path()};
    std::string bytes = std::string(3'000'000, 'x') + "end";

    explicit Local(const fs::path& other_disk = fs::temp_directory_path()) : there(other_disk) { std::ofstream(job.file) << bytes; }
    Result<Stored> run(const StoreHooks& hooks = {}, std::stop_token stop = {}) { return store(http, job, hooks, {}, std::move(stop)); }
    std::vector<std::string> files() const {
        std::vector<std::string> out;
        for (const auto& one : fs::recursive_directory_iterator(there.path()))
            if (one.is_regular_file()) out.push_back(fs::relative(one.path(), there.path()).string());
        std::sort(out.begin(), out.end());
        return out;
    }
};

const char* other_disk() { return fs::exists("/dev/shm") ? "/dev/shm" : "/tmp"; }

}  // namespace

TEST_CASE("a recording gets its place, on the same disk and on another") {
    for (const char* disk : {"/tmp", other_disk()}) {
        Local local{disk};
        std::int64_t done = 0;
        const auto stored = local.run({{}, [&](std::int64_t at, std::int64_t) { done = at; }});
        REQUIRE(stored);
        CHECK(stored->location == local.there.file("calls/a.ogg"));
        CHECK(stored->bytes == 3'000'003);
        CHECK(done == 3'000'003);
        CHECK(*read_file(stored->location) == local.bytes);
        CHECK(local.files() == std::vector<std::string>{"calls/a.ogg"});
        CHECK(fs::exists(local.job.file));  // its owner removes it
    }
}

TEST_CASE("who may read it is said by the umask, on the same disk and on another") {
    const auto mode_of = [](const std::string& path) {
        struct stat about {};
        return stat(path.c_str(), &about) == 0 ? about.st_mode & 0777 : 0;
    };
    for (const mode_t mask : {022, 027, 077})
        for (const char* disk : {"/tmp", other_disk()}) {
            Local local{disk};
            REQUIRE(chmod(local.job.file.c_str(), 0600) == 0);
            const auto before = umask(mask);
            const auto stored = local.run();
            umask(before);
            REQUIRE(stored);
            CHECK(mode_of(stored->location) == (0644 & ~mask));
        }
}

TEST_CASE("nothing is written over, and what a dead process has put in place is found again") {
    for (const char* disk : {"/tmp", other_disk()}) {
        Local local{disk};
        fs::create_directories(local.there.file("calls"));
        std::ofstream(local.there.file("calls/a.ogg")) << "another call";
        const auto stored = local.run();
        REQUIRE(stored);
        CHECK(stored->location == local.there.file("calls/a-2.ogg"));
        CHECK(*read_file(local.there.file("calls/a.ogg")) == "another call");
    }
    Local again;
    REQUIRE(again.run());
    const auto second = again.run();
    REQUIRE(second);
    CHECK(second->location == again.there.file("calls/a.ogg"));
    CHECK(again.files().size() == 1);
}

TEST_CASE("a text is stored the same way, and a place outside is refused") {
    Local local;
    local.job.file.clear();
    local.job.text = "{}\n";
    local.job.name = "calls/EG_1.json";
    const auto stored = local.run();
    REQUIRE(stored);
    CHECK(*read_file(stored->location) == "{}\n");
    local.job.name = "/somewhere/else.json";
    CHECK(local.run().error().code == Errc::Rejected);
    local.job.storage.mutable_gcp();
    CHECK(local.run().error().code == Errc::Usage);
}

TEST_CASE("a stop ends a copy, and leaves nothing of it") {
    Local local{other_disk()};
    if (std::string(other_disk()) == "/tmp") return;
    std::stop_source stop;
    const auto stored = local.run({{}, [&](std::int64_t, std::int64_t) { stop.request_stop(); }}, stop.get_token());
    REQUIRE_FALSE(stored);
    CHECK(stored.error().code == Errc::Cancelled);
    CHECK(local.files().empty());
}

TEST_CASE("what stands in the way is told in clear words, and where the recording is kept") {
    Local local;
    std::ofstream(local.there.file("calls")) << "a file";
    const auto stored = local.run();
    REQUIRE_FALSE(stored);
    CHECK(stored.error().code == Errc::Io);
    CHECK_MESSAGE(stored.error().message.find("a part of the path is a file; the recording is kept in " + local.job.file) != std::string::npos, stored.error().message);
    local.job.file += ".missing";
    CHECK(local.run().error().code == Errc::NotFound);
}

TEST_CASE("a manifest is one line in LiveKit's form, without what is empty") {
    using namespace std::chrono_literals;
    Manifest manifest{.egress_id = "EG_1", .room_id = "RM_1", .room_name = "a <b> & c", .url = {}, .publisher_identity = {}, .track_id = {}, .track_kind = {}, .track_source = {}, .audio_track_id = "TR_1"};
    manifest.started_at = std::chrono::system_clock::time_point(1'700'000'000s);
    manifest.ended_at = manifest.started_at + 1500ms;
    manifest.filename = "a.ogg";
    manifest.location = "https://h/b/a.ogg";
    CHECK(manifest_text(manifest) == R"({"egress_id":"EG_1","room_id":"RM_1","room_name":"a <b> & c","started_at":1700000000000000000,"ended_at":1700000001500000000,"audio_track_id":"TR_1","files":[{"filename":"a.ogg","location":"https://h/b/a.ogg"}]})"
                                     "\n");
}

}  // namespace voicectl::egress
