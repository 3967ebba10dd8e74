#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

#include "core/store/versioned_json.h"
#include "core/store/webhook_facts.h"
#include "core/store/webhook_view.h"
#include "webhook_samples.h"

namespace voicectl::store {
namespace {

using nlohmann::json;

json random_patch(std::mt19937& random, int depth) {
    const auto kind = random() % 6;
    if (depth == 0 || kind < 2) return kind == 0 ? json(nullptr) : json(static_cast<int>(random() % 4));
    if (kind == 2) return json::array({static_cast<int>(random() % 3)});
    auto out = json::object();
    for (const char* key : {"a", "b", "c"})
        if (random() % 2 == 0) out[key] = random_patch(random, depth - 1);
    return out;
}

/// What the store does, without a store.
class Memory {
 public:
    void take(const std::string& body) {
        const auto parsed = parse_webhook(body);
        REQUIRE(parsed);
        for (const auto& fact : parsed->facts) {
            auto& part = parts_[{fact.kind, fact.id}];
            // Through what is stored and back, each time.
            auto merged = VersionedJson::from_json(part);
            merged.merge(fact.patch, fact.version);
            part = merged.to_json();
        }
    }
    json view(const std::string& sid) const {
        std::vector<WebhookPart> parts;
        json room;
        for (const auto& [key, part] : parts_) {
            const auto value = VersionedJson::from_json(part).value();
            if (key.first == "room" && key.second == sid) room = value;
            if (key.first != "room" && key.second.ends_with(sid)) parts.push_back({key.first, value});
        }
        return call_view(room, parts);
    }
    json everything() const { return parts_; }

