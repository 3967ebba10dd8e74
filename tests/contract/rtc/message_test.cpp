#include <doctest/doctest.h>

#include "world.h"

namespace voicectl::test {
namespace {

struct Talkers {
    Talkers() {
        const auto room = World::get().new_room();
        a = std::make_unique<Peer>(room, "a");
        b = std::make_unique<Peer>(room, "b");
        REQUIRE(a->join());
        REQUIRE(b->join());
        REQUIRE(b->show_to(*a));
    }
    std::unique_ptr<Peer> a, b;
};

/// Starts a request on the loop and waits for its answer.
template<class Start>
Result<void> answer(Peer& peer, Start start) {
    std::optional<Result<void>> result;
    peer.on_loop([&] {
        start([&](Result<void> done) { peer.change([&] { result = done; }); });
        CHECK_FALSE(result);  // never inside the call
    });
    if (!peer.wait([&] { return result.has_value(); })) return fail(Errc::Timeout, "never answered");
    return *result;
}

Result<void> send_data(Peer& peer, const std::string& payload, const std::vector<std::string>& to = {}) {
    return answer(peer, [&](auto done) { peer.room().send_data(payload, "topic", to, done); });
}

Result<void> send_text(Peer& peer, const std::string& text,
                       const std::map<std::string, std::string>& attributes = {}) {
    return answer(peer, [&](auto done) { peer.room().send_text(text, "lk.chat", attributes, done); });
}

}  // namespace

TEST_CASE("a data packet arrives byte for byte, with topic and sender, up to the limit") {
    const Talkers pair;
    std::string bytes(15000, 'x');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 251);
    REQUIRE(send_data(*pair.a, bytes));
    REQUIRE(send_data(*pair.a, ""));
    REQUIRE(pair.b->wait([&] { return pair.b->data.size() == 2; }));
    CHECK(pair.b->data[0].payload == bytes);
    CHECK(pair.b->data[0].topic == "topic");
    CHECK(pair.b->data[0].sender_identity == "a");
    CHECK(pair.b->data[1].payload.empty());

    const auto refused = send_data(*pair.a, bytes + "y");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Usage);
}

TEST_CASE("a data packet to one participant reaches no other") {
    const Talkers pair;
    Peer third(pair.a->on_loop([&] { return pair.a->room().name(); }), "third");
    REQUIRE(third.join());
    REQUIRE(third.show_to(*pair.a));
    REQUIRE(send_data(*pair.a, "for b", {"b"}));
    REQUIRE(send_data(*pair.a, "for all"));
    REQUIRE(third.wait([&] { return !third.data.empty(); }));
    CHECK(third.data[0].payload == "for all");
    REQUIRE(pair.b->wait([&] { return pair.b->data.size() == 2; }));
    CHECK(pair.b->data[0].payload == "for b");
}

TEST_CASE("data from the server API has no sender") {
    const Talkers pair;
    const auto room = pair.a->on_loop([&] { return pair.a->room().name(); });
    REQUIRE(World::get().call(
                "SendData", R"({"room":")" + room + R"(","data":"aGVsbG8=","kind":"RELIABLE","topic":"ops"})",
                room) == 200);
    REQUIRE(pair.a->wait([&] { return !pair.a->data.empty(); }));
    CHECK(pair.a->data[0].payload == "hello");
    CHECK(pair.a->data[0].topic == "ops");
    CHECK(pair.a->data[0].sender_identity.empty());
}

TEST_CASE("text of any length arrives whole, with its attributes") {
    const Talkers pair;
    std::string text;
    while (text.size() < 40000) text += "Grüße, 世界! ";
    REQUIRE(send_text(*pair.a, text, {{"key", "value"}}));
    REQUIRE(send_text(*pair.b, "short"));
    REQUIRE(pair.b->wait([&] { return !pair.b->texts.empty(); }));
    CHECK(pair.b->texts[0].text == text);
    CHECK(pair.b->texts[0].topic == "lk.chat");
    CHECK(pair.b->texts[0].sender_identity == "a");
    CHECK(pair.b->texts[0].attributes.at("key") == "value");
    REQUIRE(pair.a->wait([&] { return !pair.a->texts.empty(); }));
    CHECK(pair.a->texts[0].text == "short");
}

TEST_CASE("text that was cut inside a character is sent with a mark in its place") {
    const Talkers pair;
    REQUIRE(send_text(*pair.a, "caf\xC3"));
    REQUIRE(pair.b->wait([&] { return !pair.b->texts.empty(); }));
    CHECK(pair.b->texts[0].text == "caf\xEF\xBF\xBD");
}

TEST_CASE("a text written piece by piece is one stream, and its end overrules its beginning's attributes") {
    const Talkers pair;
    std::unique_ptr<rtc::TextWriter> writer;
    pair.a->on_loop([&] {
        writer = pair.a->room().open_text({.topic = "captions", .attributes = {{"final", "false"}, {"id", "1"}}});
        for (int i = 0; i < 50; ++i) writer->write("wörd ");
    });
    // Nothing more can be under way when it ends: pieces still wait for the stream to open.
    pair.a->on_loop([&] {
        writer->close({{"final", "true"}});
        writer->write("too late");
        writer.reset();
    });
    REQUIRE(pair.b->wait([&] { return !pair.b->texts.empty(); }));
    const auto got = pair.b->look([&] { return pair.b->texts[0]; });
    std::string expected;
    for (int i = 0; i < 50; ++i) expected += "wörd ";
    CHECK(got.text == expected);
    CHECK(got.attributes.at("final") == "true");
    CHECK(got.attributes.at("id") == "1");
}

