#include <doctest/doctest.h>

#include "bench.h"
#include "commands/room/create.h"
#include "commands/room/delete.h"
#include "commands/room/get.h"
#include "commands/room/list.h"
#include "commands/room/view.h"

namespace voicectl::commands {

using namespace std::chrono_literals;
using livekit::proto::Room;
using test::CommandBench;
using test::parsed;

namespace {

std::optional<RoomCreateOptions> room_options(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "create");
    return parsed<RoomCreateOptions>(add_room_create, std::move(arguments));
}

const auto kRoomsNow = std::chrono::system_clock::time_point(1'800'000'000s);

Room room(const std::string& name, std::uint32_t participants, std::chrono::seconds age) {
    Room out;
    out.set_name(name);
    out.set_num_participants(participants);
    out.set_creation_time_ms(std::chrono::duration_cast<std::chrono::milliseconds>((kRoomsNow - age).time_since_epoch()).count());
    return out;
}

std::string fitting_rooms(const RoomFilter& filter) {
    const auto rooms = filter_rooms({room("a", 0, 2h), room("b-1", 2, 2h), room("b-2", 0, 1min)}, filter, kRoomsNow);
    REQUIRE(rooms);
    std::string out;
    for (const auto& one : *rooms) out += one.name() + " ";
    return out;
}

}  // namespace

TEST_CASE("room create takes every setting of the API") {
    const auto options = room_options({"demo", "--empty-timeout", "10m", "--departure-timeout=30s", "--max-participants", "2", "--metadata", "{}",
                                         "--tag", "env=test", "--preset", "small", "--agent", "receptionist={\"a\":\"b=c\"}", "--agent", "other",
                                         "--min-playout-delay", "100ms", "--max-playout-delay", "2s", "--sync-streams"});
    REQUIRE(options);
    const auto request = room_request(*options);
    REQUIRE(request);
    CHECK(request->name() == "demo");
    CHECK(request->empty_timeout() == 600);
    CHECK(request->departure_timeout() == 30);
    CHECK(request->max_participants() == 2);
    CHECK(request->metadata() == "{}");
    CHECK(request->tags().at("env") == "test");
    CHECK(request->room_preset() == "small");
    REQUIRE(request->agents_size() == 2);
    CHECK(request->agents(0).metadata() == "{\"a\":\"b=c\"}");
    CHECK(request->agents(1).agent_name() == "other");
    CHECK(request->min_playout_delay() == 100);
    CHECK(request->max_playout_delay() == 2000);
    CHECK(request->sync_streams());
}

TEST_CASE("room create refuses what the server would not understand") {
    const auto refused = [](std::vector<std::string> arguments) {
        const auto options = room_options(std::move(arguments));
        return !options || room_request(*options).error().code == Errc::Usage;
    };
    CHECK(refused({}));
    CHECK(refused({""}));
    CHECK(refused({"demo", "--empty-timeout", "0"}));
    CHECK(refused({"demo", "--empty-timeout=-5"}));
    CHECK(refused({"demo", "--max-participants", "0"}));
    CHECK(refused({"demo", "--max-participants", "many"}));
    CHECK(refused({"demo", "--agent", "=x"}));
    CHECK(refused({"demo", "--tag", "x"}));
    CHECK(refused({"demo", "--wait-agent"}));
    CHECK(refused({"demo", "--nonsense"}));
}

TEST_CASE("--wait-agent has a time of its own or the default, and takes no word that follows") {
    CHECK(room_options({"--wait-agent", "demo", "--agent", "x"})->wait_agent == "30s");
    CHECK(room_options({"--wait-agent", "demo", "--agent", "x"})->name == "demo");
    CHECK(room_options({"demo", "--wait-agent=5s", "--agent", "x"})->wait_agent == "5s");
    CHECK(room_options({"demo"})->wait_agent.empty());
}

TEST_CASE("settings that a room which existed does not have are told, each with what was asked") {
    livekit::proto::CreateRoomRequest asked;
    asked.set_empty_timeout(5);
    asked.set_departure_timeout(20);
    asked.set_metadata("new");
    asked.set_sync_streams(true);
    Room actual;
    actual.set_empty_timeout(300);
    actual.set_departure_timeout(20);
    const auto differences = settings_not_applied(asked, actual);
    REQUIRE(differences.size() == 3);
    CHECK(differences[0].dump() == R"({"setting":"emptyTimeout","asked":5,"actual":300})");
    CHECK(differences[1]["setting"] == "metadata");
    CHECK(differences[2].dump() == R"({"setting":"syncStreams","asked":true,"actual":null})");
    CHECK(settings_not_applied({}, actual).empty());
}

TEST_CASE("filters choose rooms by name, age and people") {
    CHECK(fitting_rooms({}) == "a b-1 b-2 ");
    CHECK(fitting_rooms({.match = "^b-", .older_than = {}}) == "b-1 b-2 ");
    CHECK(fitting_rooms({.match = {}, .older_than = "1h"}) == "a b-1 ");
    CHECK(fitting_rooms({.match = {}, .older_than = {}, .empty = true}) == "a b-2 ");
    CHECK(fitting_rooms({.match = {}, .older_than = {}, .empty = false, .min_participants = 2}) == "b-1 ");
    CHECK(fitting_rooms({.match = "b", .older_than = "1h", .empty = true}).empty());
    CHECK(filter_rooms({}, {.match = "(", .older_than = {}}, kRoomsNow).error().code == Errc::Usage);
    CHECK(filter_rooms({}, {.match = {}, .older_than = "old"}, kRoomsNow).error().code == Errc::Usage);
}

TEST_CASE("a room is shown whole, with its time in words and its secret masked") {
    auto one = room("demo", 1, 0s);
    one.set_turn_password("geheim");
    const auto json = room_json(one);
    CHECK(json["createdAt"] == "2027-01-15T08:00:00.000Z");
    CHECK(json["creationTimeMs"] == 1'800'000'000'000);
    CHECK(json["turnPassword"] == "***");
    CHECK(room_age(one, kRoomsNow + 5s) == 5s);
    CHECK(room_age(one, kRoomsNow - 5s) == 0s);  // the server's clock is ahead of ours
}

TEST_CASE("rooms are deleted by name, or by a filter with consent") {
    CHECK(CommandBench().run({"room", "delete"}) == 2);
    CHECK(CommandBench().run({"room", "delete", ""}) == 2);
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    CHECK(bench.run({"room", "delete", "--match", "."}) == 2);
    CHECK(bench.talk.str().find("--yes") != std::string::npos);
    CHECK(CommandBench().run({"room", "delete", "--match", "(", "--yes"}) == 2);
}

TEST_CASE("a server that is not there is exit 7 for every room command, with nothing on stdout") {
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"room", "list"}, {"room", "get", "demo"}, {"room", "create", "demo"}, {"room", "delete", "a", "b"}, {"dispatch", "list", "demo"},
             {"dispatch", "list", "--all-rooms"}, {"dispatch", "get", "demo", "AD_x"}, {"dispatch", "create", "demo", "--agent", "x", "--wait"},
             {"dispatch", "delete", "demo", "AD_x"}}) {
        CommandBench bench;
        bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
        auto all = arguments;
        all.emplace_back("--json");
        CHECK(bench.run(all) == 7);
        CHECK(bench.results.str().empty());
        const auto error = Json::parse(bench.talk.str())["error"];
        CHECK(error["code"] == "unreachable");
        CHECK(error["message"].get<std::string>().find("connection refused by 127.0.0.1:1") != std::string::npos);
        CHECK(error["request"]["method"].is_string());
    }
}

TEST_CASE("a dry run prints the request and needs no server") {
    CommandBench bench;
    CHECK(bench.run({"room", "create", "demo", "--empty-timeout", "1m", "--dry-run", "--json"}) == 0);
    CHECK(bench.json()["emptyTimeout"] == 60);
}

}  // namespace voicectl::commands
