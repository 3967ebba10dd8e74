#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <random>

#include "requests.h"
#include "voicectl/egress/names.h"

namespace voicectl::egress {
namespace {

using namespace std::chrono_literals;

// 2026-11-22 20:05:06.789 UTC
const auto kAt = std::chrono::system_clock::time_point(1'795'377'906'789ms);

/// Local time is that of India for as long as it lives: half an hour beside everybody's.
class InIndia {
 public:
    InIndia() { set("Asia/Kolkata"); }
    ~InIndia() { set(nullptr); }

 private:
    static void set(const char* zone) {
        if (zone != nullptr) setenv("TZ", "IST-5:30", 1);
        else unsetenv("TZ");
        tzset();
    }
};

std::string named(const std::string& path, Form form = Form::Ogg, const std::string& room = "demo", const std::string& subject = "demo") {
    Plan plan;
    plan.path = path;
    plan.form = form;
    plan.subject = subject;
    return file_name(plan, {.room_name = room, .room_id = "RM_1", .egress_id = "EG_1", .publisher_identity = "ann", .track_id = "TR_1", .track_type = "audio", .track_source = "microphone", .retry = 3, .at = kAt});
}

}  // namespace

TEST_CASE("templates are filled in once, and unknown ones stay") {
    const InIndia zone;
    CHECK(named("{room_name}/{room_id}-{time}.ogg") == "demo/RM_1-2026-11-23T013506.ogg");
    CHECK(named("{utc}") == "20261122200506789.ogg");
    CHECK(named("{egress_id}-{job_id}-{publisher_identity}-{track_id}-{track_type}-{track_source}-{retry}") == "EG_1-EG_1-ann-TR_1-audio-microphone-3.ogg");
    CHECK(named("{colour}-{room_name") == "{colour}-{room_name.ogg");
    CHECK(named("{{room_name}}") == "{demo}.ogg");
    CHECK(named("{room_name}", Form::Ogg, "{egress_id}") == "{egress_id}.ogg");
    CHECK(named("{room_name}", Form::Ogg, "") == "{room_name}.ogg");
}

TEST_CASE("a path without a name gets the subject's and the time") {
    const InIndia zone;
    CHECK(named("") == "demo-2026-11-23T013506.ogg");
    CHECK(named("calls/") == "calls/demo-2026-11-23T013506.ogg");
    CHECK(named("..", Form::Ogg, "demo", "TR_1") == "TR_1-2026-11-23T013506.ogg");
}

TEST_CASE("the ending is that of the form, in place of another's") {
    CHECK(named("a") == "a.ogg");
    CHECK(named("a.OGG") == "a.ogg");
    CHECK(named("a.mp4") == "a.ogg");
    CHECK(named("a.ogg", Form::Mp3) == "a.mp3");
    CHECK(named("v1.2") == "v1.2.ogg");
    CHECK(named("a.tar.mp3", Form::Mp3) == "a.tar.mp3");
}

TEST_CASE("a room's name cannot leave the folder") {
    CHECK(named("../../etc/x") == "etc/x.ogg");
    CHECK(named("a/./b//c/../d") == "a/b/c/d.ogg");
    CHECK(named("{room_name}", Form::Ogg, "../../etc/passwd") == "_._.._etc_passwd.ogg");
    CHECK(named("{room_name}/x", Form::Ogg, "..") == "_./x.ogg");
    CHECK(named("{room_name}", Form::Ogg, std::string("a\nb\0c", 5)) == "a_b_c.ogg");
    CHECK(named("", Form::Ogg, "demo", "../x").starts_with("_._x-"));
    CHECK(named("/abs/../a") == "/abs/a.ogg");
    const auto parts = std::array<std::string, 9>{"..", "/", "{room_name}", "a", "\\", ".", "{time}", "\n", "ü"};
    std::mt19937 random{7};
    for (int i = 0; i < 2000; ++i) {
        std::string path, room;
        for (auto n = random() % 8; n > 0; --n) path += parts[random() % parts.size()];
        for (auto n = random() % 5; n > 0; --n) room += parts[random() % parts.size()];
        auto name = named(path, Form::Ogg, room, room);
        const auto made = local_path(name.substr(std::min(name.find_first_not_of('/'), name.size())), "/rec", false);
        CHECK_MESSAGE(made->starts_with("/rec/"), path << " in " << room << ": " << *made);
        CHECK(name.find("/../") == std::string::npos);
        CHECK(name.ends_with(".ogg"));
    }
}

TEST_CASE("long names are cut between characters, and keep their ending") {
    std::string room;
    for (int i = 0; i < 150; ++i) room += "ü";
    const auto name = named("{room_name}", Form::Mp3, room);
    CHECK(name.size() == 200);
    CHECK(name.ends_with("ü.mp3"));
    CHECK(named("{room_name}/a", Form::Mp3, room).size() == 200 + 6);
}

TEST_CASE("absolute paths are allowed within the folder, or when the worker says so") {
    CHECK(*local_path("a/b.ogg", "/rec", false) == "/rec/a/b.ogg");
    CHECK(*local_path("/rec/b.ogg", "/rec", false) == "/rec/b.ogg");
    CHECK(*local_path("/rec/b.ogg", "/rec/", false) == "/rec/b.ogg");
    CHECK(local_path("/record/b.ogg", "/rec", false).error().code == Errc::Rejected);
    CHECK(local_path("/b.ogg", "/rec", false).error().code == Errc::Rejected);
    CHECK(*local_path("/b.ogg", "/rec", true) == "/b.ogg");
    CHECK(*local_path("b.ogg", "", false) == std::filesystem::current_path() / "b.ogg");
    CHECK(manifest_name("a/b.ogg", "EG_1") == "a/EG_1.json");
    CHECK(manifest_name("b.ogg", "../x") == "_._x.json");
}

}  // namespace voicectl::egress