TEST_CASE("a writer that is dropped ends its stream, and one that wrote nothing sends nothing") {
    const Talkers pair;
    pair.a->on_loop([&] {
        (void)pair.a->room().open_text({.topic = "nothing"});
        pair.a->room().open_text({.topic = "something"})->write("here");
    });
    REQUIRE(pair.b->wait([&] { return !pair.b->texts.empty(); }));
    CHECK(pair.b->texts[0].topic == "something");
    CHECK(pair.b->texts[0].text == "here");
}

TEST_CASE("an agent sends text in another's name, and what was said as agents did before text streams") {
    const auto room = World::get().new_room();
    Peer person(room, "person");
    livekit::Claims claims;
    claims.kind = "agent";
    claims.video.agent = true;
    Peer agent(room, "agent", claims);
    REQUIRE(person.join());
    REQUIRE(agent.join());
    REQUIRE(agent.show_to(person));
    REQUIRE(answer(agent, [&](auto done) {
        agent.room().send_text("what I said", {.topic = "captions", .on_behalf_of = "person"}, done);
    }));
    REQUIRE(person.wait([&] { return !person.texts.empty(); }));
    CHECK(person.texts[0].sender_identity == "person");
    REQUIRE(answer(agent, [&](auto done) {
        agent.room().send_transcription({"person", "TR_1", {{"SG_1", "what I said", "", true}}}, done);
    }));
    REQUIRE(person.wait([&] { return !person.transcriptions.empty(); }));
    CHECK(person.transcriptions[0].segments.at(0).text == "what I said");
    CHECK(person.transcriptions[0].segments.at(0).final);
}

TEST_CASE("a method that we serve is called by the server API, and its error is told") {
    const Talkers pair;
    const auto room = pair.a->on_loop([&] { return pair.a->room().name(); });
    std::vector<rtc::RpcCall> calls;
    pair.a->on_loop([&] {
        pair.a->room().serve("echo", [&](const rtc::RpcCall& call, const rtc::RpcAnswer& reply) {
            pair.a->change([&] { calls.push_back(call); });
            reply("back: " + call.payload);
        });
        pair.a->room().serve("broken", [](const rtc::RpcCall&, const rtc::RpcAnswer& reply) {
            reply(std::unexpected(rtc::RpcFault{2001, "no such luck"}));
        });
        pair.a->room().serve("forgetful", [](const rtc::RpcCall&, const rtc::RpcAnswer&) {});
    });
    const auto call = [&](const std::string& method) {
        return World::get().call("PerformRpc",
                                 R"({"room":")" + room + R"(","destination_identity":"a","method":")" + method +
                                     R"(","payload":"hello","response_timeout_ms":2500})",
                                 room);
    };
    CHECK(call("echo") == 200);
    const auto seen = pair.a->look([&] { return calls; });
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].payload == "hello");
    CHECK(seen[0].by_server);
    CHECK(call("broken") == 500);
    CHECK(call("forgetful") == 500);
    CHECK(call("unknown") == 400);
}

TEST_CASE("attributes are merged, seen by the others, and removed by an empty value") {
    const Talkers pair;
    const auto set = [&](const std::map<std::string, std::string>& attributes) {
        return answer(*pair.a, [&](auto done) { pair.a->room().set_attributes(attributes, done); });
    };
    // The server may tell of other changes in between.
    const auto seen = [&](const std::string& state) {
        return pair.b->wait([&] {
            if (pair.b->updated.empty()) return false;
            const auto& attributes = pair.b->updated.back().attributes;
            const auto found = attributes.find("lk.agent.state");
            return found != attributes.end() && found->second == state;
        });
    };
    REQUIRE(set({{"lk.agent.state", "listening"}, {"other", "1"}}));
    REQUIRE(seen("listening"));
    CHECK(pair.b->updated.back().identity == "a");
    REQUIRE(set({{"lk.agent.state", "speaking"}, {"other", ""}}));
    REQUIRE(seen("speaking"));
    CHECK_FALSE(pair.b->updated.back().attributes.contains("other"));
    CHECK(pair.a->on_loop([&] { return pair.a->updated.empty(); }));  // we know what we did
}

TEST_CASE("requests to a room that is not there are answered, not lost") {
    const Talkers pair;
    pair.a->leave();
    REQUIRE(pair.a->wait([&] { return pair.a->closed.has_value(); }));
    CHECK(send_data(*pair.a, "x").error().code == Errc::Cancelled);
    CHECK(send_text(*pair.a, "x").error().code == Errc::Cancelled);
    CHECK(pair.a->publish(16000).error().code == Errc::Cancelled);
}

}  // namespace voicectl::test