 private:
    std::map<std::pair<std::string, std::string>, json> parts_;
};

TEST_CASE("patches in any order, repeated or not, give what RFC 7396 gives in the order of their versions") {
    std::mt19937 random(7);
    for (int round = 0; round < 3000; ++round) {
        std::vector<std::pair<std::string, json>> patches;
        for (int i = 0; i < 5; ++i) patches.emplace_back(std::to_string(i), random_patch(random, 3));
        json expected;
        for (const auto& [version, patch] : patches) expected.merge_patch(patch);
        auto mixed = patches;
        mixed.insert(mixed.end(), patches.begin(), patches.begin() + 2);
        std::shuffle(mixed.begin(), mixed.end(), random);
        VersionedJson merged;
        for (const auto& [version, patch] : mixed) {
            merged.merge(patch, version);
            merged = VersionedJson::from_json(merged.to_json());
        }
        REQUIRE_MESSAGE(merged.value() == expected, json(patches).dump());
    }
}

TEST_CASE("every order of a call's seven events ends in the same state") {
    const auto events = seven_events();
    Memory first;
    for (const auto& event : events) first.take(event);
    const auto expected = first.view("RM_1");
    CHECK(expected["status"] == "finished");
    CHECK(expected["gaps"] == json::array({{{"missing", "egress_started"}, {"egressId", "EG_RM_1"}}}));
    std::vector<std::size_t> order{0, 1, 2, 3, 4, 5, 6};
    int orders = 0;
    do {
        Memory memory;
        for (const auto i : order) memory.take(events[i]);
        REQUIRE(memory.view("RM_1") == expected);
        REQUIRE(memory.everything() == first.everything());
        ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK(orders == 5040);
}

TEST_CASE("events of several calls, mixed and repeated, end in the same state, also in a room of the same name") {
    std::vector<std::string> events;
    for (const char* sid : {"RM_1", "RM_2", "RM_3"})
        for (auto& event : seven_events(sid)) events.push_back(event);
    Memory first;
    for (const auto& event : events) first.take(event);
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        auto mixed = events;
        for (int i = 0; i < 10; ++i) mixed.push_back(events[random() % events.size()]);
        std::shuffle(mixed.begin(), mixed.end(), random);
        Memory memory;
        for (const auto& event : mixed) memory.take(event);
        REQUIRE(memory.everything() == first.everything());
    }
    CHECK(first.view("RM_2")["participants"].size() == 1);
}

TEST_CASE("what room_started stored is still there after room_finished, merged with what came between") {
    Memory memory;
    for (const auto& event : seven_events()) memory.take(event);
    const auto view = memory.view("RM_1");
    CHECK(view["metadata"] == json{{"user", {{"id", 7}}}, {"done", true}, {"egress_id", "EG_RM_1"}});
    CHECK(view["participants"][0]["name"] == "Ann A");
    CHECK(view["participants"][0]["reason"] == "CLIENT_INITIATED");
    CHECK(view["participants"][0]["state"] == "left");
    CHECK(view["startedAt"] == "2026-11-21T06:38:13.606Z");
    CHECK(view["finishedAt"] == "2026-11-21T06:38:20.000Z");
}

TEST_CASE("an ended egress tells of its recording, and of no secret") {
    Memory memory;
    for (const auto& event : seven_events()) memory.take(event);
    const auto view = memory.view("RM_1");
    const auto& recording = view["recordings"][0];
    CHECK(recording["location"] == "https://b/r.mp4");
    CHECK(recording["durationMs"] == 1508);
    CHECK(recording["size"] == 12345);
    CHECK(recording["status"] == "EGRESS_COMPLETE");
    CHECK(memory.everything().dump().find("never-to-be-seen") == std::string::npos);
}

TEST_CASE("an end is an end, whatever the clocks of the senders say") {
    Memory memory;
    memory.take(sample_body("egress_ended", "EV_1", 5,
                            {{"egressInfo", {{"egressId", "EG_RM_1"}, {"roomId", "RM_1"}, {"status", "EGRESS_FAILED"}, {"error", "disk"}, {"updatedAt", "5"}}}}));
    memory.take(sample_body("egress_updated", "EV_2", 9,
                            {{"egressInfo", {{"egressId", "EG_RM_1"}, {"roomId", "RM_1"}, {"status", "EGRESS_ACTIVE"}, {"updatedAt", "9"}}}}));
    CHECK(memory.view("RM_1")["recordings"][0]["status"] == "EGRESS_FAILED");
    CHECK(memory.view("RM_1")["recordings"][0]["error"] == "disk");
}

TEST_CASE("gaps name each event that must have been") {
    const auto events = seven_events();
    const auto gaps_without = [&](std::vector<std::size_t> lost) {
        Memory memory;
        for (std::size_t i = 0; i < events.size(); ++i)
            if (std::find(lost.begin(), lost.end(), i) == lost.end()) memory.take(events[i]);
        std::vector<std::string> out;
        const auto view = memory.view("RM_1");
        for (const auto& gap : view["gaps"]) out.push_back(gap["missing"]);
        return out;
    };
    CHECK(gaps_without({5}).empty());
    CHECK(gaps_without({0, 5}) == std::vector<std::string>{"room_started"});
    CHECK(gaps_without({1, 5}) == std::vector<std::string>{"participant_joined"});
    CHECK(gaps_without({2, 5}) == std::vector<std::string>{"track_published"});
    CHECK(gaps_without({3, 5}) == std::vector<std::string>{"track_unpublished"});
    CHECK(gaps_without({4, 5}) == std::vector<std::string>{"participant_left"});
    CHECK(gaps_without({6, 5}).empty());  // it may go on
}

TEST_CASE("what is no event is refused, and says why") {
    for (const char* body : {"", "[]", "{}", R"({"event":"room_started"})", R"({"id":"EV_1"})", R"({"id":7,"event":"x"})"}) {
        const auto parsed = parse_webhook(body);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == Errc::Rejected);
    }
    // Of another kind where objects and texts are expected: nothing of it counts.
    const auto odd = parse_webhook(R"({"id":"E","event":"room_started","createdAt":{},"room":[],"participant":7,"track":{"sid":5},"egressInfo":{"fileResults":[1]}})");
    REQUIRE(odd);
    CHECK(odd->facts.empty());
}

}  // namespace
}  // namespace voicectl::store
