#include "voicectl/store/webhooks.h"

#include <algorithm>
#include <random>

#include "engines.h"
#include "webhook_samples.h"

namespace voicectl::store {
namespace {

using nlohmann::json;

WebhookEvent arrived(const std::string& body, int second = 0) {
    auto event = parse_webhook_event(body);
    REQUIRE(event);
    event->received_at = at_second(second);
    event->key = "APIkey";
    event->authorization = "eyJ.the.token";
    return *event;
}

std::vector<WebhookEvent> whole_call(const std::string& sid = "RM_1", const std::string& name = "demo") {
    std::vector<WebhookEvent> out;
    for (const auto& body : seven_events(sid, name)) out.push_back(arrived(body, static_cast<int>(out.size())));
    return out;
}

std::vector<WebhookEvent> listed(Webhooks& hooks, const EventFilter& filter = {}) {
    std::vector<WebhookEvent> out;
    REQUIRE(hooks.events(filter, [&](const WebhookEvent& event) {
        out.push_back(event);
        return true;
    }));
    return out;
}

STORE_TEST_CASE("an event is taken once, with its exact bytes, however often it comes and whatever was restarted") {
    Engine engine;
    const auto path = engine.place();
    auto event = arrived("{ \"id\":\"EV_1\",\"event\" :\"room_started\", \"createdAt\":\"7\",\n\"room\":{\"sid\":\"RM_1\",\"name\":\"d\xc3\xa9mo\"}}");
    CHECK(*opened(path)->webhooks().take({event, event}, {}) == std::vector<bool>{true, false});
    auto store = opened(path);
    CHECK(*store->webhooks().take({event}, {}) == std::vector<bool>{false});
    const auto kept = store->webhooks().event("EV_1");
    REQUIRE(kept);
    CHECK(*kept == event);
    CHECK(store->webhooks().event("EV_2").error().code == Errc::NotFound);
    const auto all = listed(store->webhooks());
    REQUIRE(all.size() == 1);
    CHECK(all[0].authorization.empty());
}

STORE_TEST_CASE("a body that is no text comes back byte by byte") {
    Engine engine;
    auto store = opened(engine.place());
    WebhookEvent event;
    event.id = "sha256:x";
    event.event = "unknown";
    event.body = std::string("\xff\x00\xfe{", 4);
    REQUIRE(store->webhooks().take({event}, {}));
    CHECK(store->webhooks().event(event.id)->body == event.body);
}

STORE_TEST_CASE("the store's state of a call is the same for every order, in one transaction or seven") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = whole_call();
    REQUIRE(store->webhooks().take(call, {}));
    const auto expected = *store->webhooks().call_state("RM_1");
    CHECK(json::parse(expected)["recordings"][0]["location"] == "https://b/r.mp4");
    std::mt19937 random(3);
    for (int round = 0; round < 8; ++round) {
        auto mixed = call;
        mixed.push_back(call[random() % call.size()]);
        std::shuffle(mixed.begin(), mixed.end(), random);
        auto other = opened(engine.place(std::to_string(round)));
        for (const auto& event : mixed) REQUIRE(other->webhooks().take({event}, {}));
        CHECK(*other->webhooks().call_state("RM_1") == expected);
    }
}

STORE_TEST_CASE("a room's name that is used again is another call, found by its own sid") {
    Engine engine;
    auto store = opened(engine.place());
    auto& hooks = store->webhooks();
    REQUIRE(hooks.take(whole_call("RM_1"), {}));
    auto second = whole_call("RM_2");
    second.pop_back();  // it goes on
    REQUIRE(hooks.take(second, {}));
    CHECK(json::parse(*hooks.call_state("demo"))["sid"] == "RM_2");
    CHECK(json::parse(*hooks.call_state("RM_1"))["status"] == "finished");
    CHECK(*hooks.open_calls(0) == std::vector<std::pair<std::string, std::string>>{{"RM_2", "demo"}});
    CHECK(hooks.call_state("nobody").error().code == Errc::NotFound);
}

STORE_TEST_CASE("a recording is bound to its call, with location, duration and size") {
    Engine engine;
    auto store = opened(engine.place());
    REQUIRE(store->webhooks().take(whole_call(), {}));
    const auto recordings = *store->webhooks().recordings("RM_1", 0);
    REQUIRE(recordings.size() == 1);
    CHECK(recordings[0].egress_id == "EG_RM_1");
    CHECK(recordings[0].room == "demo");
    CHECK(recordings[0].status == "EGRESS_COMPLETE");
    CHECK(recordings[0].location == "https://b/r.mp4");
    CHECK(recordings[0].duration == std::chrono::milliseconds(1508));
    CHECK(recordings[0].size == 12345);
    CHECK(*recordings[0].ended_at - *recordings[0].started_at == std::chrono::seconds(5));
    CHECK(store->webhooks().recordings("other", 0)->empty());
}

STORE_TEST_CASE("events are listed newest first, by kind, room and time, across pages") {
    Engine engine;
    auto store = opened(engine.place());
    auto& hooks = store->webhooks();
    std::vector<WebhookEvent> many;
    for (int i = 0; i < 350; ++i)
        many.push_back(arrived(sample_body(i % 120 == 0 ? "room_started" : "participant_joined", fmt::format("EV_{}", i), i,
                                           {{"room", {{"sid", fmt::format("RM_{}", i % 2)}, {"name", fmt::format("room{}", i % 2)}}}}),
                               i));
    REQUIRE(hooks.take(many, {}));
    CHECK(listed(hooks).size() == 350);
    CHECK(listed(hooks)[0].id == "EV_349");
    CHECK(listed(hooks, {.room = "room1"}).size() == 175);
    CHECK(listed(hooks, {.room = "RM_1"}).size() == 175);
    const auto started = listed(hooks, {.events = {"room_started"}});
    REQUIRE(started.size() == 3);
    CHECK(started[2].id == "EV_0");
    CHECK(listed(hooks, {.since = at_second(10), .until = at_second(12)}).size() == 2);
    CHECK(listed(hooks, {.limit = 7}).size() == 7);
}

STORE_TEST_CASE("what is to be forwarded goes room by room in order, and only when its time has come") {
    Engine engine;
    const auto path = engine.place();
    REQUIRE(opened(path)->webhooks().take(whole_call("RM_1", "one"), {"http://a/", "http://b/"}));
    auto store = opened(path);
    auto& hooks = store->webhooks();
    REQUIRE(hooks.take(whole_call("RM_2", "two"), {"http://a/"}));
    REQUIRE(hooks.take(whole_call("RM_2", "two"), {"http://a/"}));  // repeats are not forwarded
    CHECK(*hooks.queued_forwards() == 21);
    const auto due = *hooks.due_forwards({"http://a/"}, {}, at_second(99), 10);
    REQUIRE(due.size() == 2);
    CHECK(due[0].event.id == "EV_1RM_1");
    CHECK(due[0].event.body == seven_events("RM_1", "one")[0]);
    CHECK(due[1].event.id == "EV_1RM_2");
    CHECK(hooks.due_forwards({"http://a/"}, {due[0].id, due[1].id}, at_second(99), 10)->empty());

    Delivery attempt{due[0].event.id, due[0].event.event, "one", "http://a/", 1, "failed", 503};
    attempt.at = at_second(99);
    REQUIRE(hooks.end_forward(due[0].id, attempt, at_second(200)));
    attempt.outcome = "delivered";
    REQUIRE(hooks.end_forward(due[1].id, attempt, {}));
    const auto next = *hooks.due_forwards({"http://a/"}, {}, at_second(99), 10);
    REQUIRE(next.size() == 1);  // room one waits for its first event
    CHECK(next[0].event.id == "EV_2RM_2");
    CHECK(*hooks.next_forward({"http://a/"}) == at_second(1));
    CHECK(hooks.due_forwards({"http://a/"}, {}, at_second(200), 10)->at(1).attempts == 1);
    CHECK(hooks.deliveries({.forwarded = true})->size() == 2);
    CHECK(*hooks.drop_target("http://a/") == 13);
    CHECK(*hooks.queued_forwards() == 7);
    CHECK_FALSE(hooks.next_forward({"http://a/"})->has_value());
}

STORE_TEST_CASE("every delivery is in the log, repeats too") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = whole_call();
    REQUIRE(store->webhooks().take({call[0], call[0]}, {}));
    const auto log = *store->webhooks().deliveries({.event_id = call[0].id});
    REQUIRE(log.size() == 2);
    CHECK(log[0].outcome == "repeated");
    CHECK(log[1].outcome == "stored");
    CHECK(log[1].room == "demo");
}

