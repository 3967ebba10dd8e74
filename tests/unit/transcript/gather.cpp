#include "voicectl/transcript/gather.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "samples.h"
#include "voicectl/base/text.h"

namespace voicectl::transcript {
namespace {

using nlohmann::json;
using test::at;

Segment user(const std::string& id, const std::string& text, bool final) { return {"ann", id, text, final, false}; }
Segment agent(const std::string& id, const std::string& text, bool final) { return {"bot", id, text, final, false}; }

std::string packet(int sequence, const std::string& speaker, const std::string& text, std::int64_t ms) {
    return json{{"sequence", sequence}, {"speaker", speaker}, {"identity", speaker == "agent" ? "bot" : "ann"}, {"text", text},
                {"startedAt", format_time(at(ms))}, {"endedAt", format_time(at(ms + 900))}, {"interrupted", true}}.dump();
}

/// One that knows who the agent is.
struct Gathering : Gatherer {
    Gathering() { add_agent("bot"); }
};

std::vector<std::string> texts(const Gatherer& gatherer) {
    std::vector<std::string> out;
    for (const auto& turn : gatherer.turns()) out.push_back((turn.speaker == store::Speaker::Agent ? "agent: " : "user: ") + turn.text);
    return out;
}
using Texts = std::vector<std::string>;

TEST_CASE("a later text of a segment stands for the earlier, and the final one is news once") {
    Gathering gatherer;
    CHECK_FALSE(gatherer.add(user("SG_1", "when", false), at(100)));
    CHECK_FALSE(gatherer.add(user("SG_1", "when are", false), at(200)));
    const auto news = gatherer.add(user("SG_1", "when are you open", true), at(300));
    REQUIRE(news);
    CHECK(news->text == "when are you open");
    CHECK_FALSE(gatherer.add(user("SG_1", "When are you open?", true), at(400)));
    const auto turns = gatherer.turns();
    REQUIRE(turns.size() == 1);
    CHECK(turns[0].text == "When are you open?");
    CHECK(turns[0].started_at == at(100));
    CHECK(turns[0].ended_at == at(400));
}

TEST_CASE("a segment without an end is kept and marked") {
    Gathering gatherer;
    gatherer.add(user("SG_1", "I would like", false), at(0));
    const auto turns = gatherer.turns();
    REQUIRE(turns.size() == 1);
    CHECK(json::parse(turns[0].detail_json)["final"] == false);
}

TEST_CASE("of a stream that breaks off counts what came, unless the whole came before") {
    Gathering gatherer;
    gatherer.add_piece(agent("SG_1", "Good ", false), 5, at(0));
    gatherer.add_piece(agent("SG_1", "morning", false), 5, at(10));
    CHECK(texts(gatherer) == Texts{"agent: Good morning"});
    gatherer.add(user("SG_2", "when are you open", false), at(20));
    gatherer.add_piece(user("SG_2", "when are", false), 6, at(30));
    CHECK(texts(gatherer)[1] == "user: when are you open");
    gatherer.add_piece(user("SG_2", " you open today", false), 6, at(40));
    CHECK(texts(gatherer)[1] == "user: when are you open today");
    gatherer.add_piece(user("SG_2", "x", false), 7, at(50));
    CHECK(texts(gatherer)[1] == "user: when are you open");
    gatherer.add(agent("SG_1", "Good morning!", true), at(60));
    CHECK(texts(gatherer)[0] == "agent: Good morning!");
}

TEST_CASE("the same words by stream and by packet are one turn, whichever comes first") {
    for (const bool packet_first : {false, true}) {
        Gathering gatherer;
        int news = 0;
        const auto tell = [&](int step) {
            if (step == 0) news += gatherer.add(user("SG_1", "when are you open", true), at(300)) ? 1 : 0;
            else news += *gatherer.add_packet(packet(0, "user", "When are you open?", 100)) ? 1 : 0;
        };
        tell(packet_first ? 1 : 0);
        tell(packet_first ? 0 : 1);
        CHECK(news == 1);
        CHECK(texts(gatherer) == Texts{"user: When are you open?"});
        CHECK(gatherer.turns()[0].started_at == at(100));
        CHECK(gatherer.turns()[0].interrupted);
    }
}

TEST_CASE("the same words twice are two turns, also when one packet is missing") {
    Gathering gatherer;
    gatherer.add(user("SG_1", "yes", true), at(0));
    CHECK(gatherer.add_packet(packet(0, "user", "yes", 0)));
    gatherer.add(user("SG_2", "yes", true), at(2000));
    CHECK(texts(gatherer) == Texts{"user: yes", "user: yes"});
}

TEST_CASE("a packet may tell what several segments said, and is told once") {
    Gathering gatherer;
    gatherer.add(user("SG_1", "I would like", true), at(0));
    gatherer.add(user("SG_2", "a table", true), at(500));
    gatherer.add(agent("SG_3", "a table", true), at(600));
    CHECK_FALSE(*gatherer.add_packet(packet(4, "user", "I would like a table.", 0)));
    CHECK_FALSE(*gatherer.add_packet(packet(4, "user", "I would like a table!", 0)));
    CHECK(texts(gatherer) == Texts{"user: I would like a table!", "agent: a table"});
    CHECK(gatherer.turns()[1].sequence == 1);
}

TEST_CASE("older packets count only where no stream tells of that speaker") {
    Gathering gatherer;
    auto old = agent("x1", "Good morning", true);
    old.old_form = true;
    CHECK(gatherer.add(old, at(0)));
    CHECK(texts(gatherer).size() == 1);
    gatherer.add(agent("SG_1", "Good morning", true), at(10));
    CHECK(texts(gatherer).size() == 1);
}

TEST_CASE("segments without an id are turns of their own, and empty ones none") {
    Gathering gatherer;
    gatherer.add(user("", "one", true), at(0));
    gatherer.add(user("", "two", true), at(1));
    gatherer.add(user("SG_1", "uh", false), at(2));
    gatherer.add(user("SG_1", "", true), at(3));
    CHECK(texts(gatherer) == Texts{"user: one", "user: two"});
}

TEST_CASE("who the agent is may be told after its words") {
    Gatherer gatherer;
    CHECK(gatherer.add(agent("SG_1", "Good morning", true), at(0)));
    CHECK(texts(gatherer) == Texts{"user: Good morning"});
    const auto before = gatherer.version();
    gatherer.add_agent("bot");
    CHECK(gatherer.version() > before);
    CHECK(texts(gatherer) == Texts{"agent: Good morning"});
}

TEST_CASE("packets that are none are refused") {
    Gathering gatherer;
    for (const auto* bad : {"", "[]", "{}", "{\"speaker\":\"bot\"}", R"({"sequence":0,"speaker":"user","text":"x","startedAt":"soon","endedAt":"soon"})"}) {
        const auto news = gatherer.add_packet(bad);
        REQUIRE(!news);
        CHECK(news.error().code == Errc::Protocol);
    }
    CHECK(gatherer.turns().empty());
}

}  // namespace
}  // namespace voicectl::transcript
