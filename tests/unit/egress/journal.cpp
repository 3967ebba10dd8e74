#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "requests.h"
#include "support/temp_folder.h"
#include "voicectl/base/text.h"
#include "voicectl/egress/journal.h"

namespace voicectl::egress {
namespace {

JournalEntry job(livekit::EgressRequest request) {
    JournalEntry out;
    out.request = std::move(request);
    out.info = first_info(out.request, std::chrono::system_clock::now());
    out.file = "/tmp/a.ogg";
    out.name = "calls/a.ogg";
    out.upload_id = "upload+1/2==";
    return out;
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("what was running is read back whole, with its secrets, by the next process") {
    const test::TempFolder folder;
    auto request = test::room_composite();
    *request.mutable_file_outputs(0)->mutable_s3() = test::bucket();
    request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(500, "newer");
    auto first = job(test::asked(request));
    first.request.token = "a.b.c";
    first.request.retry_count = 4;
    auto second = job(test::asked(test::media()));
    second.request.egress_id = "EG_second";
    {
        auto journal = Journal::open(folder.file("state"));
        REQUIRE(journal);
        REQUIRE((*journal)->write(second));
        REQUIRE((*journal)->write(first));
        first.stored = first.kept = first.reported = true;
        REQUIRE((*journal)->write(first));
    }
    auto journal = Journal::open(folder.file("state"));
    REQUIRE(journal);
    auto read = (*journal)->entries();
    REQUIRE(read);
    REQUIRE(read->size() == 2);
    const auto& again = (*read)[0];  // "EG_abc" before "EG_second"
    CHECK(again.request.egress_id == "EG_abc");
    CHECK(again.request.room_id == "RM_1");
    CHECK(again.request.token == "a.b.c");
    CHECK(again.request.retry_count == 4);
    CHECK(std::get<livekit::proto::RoomCompositeEgressRequest>(again.request.what).SerializeAsString() == request.SerializeAsString());
    CHECK(again.info.SerializeAsString() == first.info.SerializeAsString());
    CHECK(again.file == "/tmp/a.ogg");
    CHECK(again.name == "calls/a.ogg");
    CHECK(again.upload_id == "upload+1/2==");
    CHECK((again.stored && again.kept && again.reported));
    CHECK_FALSE(((*read)[1].stored || (*read)[1].kept || (*read)[1].reported));
    CHECK(std::holds_alternative<livekit::proto::StartEgressRequest>((*read)[1].request.what));
    REQUIRE((*journal)->remove("EG_abc"));
    REQUIRE((*journal)->remove("EG_abc"));
    CHECK((*journal)->entries()->size() == 1);
}

TEST_CASE("nobody else reads a job's file, and one worker at a time has the folder") {
    const test::TempFolder folder;
    const auto state = folder.file("a/state");
    auto journal = Journal::open(state);
    REQUIRE(journal);
    REQUIRE((*journal)->write(job(test::asked(test::media()))));
    CHECK(mode_of(state) == 0700);
    CHECK(mode_of(state + "/EG_abc.json") == 0600);
    const auto other = Journal::open(state);
    REQUIRE_FALSE(other);
    CHECK(other.error().code == Errc::Conflict);
    CHECK_FALSE(other.error().hint.empty());
    journal->reset();
    CHECK(Journal::open(state));
}

TEST_CASE("an id from the wire is no path") {
    const test::TempFolder folder;
    auto journal = Journal::open(folder.file("state"));
    REQUIRE(journal);
    for (const auto& id : std::vector<std::string>{"../outside", "a/b", "", std::string(300, 'x')}) {
        auto entry = job(test::asked(test::media()));
        entry.request.egress_id = id;
        REQUIRE((*journal)->write(entry));
    }
    CHECK_FALSE(std::filesystem::exists(folder.file("outside.json")));
    const auto read = (*journal)->entries();
    REQUIRE(read);
    CHECK(read->size() == 3);  // one without an id is nobody's
    REQUIRE((*journal)->remove("a/b"));
    CHECK((*journal)->entries()->size() == 2);
}

TEST_CASE("what cannot be read is put aside, and what a death cut off is removed") {
    const test::TempFolder folder;
    const auto state = folder.file("state");
    {
        auto journal = Journal::open(state);
        REQUIRE((*journal)->write(job(test::asked(test::media()))));
    }
    const auto good = *read_file(state + "/EG_abc.json");
    std::ofstream(state + "/EG_half.json") << good.substr(0, good.size() / 2);
    std::ofstream(state + "/EG_kind.json") << R"({"schemaVersion":"1"})";
    std::ofstream(state + "/EG_new.json") << R"({"schemaVersion":9,"egressId":"EG_new"})";
    std::ofstream(state + "/EG_abc.json.x1y2.part") << good;
    auto journal = Journal::open(state);
    REQUIRE(journal);
    const auto read = (*journal)->entries();
    REQUIRE(read);
    CHECK(read->size() == 1);
    for (const char* name : {"EG_half", "EG_kind", "EG_new"}) {
        CHECK(std::filesystem::exists(state + "/" + name + ".json.broken"));
        CHECK_FALSE(std::filesystem::exists(state + "/" + name + ".json"));
    }
    CHECK_FALSE(std::filesystem::exists(state + "/EG_abc.json.x1y2.part"));
}

}  // namespace voicectl::egress