STORE_TEST_CASE("old events are forgotten with their calls, ids of the last minutes never") {
    Engine engine;
    auto store = opened(engine.place());
    auto& hooks = store->webhooks();
    const auto now = std::chrono::system_clock::now();
    auto old_call = whole_call("RM_1"), fresh = whole_call("RM_2");
    for (auto& event : old_call) event.received_at = now - std::chrono::hours(48);
    for (auto& event : fresh) event.received_at = now - std::chrono::minutes(8);
    REQUIRE(hooks.take(old_call, {"http://a/"}));
    REQUIRE(hooks.take(fresh, {"http://a/"}));
    CHECK(*hooks.forget(now) == 7);
    CHECK(hooks.call_state("RM_1").error().code == Errc::NotFound);
    CHECK(hooks.call_state("RM_2"));
    CHECK(*hooks.take({fresh[0]}, {}) == std::vector<bool>{false});
    CHECK(*hooks.queued_forwards() == 7);
    CHECK(hooks.recordings("", 0)->size() == 2);  // they are records, not events
}

STORE_TEST_CASE("of what was refused the newest are kept, and nothing else goes for it") {
    Engine engine;
    const auto store = opened(engine.place());
    auto& hooks = store->webhooks();
    REQUIRE(hooks.take(whole_call("RM_1", "one"), {}));
    const auto taken = hooks.deliveries({})->size();
    int number = 0;
    for (int round = 0; round < 3; ++round) {
        std::vector<Delivery> flood;
        for (int i = 0; i < Webhooks::kMostRefused / 2; ++i)
            flood.push_back({.event_id = "", .event = "e", .room = "r", .target = "", .outcome = "refused", .status = 401, .at = at_second(1), .reason = std::to_string(number++)});
        REQUIRE(hooks.log_refused(flood));
    }
    const auto kept = *hooks.deliveries({.refused = true});
    CHECK(kept.size() == Webhooks::kMostRefused);
    CHECK(kept.front().reason == std::to_string(number - 1));
    CHECK(hooks.deliveries({})->size() == taken + Webhooks::kMostRefused);
}

