#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

#include "bench.h"
#include "commands/webhook/hook_view.h"
#include "commands/webhook/listen.h"

namespace voicectl::commands {
namespace {

TEST_CASE("what senders are to be answered is read, and nothing that is no status") {
    CHECK(*parse_answers("") == std::vector<int>{});
    CHECK(*parse_answers("503x2,200,500") == std::vector<int>{503, 503, 200, 500});
    for (const char* wrong : {"x", "503x", "503x0", "99", "600", "503x2x2", "503,", "-503", "503x99999"}) {
        INFO(wrong);
        REQUIRE_FALSE(parse_answers(wrong));
        CHECK(parse_answers(wrong).error().code == Errc::Usage);
    }
}

TEST_CASE("flags of webhook listen") {
    const auto o = test::parsed<WebhookListenOptions>(add_webhook_listen, {"listen", "--event", "room_started,room_finished", "--room", "a", "--room", "b",
                                                                           "--forward", "http://h/", "--port", "80", "--count", "3", "--timeout", "5s"});
    REQUIRE(o);
    CHECK(o->events == std::vector<std::string>{"room_started", "room_finished"});
    CHECK(o->rooms == std::vector<std::string>{"a", "b"});
    CHECK(o->forward == std::vector<std::string>{"http://h/"});
    CHECK(o->port == 80);
    CHECK(o->limit == "5s");
    CHECK_FALSE(test::parsed<WebhookListenOptions>(add_webhook_listen, {"listen", "--port", "65536"}));
    CHECK_FALSE(test::parsed<WebhookListenOptions>(add_webhook_listen, {"listen", "--count", "0"}));
}

TEST_CASE("an event as JSON has its payload without secrets, and never the token that signed it") {
    auto event = store::parse_webhook_event(R"({"id":"EV_1","event":"room_started","createdAt":"7","room":{"sid":"RM_1","name":"d\u001b[2J","turnPassword":"hidden-password"}})");
    REQUIRE(event);
    event->authorization = "eyJhidden-token";
    const auto json = hook_json(*event);
    CHECK(json["payload"]["room"]["sid"] == "RM_1");
    CHECK(json.dump().find("hidden") == std::string::npos);
    CHECK(json["createdAt"] == "1970-01-01T00:00:07.000Z");
    CHECK(hook_line(json).find('\x1b') == std::string::npos);
}

TEST_CASE("a line says who left and why") {
    auto event = store::parse_webhook_event(
        R"({"id":"EV_1","event":"participant_left","room":{"name":"demo"},"participant":{"identity":"ann","disconnectReason":"CLIENT_INITIATED"}})");
    CHECK(hook_line(hook_json(*event)).ends_with("participant_left     demo  ann, CLIENT_INITIATED"));
}

}  // namespace
}  // namespace voicectl::commands
