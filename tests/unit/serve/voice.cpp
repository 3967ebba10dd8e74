// Voice over a WebSocket as its desk decides it: who may, what is refused, and how a call survives its connection.
#include "voicectl/serve/voice.h"

#include "core/serve/voice_protocol.h"
#include "fake_clients.h"

using namespace voicectl;
using namespace voicectl::test;

namespace {

constexpr std::size_t kBytesOfMs = 32;  // 16 kHz, two bytes each

std::string silence(std::size_t bytes) { return std::string(bytes, '\0'); }

std::vector<std::string> captions(const FakeWire& wire, const std::string& who, bool final) {
    std::vector<std::string> out;
    for (const auto& one : wire.heard("caption"))
        if (one["who"] == who && one["final"] == final) out.push_back(one["text"]);
    return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("who has no good token, or comes from a strange page, gets no socket") {
    VoiceWorld world;
    world.open();
    struct Case {
        net::Headers headers;
        int status;
        std::string code;
    };
    for (const auto& [headers, status, code] : {
             Case{{}, 401, "unauthorized"},
             Case{{{"authorization", "Bearer bad"}}, 401, "unauthorized"},
             Case{{{"authorization", "Bearer ann"}, {"origin", "https://evil.example"}, {"host", "voice.example"}}, 403, "origin"},
             Case{{{"authorization", "Bearer ann"}, {"origin", "null"}, {"host", ""}}, 403, "origin"},
             Case{{{"sec-websocket-protocol", "bearer.ann"}}, 400, "bad_message"},
             Case{{{"sec-websocket-protocol", "voicectl.v2, bearer.ann"}}, 400, "bad_message"},
         }) {
        CAPTURE(Json(headers).dump());
        const auto wire = world.connect(headers);
        CHECK_FALSE(wire->accepted);
        REQUIRE(wire->refused);
        CHECK(wire->refused->status == status);
        CHECK(Json::parse(wire->refused->body)["error"]["code"] == code);
    }
    world.gate.answer = serve::Caller{serve::Who::Operator, ""};
    CHECK(world.connect()->refused->status == 403);
    world.gate.answer = fail(Errc::Unreachable, "no keys");
    const auto wire = world.connect();
    CHECK(wire->refused->status == 503);
    CHECK(wire->refused->headers == net::Headers{{"Retry-After", "5"}});
    CHECK(world.desk->counts().refused.at("unauthorized") == 2);
}

TEST_CASE("a token comes as a header or as a subprotocol") {
    VoiceWorld world;
    world.open();
    auto wire = world.connect(net::Headers{{"sec-websocket-protocol", "voicectl.v1, bearer.a.b_c"}, {"origin", "https://Voice.example"}, {"host", "voice.example"}});
    CHECK(wire->accepted);
    CHECK(wire->options.protocol == "voicectl.v1");
    CHECK(world.gate.asked == "Bearer a.b_c");
    CHECK(wire->options.max_message == 256 * 1024);
    CHECK(wire->options.max_waiting == 512 * 1024);
    CHECK(wire->options.ping_every == 15s);
    wire = world.connect();
    CHECK(wire->accepted);
    CHECK(wire->options.protocol.empty());
    world.desk.reset();
    world.open({.origins = {"https://app.example"}});
    CHECK(world.connect(net::Headers{{"authorization", "Bearer ann"}, {"origin", "https://app.example"}, {"host", "voice.example"}})->accepted);
    CHECK_FALSE(world.connect(net::Headers{{"authorization", "Bearer ann"}, {"origin", "https://voice.example"}, {"host", "voice.example"}})->accepted);
}

TEST_CASE("a client is greeted, in pieces of 100 ms a little ahead of their time, and answered") {
    VoiceWorld world;
    world.open();
    const auto wire = world.call("ann", {{"type", "start"}, {"metadata", {{"userId", "bob"}, {"variables", {{"a", "b"}}}}}, {"language", "de"}});
    const auto ready = wire->last("ready");
    CHECK(ready["room"] == "voice_ann_" + ready["callId"].get<std::string>());
    CHECK(ready["sampleRate"] == 16000);
    CHECK(ready["position"] == 0);
    CHECK(ready["resumed"] == false);
    CHECK(ready["resumeToken"].get<std::string>().size() == 32);
    CHECK(ready["limits"]["idleMs"] == 600000);
    world.loop.advance(300ms);
    CHECK(wire->audio_bytes > 0);
    CHECK(wire->audio_bytes <= (300 + 400) * kBytesOfMs);
    CHECK(wire->last("state")["state"] == "speaking");
    world.loop.advance(1s);
    CHECK(wire->audio_bytes == (500 + 150) * kBytesOfMs);  // five words, and what a greeting begins with
    for (const auto bytes : wire->pieces) CHECK(bytes <= 3200);
    CHECK(captions(*wire, "agent", true) == Texts{"Hello there my dear friend."});
    CHECK_FALSE(captions(*wire, "agent", false).empty());
    CHECK(wire->last("state")["state"] == "listening");
    wire->say({{"type", "text"}, {"text", "when are you open"}});
    REQUIRE(world.model->asked.size() == 1);
    CHECK(world.model->asked[0].back().text == "when are you open");
    world.model->answer("At nine.");
    world.loop.advance(1s);
    CHECK(captions(*wire, "agent", true).back() == "At nine.");
    wire->say({{"type", "end"}});
    world.until_ended(*wire);
    CHECK(wire->last("ended") == Json{{"type", "ended"}, {"reason", "the caller hung up"}, {"status", "completed"}, {"turns", 3}});
    world.loop.settle();
    REQUIRE(wire->closed);
    CHECK(wire->closed->code == 1000);
    CHECK(wire->dropped);
    CHECK(world.desk->counts().calls == 0);
    CHECK(world.desk->counts().bytes_out == wire->audio_bytes);
    world.desk.reset();
    world.store.reset();
    const auto open = store::Store::open_existing(world.path);
    const auto call = (*open)->find(ready["room"].get<std::string>());
    REQUIRE(call);
    CHECK(call->status == "completed");
    const auto metadata = Json::parse(call->dispatch_metadata);
    CHECK(metadata["userId"] == "ann");  // and not whom the client names
    CHECK(metadata["language"] == "de");
    CHECK((*open)->find_session("VS_" + ready["callId"].get<std::string>()));
}

TEST_CASE("what the client says is heard, and stops the agent: the client drops what it has") {
    VoiceWorld world;
    world.config.greeting.clear();
    world.open();
    const auto wire = world.call();
    world.speak(*wire, 800ms, true);
    world.speak(*wire, 1s, false);
    REQUIRE(world.ear->utterances == 1);
    world.ear->sink.on_final("tell me everything");
    world.loop.advance(50ms);
    CHECK(captions(*wire, "user", true) == Texts{"tell me everything"});
    world.model->answer("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty.");
    world.speak(*wire, 500ms, false);
    CHECK(wire->heard("clear").empty());
    world.speak(*wire, 600ms, true);
    CHECK(wire->heard("clear").size() == 1);
    const auto sent = wire->audio_bytes;
    CHECK(sent < 1500 * kBytesOfMs);
    world.speak(*wire, 1s, false);
    world.ear->sink.on_final("stop please");
    world.loop.advance(50ms);
    CHECK(wire->audio_bytes == sent);
    CHECK(captions(*wire, "agent", true).back().find("twenty") == std::string::npos);
}

TEST_CASE("pieces of the wrong size are refused, and whoever goes on with them is closed") {
    VoiceWorld world;
    world.open();
    const auto wire = world.call();
    for (const std::size_t bytes : {98, 101, 100'002}) {
        wire->sound(silence(bytes));
        CHECK(wire->last("error")["code"] == "bad_chunk");
    }
    CHECK(wire->heard("error").size() == 3);
    wire->sound(silence(100));
    wire->sound(silence(100'000));
    CHECK(wire->heard("error").size() == 3);
    world.loop.advance(11s);  // errors of long ago do not count
    for (int i = 0; i < 5; ++i) wire->sound(silence(98));
    CHECK_FALSE(wire->closed);
    wire->sound(silence(98));
    REQUIRE(wire->closed);
    CHECK(wire->closed->code == 1008);
    world.until([&] { return world.desk->counts().calls == 0; });
    CHECK(world.desk->counts().cut == 0);
    CHECK(world.desk->counts().refused.at("bad_chunk") == 9);
}

TEST_CASE("more audio than real time is refused beyond 5 s") {
    VoiceWorld world;
    world.open();
    const auto wire = world.call();
    for (int i = 0; i < 50; ++i) wire->sound(silence(3200));
    CHECK(wire->heard("error").empty());
    wire->sound(silence(3200));
    CHECK(wire->last("error")["code"] == "too_fast");
    world.loop.advance(100ms);
    wire->sound(silence(3200));
    CHECK(wire->heard("error").size() == 1);
    CHECK(world.desk->counts().bytes_in == 51 * 3200);
}

TEST_CASE("what is no message of the protocol is an error that says so") {
    VoiceWorld world;
    world.open({.most_errors = 100});
    const auto wire = world.connect();
    struct Case {
        std::string sent, code, words;
    };
    for (const auto& [sent, code, words] : {Case{"nonsense", "bad_message", "no JSON"}, Case{"[1]", "bad_message", "no object"}, Case{"{}", "bad_message", "no type"},
                                            Case{R"({"type":"dance"})", "bad_message", "no message of type 'dance'"},
                                            Case{R"({"type":"text","text":7})", "bad_message", "text"},
                                            Case{R"({"type":"text","txt":"x"})", "bad_message", "txt"},
                                            Case{R"({"type":"start","metadata":[]})", "bad_message", "metadata"},
                                            Case{R"({"type":"start","metadata":{"language":"x y"}})", "bad_message", "language"},
                                            Case{R"({"type":"text","text":"hello"})", "no_call", "start"},
                                            Case{R"({"type":"end"})", "no_call", "start"},
                                            Case{std::string(30, '[') + std::string(30, ']'), "bad_message", "nested"},
                                            Case{R"({"type":"text","text":")" + std::string(80'000, 'x') + "\"}", "too_long", "73728"}}) {
        CAPTURE(sent.substr(0, 60));
        wire->say_text(sent);
        const auto error = wire->messages.back();
        CHECK(error["type"] == "error");
        CHECK(error["code"] == code);
        CHECK(error["message"].get<std::string>().find(words) != std::string::npos);
    }
    wire->sound(silence(3200));
    CHECK(wire->last("error")["code"] == "no_call");
    wire->say({{"type", "ping"}, {"id", 7}});
    CHECK(wire->messages.back() == Json{{"type", "pong"}, {"id", 7}});
    CHECK(world.desk->counts().begun == 0);
}

TEST_CASE("a flood of messages is refused") {
    VoiceWorld world;
    world.open();
    const auto wire = world.connect();
    for (int i = 0; i < 106; ++i) wire->say({{"type", "ping"}});
    CHECK(wire->heard("pong").size() == 100);
    CHECK(wire->last("error")["code"] == "too_fast");
    REQUIRE(wire->closed);
}

TEST_CASE("who does not start is closed, and who starts twice is told") {
    VoiceWorld world;
    world.open();
    const auto idle = world.connect();
    const auto busy = world.call();
    world.loop.advance(9s);
    CHECK_FALSE(idle->closed);
    world.loop.advance(2s);
    REQUIRE(idle->closed);
    CHECK(idle->closed->code == 1008);
    CHECK(idle->last("error")["code"] == "no_start");
    CHECK_FALSE(busy->closed);
    busy->say({{"type", "start"}});
    CHECK(busy->last("error")["code"] == "already_started");
    CHECK(world.desk->counts().calls == 1);
}

TEST_CASE("a user has three calls at once, and all users together so many") {
    VoiceWorld world;
    world.config.limits.calls_per_user = 0;  // whatever the agent allows
    world.open({.most_calls = 4});
    std::vector<std::shared_ptr<FakeWire>> wires;
    for (int i = 0; i < 3; ++i) wires.push_back(world.call());
    const auto fourth = world.call();
    CHECK(fourth->last("error")["code"] == "user_limit");
    REQUIRE(fourth->closed);
    CHECK(fourth->closed->code == 1013);
    const auto other = world.call("bob");
    CHECK_FALSE(other->closed);
    const auto fifth = world.call("eve");
    CHECK(fifth->last("error")["code"] == "busy");
    wires[0]->say({{"type", "end"}});
    world.until_ended(*wires[0]);
    CHECK_FALSE(world.call()->closed);  // the place is free as soon as the end is told
    CHECK(world.desk->counts().calls == 4);
}

TEST_CASE("beside those in calls so many may be connected") {
    VoiceWorld world;
    world.open({.most_calls = 1});
    std::vector<std::shared_ptr<FakeWire>> wires;
    for (int i = 0; i < 51; ++i) {
        wires.push_back(world.connect());
        CHECK(wires.back()->accepted);
    }
    const auto refused = world.connect();
    REQUIRE(refused->refused);
    CHECK(refused->refused->status == 503);
    wires.front()->go(1000);
    CHECK(world.connect()->accepted);
}

TEST_CASE("a call for an assignment is for the user whose it is") {
    VoiceWorld world;
    world.open();
    const auto asking = [&](const std::string& user, const std::string& assignment) {
        return world.call(user, {{"type", "start"}, {"metadata", {{"assignmentId", assignment}}}});
    };
    bool saved = false;
    world.store->run<void>([](store::Store& store) { return store.save_assignment({"lesson", "ann"}); }, [&](const Result<void>&) { saved = true; });
    world.until([&] { return saved; });
    CHECK(asking("ann", "lesson")->last("ready").is_object());
    for (const auto& [user, assignment] : {std::pair{"bob", "lesson"}, {"ann", "none"}}) {
        const auto refused = asking(user, assignment);
        CHECK(refused->last("error")["code"] == "assignment_refused");
        CHECK(refused->last("error")["message"] == "the user has no such assignment");
        REQUIRE(refused->closed);
        CHECK(refused->closed->code == 1008);
    }
    CHECK(world.desk->counts().calls == 1);
    const auto gone = world.connect("ann");
    gone->say({{"type", "start"}, {"metadata", {{"assignmentId", "none"}}}});
    gone->go(1006);
    world.until([&] { return world.desk->counts().calls == 1; });
}

TEST_CASE("a client that closes has hung up") {
    for (const int code : {1000, 1005}) {
        VoiceWorld world;
        world.open();
        world.call()->go(code);
        world.until([&] { return world.desk->counts().ended == 1; });
        CHECK(world.desk->counts().cut == 0);
    }
}

TEST_CASE("after a cut the call waits for its caller, and the agent with it") {
    VoiceWorld world;
    world.open();
    auto wire = world.call();
    world.loop.advance(300ms);
    const auto heard = wire->audio_bytes;
    CHECK(heard < 650 * kBytesOfMs);
    const auto first = wire->last("ready");
    wire->go(1006);
    world.loop.advance(20s);
    CHECK(world.desk->counts().calls == 1);
    const auto back = world.resume(first);
    const auto ready = back->last("ready");
    REQUIRE(ready.is_object());
    CHECK(ready["resumed"] == true);
    CHECK(ready["callId"] == first["callId"]);
    CHECK(ready["resumeToken"] != first["resumeToken"]);
    CHECK(ready["position"] == heard / 2);
    CHECK(back->last("state")["state"] == "speaking");
    world.loop.advance(2s);
    CHECK(heard + back->audio_bytes == 650 * kBytesOfMs);  // nothing is lost, nothing comes twice
    CHECK(captions(*back, "agent", true) == Texts{"Hello there my dear friend."});
    CHECK(world.desk->counts().resumed == 1);

    back->go(1006);
    SUBCASE("a token is no good once a later one was used") {
        const auto later = world.resume(ready);
        CHECK(later->last("ready").is_object());
        later->go(1006);
        const auto again = world.resume(first);
        CHECK(again->last("error")["code"] == "resume_refused");
        REQUIRE(again->closed);
        CHECK(again->closed->code == 1008);
        CHECK(world.resume(later->last("ready"))->last("ready").is_object());
    }
    SUBCASE("who never got the second token comes back with the first") {
        for (int i = 0; i < 40; ++i) {
            const auto again = world.resume(first);
            REQUIRE(again->last("ready").is_object());
            CHECK(again->last("ready")["resumeToken"] != ready["resumeToken"]);
            again->go(1006);
        }
        const auto last = world.resume(first);
        last->go(1006);
        CHECK(world.resume(last->last("ready"))->last("ready").is_object());
    }
    SUBCASE("a connection that comes late takes nothing from the one that is used") {
        const auto used = world.resume(ready);
        const auto late = world.resume(ready);  // sent before, and held up on its way
        REQUIRE(used->closed);
        CHECK(used->closed->code == 4000);
        CHECK(world.resume(used->last("ready"))->last("ready").is_object());
    }
    SUBCASE("nobody else takes it") {
        CHECK(world.resume(ready, "bob")->last("error")["code"] == "resume_refused");
        auto wrong = ready;
        wrong["resumeToken"] = std::string(32, 'x');
        CHECK(world.resume(wrong)->last("error")["code"] == "resume_refused");
        wrong["resumeToken"] = "x";
        CHECK(world.resume(wrong)->last("error")["code"] == "resume_refused");
        wrong["callId"] = "VC_none";
        CHECK(world.resume(wrong)->last("error")["code"] == "resume_refused");
        CHECK(world.resume(ready)->last("ready").is_object());
    }
    SUBCASE("after its time it is over") {
        world.loop.advance(31s);
        world.until([&] { return world.desk->counts().calls == 0; });
        CHECK(world.resume(ready)->last("error")["code"] == "resume_refused");
    }
}

TEST_CASE("what got lost on its way is said again") {
    VoiceWorld world;
    world.open();
    auto wire = world.call();
    world.loop.advance(300ms);
    const auto sent = wire->audio_bytes;
    wire->go(1006);
    const auto back = world.resume(wire->last("ready"), "ann", (sent - 6400) / 2);
    CHECK(back->last("ready")["position"] == (sent - 6400) / 2);
    world.loop.advance(2s);
    CHECK(sent - 6400 + back->audio_bytes == 650 * kBytesOfMs);
    // A place that was never reached is none: nothing is lost by it.
    back->go(1006);
    const auto liar = world.resume(back->last("ready"), "ann", 1'000'000'000);
    CHECK(liar->last("ready")["position"] == 650 * kBytesOfMs / 2);
}

TEST_CASE("what is said while the caller is away is waiting as text") {
    VoiceWorld world;
    world.config.greeting.clear();
    world.open();
    auto wire = world.call();
    world.speak(*wire, 800ms, true);
    wire->go(1006);
    world.loop.advance(1s);  // the caller is silent: the turn is over
    REQUIRE(world.ear->utterances == 1);
    world.ear->sink.on_final("are you there");
    world.loop.advance(100ms);
    world.model->answer("I am.");
    world.loop.advance(5s);
    const auto back = world.resume(wire->last("ready"));
    CHECK(captions(*back, "user", true) == Texts{"are you there"});
    CHECK(captions(*back, "agent", true).empty());  // not heard yet
    world.loop.advance(1s);
    CHECK(captions(*back, "agent", true) == Texts{"I am."});
    CHECK(back->audio_bytes == 200 * kBytesOfMs);
}

TEST_CASE("who interrupts the agent and is cut off before it stops is told, once, to drop what was waiting") {
    VoiceWorld world;
    world.config.greeting.clear();
    world.open();
    const auto wire = world.call();
    world.speak(*wire, 800ms, true);
    world.speak(*wire, 1s, false);
    REQUIRE(world.ear->utterances == 1);
    world.ear->sink.on_final("tell me everything");
    world.loop.advance(50ms);
    world.model->answer("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty.");
    world.speak(*wire, 500ms, false);
    REQUIRE(wire->audio_bytes > 0);
    wire->sound(world.sound(1s, true));  // has come, and is heard in its time
    wire->go(1006);
    world.loop.advance(2s);
    CHECK(wire->heard("clear").empty());
    REQUIRE(world.ear->utterances == 2);
    world.ear->sink.on_final("stop please");
    world.loop.advance(50ms);
    const auto back = world.resume(wire->last("ready"), "ann", 0);
    REQUIRE(back->messages.size() > 2);
    CHECK(back->messages[0]["type"] == "ready");
    CHECK(back->messages[0]["position"] == wire->audio_bytes / 2);  // what was dropped does not come again
    CHECK(back->messages[1]["type"] == "clear");
    CHECK(captions(*back, "user", true) == Texts{"stop please"});
    REQUIRE(captions(*back, "agent", true).size() == 1);
    CHECK(captions(*back, "agent", true)[0].find("twenty") == std::string::npos);
    world.model->answer("Very well.");
    world.loop.advance(2s);
    CHECK(captions(*back, "agent", true).back() == "Very well.");
    CHECK(back->heard("clear").size() == 1);
    back->go(1006);
    const auto again = world.resume(back->last("ready"));
    CHECK(again->last("ready")["resumed"] == true);
    CHECK(again->heard("clear").empty());
    CHECK(again->heard("caption").empty());
}

TEST_CASE("a newer connection takes the call over from one that is half open") {
    VoiceWorld world;
    world.open();
    const auto wire = world.call();
    world.loop.advance(200ms);
    const auto back = world.resume(wire->last("ready"));
    CHECK(back->last("ready")["resumed"] == true);
    REQUIRE(wire->closed);
    CHECK(wire->closed->code == 4000);
    CHECK(world.desk->counts().cut == 0);
    const auto before = wire->audio_bytes;
    world.loop.advance(2s);
    CHECK(wire->audio_bytes == before);
    CHECK(back->audio_bytes > 0);
    world.loop.advance(40s);
    CHECK(world.desk->counts().calls == 1);
}

TEST_CASE("a client that goes before its call is there has none") {
    VoiceWorld world;
    world.open();
    const auto wire = world.connect();
    wire->say({{"type", "start"}});
    wire->go(1006);
    world.until([&] { return world.desk->counts().calls == 0; });
    CHECK(wire->heard("ready").empty());
}

TEST_CASE("a drain says goodbye, and is done when the last call is over") {
    VoiceWorld world;
    world.open({.goodbye = "Bye now."});
    const auto wire = world.call();
    const auto idle = world.connect();
    const auto away = world.call("bob");
    world.loop.advance(2s);
    away->go(1006);
    bool done = false;
    world.desk->drain(30s, [&] { done = true; });
    world.loop.settle();
    CHECK(idle->closed->code == 1001);
    CHECK_FALSE(done);
    CHECK(world.connect()->refused->status == 503);
    world.loop.advance(2s);
    world.until([&] { return done; });
    CHECK(captions(*wire, "agent", true).back() == "Bye now.");
    CHECK(wire->last("ended")["reason"] == "the server is going away");
    CHECK(wire->closed->code == 1001);
}

TEST_CASE("a drain waits so long and no longer") {
    VoiceWorld world;
    world.open();
    const auto wire = world.call();
    world.loop.advance(2s);
    world.voice->mute = true;
    bool done = false;
    world.desk->drain(1s, [&] { done = true; });
    world.loop.advance(1100ms);
    world.until([&] { return done; });
    CHECK(wire->last("ended").is_object());
}

TEST_CASE("an agent that has no sound from its caller for too long ends the call") {
    VoiceWorld world;
    world.config.limits.idle = 5s;
    world.open();
    const auto wire = world.call();
    CHECK(wire->last("ready")["limits"]["idleMs"] == 5000);
    world.speak(*wire, 20s, false);
    world.until_ended(*wire);
    CHECK(wire->last("ended")["reason"] == "the caller was silent for too long");
}

TEST_CASE("ten minutes of silence and half an hour in all, whatever the agent allows") {
    VoiceWorld world;
    world.config.limits.idle = 0ms;
    world.config.limits.max_duration = 24h;
    world.open();
    const auto silent = world.call();
    CHECK(silent->last("ready")["limits"]["idleMs"] == 600'000);
    CHECK(silent->last("ready")["limits"]["maxDurationMs"] == 1'800'000);
    const auto busy = world.call("bob");
    world.loop.advance(9min);
    CHECK(silent->last("ended").is_null());
    for (int i = 0; i < 4; ++i) {
        busy->say({{"type", "text"}, {"text", "hello"}});
        world.model->answer("Hello.");
        world.loop.advance(5min);
        CHECK(busy->last("ended").is_null());
    }
    world.until_ended(*silent);
    CHECK(silent->last("ended")["reason"] == "the caller was silent for too long");
    world.loop.advance(2min);
    world.until_ended(*busy);
    CHECK(busy->last("ended")["reason"] == "longest duration reached");
}

TEST_CASE("the agent's budget ends these calls, too") {
    VoiceWorld world;
    world.config.llm = {{"provider", "mind"}};
    world.config.prices.set("mind", {.million_output_tokens = *agent::parse_money("100000"), .date = "2026-01-01", .source = "test"});
    world.config.limits.budget = *agent::parse_money("10");
    world.open();
    const auto wire = world.call();
    world.loop.advance(2s);  // the greeting is over
    wire->say({{"type", "text"}, {"text", "hello"}});
    world.model->usage = speech::Usage{.output_tokens = 100};
    world.model->answer("Hello.");
    world.loop.advance(10s);
    world.until_ended(*wire);
    CHECK(wire->last("ended")["reason"] == "budget spent: 10 of 10 USD");
}

TEST_CASE("users are part of a room's name only as far as rooms may be called so") {
    CHECK(serve::voice::room_name("ann", "VC_1") == "voice_ann_VC_1");
    CHECK(serve::voice::room_name("a/b c\xc3\xa4_", "VC_1") == "voice_a-b-c---_VC_1");
    CHECK(serve::voice::room_name("", "VC_1") == "voice_nobody_VC_1");
    CHECK(serve::voice::room_name(std::string(300, 'x'), "VC_1").size() < 100);
}