STORE_TEST_CASE("the next of a room's events is found at once, however many wait") {
    Engine engine;
    const auto store = opened(engine.place());
    auto& hooks = store->webhooks();
    const std::vector<std::string> targets{"http://a/"};
    std::vector<WebhookEvent> events;
    for (int i = 0; i < 3; ++i)
        for (const auto* room : {"one", "two"}) {
            auto event = *parse_webhook_event(sample_body("room_started", fmt::format("EV_{}{}", room, i), 0, {{"room", sample_room("RM_1", room, "")}}));
            event.received_at = at_second(i);
            events.push_back(event);
        }
    REQUIRE(hooks.take(events, targets));
    const auto next = [&](std::vector<std::string> ids) {
        const auto due = *hooks.due_forwards(targets, {}, at_second(100), 10);
        std::vector<std::string> out;
        for (const auto& one : due) out.push_back(one.event.id);
        CHECK(out == ids);
        return due;
    };
    auto due = next({"EV_one0", "EV_two0"});
    REQUIRE(hooks.end_forward(due[0].id, {.event_id = "EV_one0", .target = "http://a/", .outcome = "delivered", .at = at_second(1)}, {}));
    due = next({"EV_two0", "EV_one1"});
    REQUIRE(hooks.end_forward(due[0].id, {.event_id = "EV_two0", .target = "http://a/", .outcome = "failed", .at = at_second(1)}, at_second(200)));
    next({"EV_one1"});
    CHECK(*hooks.next_forward(targets) == at_second(1));
    // What is forgotten from the head of a queue lets the next one through.
    REQUIRE(hooks.forget(at_second(2)));
    next({"EV_one2", "EV_two2"});
    CHECK(hooks.drop_target("http://a/") == 2);
    CHECK_FALSE(hooks.next_forward(targets)->has_value());
    REQUIRE(hooks.take({*parse_webhook_event(sample_body("room_started", "EV_new", 0, {{"room", sample_room("RM_1", "one", "")}}))}, targets));
    next({"EV_new"});
}

}  // namespace
}  // namespace voicectl::store
