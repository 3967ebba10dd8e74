#include "core/agent/front_end.h"

#include <doctest/doctest.h>

#include "support/agent_call.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;
using nlohmann::json;
using store::Speaker;

namespace {

using Stream = test::FakeRoom::Stream;

constexpr const char* kLong =
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty.";

/// The greeting is over, the caller is there.
void begin(Call& call) {
    call.start();
    call.caller_comes();
    call.loop.advance(2s);
}

std::vector<Stream> captions_of(Call& call, const std::string& whom) {
    std::vector<Stream> out;
    for (const auto& stream : call.room().streams)
        if (stream.options.topic == "lk.transcription" && stream.options.on_behalf_of == whom) out.push_back(stream);
    return out;
}

void type(Call& call, const std::string& text, const std::string& from = "ann", const std::string& topic = "lk.chat") {
    call.room().events().on_text({text, topic, from, {}});
    call.loop.settle();
}

void press(Call& call, const std::string& keys, const std::string& from = "ann") {
    for (const char key : keys) call.room().events().on_dtmf({0, std::string(1, key), from});
    call.loop.settle();
}

/// What a method answers: its JSON, or {"code", "message"}; null: nothing yet.
struct Told {
    json value;
};
std::shared_ptr<Told> perform(Call& call, const std::string& method, const std::string& payload, const std::string& from = "ann",
                               bool by_server = false) {
    auto reply = std::make_shared<Told>();
    call.room().methods.at(method)({method, payload, from, by_server, 10s}, [reply](const std::expected<std::string, rtc::RpcFault>& answer) {
        reply->value = answer ? json::parse(*answer) : json{{"code", answer.error().code}, {"message", answer.error().message}};
    });
    call.loop.settle();
    return reply;
}

}  // namespace

TEST_CASE("the agent's captions grow with what is heard, in one stream for each turn") {
    Call call;
    call.config.greeting.clear();
    begin(call);
    call.caller_says("tell me everything");
    call.model->answer(kLong);
    call.loop.advance(600ms);
    auto captions = captions_of(call, "");
    REQUIRE(captions.size() == 1);
    CHECK(captions[0].text.starts_with("one two three"));
    CHECK(captions[0].text.find("nine") == std::string::npos);
    CHECK_FALSE(captions[0].closed);
    CHECK(captions[0].options.attributes.at("lk.segment_id").starts_with("SG_"));
    CHECK(captions[0].options.attributes.at("lk.transcribed_track_id") == "TR_agent");
    CHECK(captions[0].options.attributes.at("lk.transcription_final") == "false");
    call.loop.advance(3s);
    captions = captions_of(call, "");
    REQUIRE(captions.size() == 1);
    CHECK(captions[0].text == kLong);
    CHECK(captions[0].pieces > 10);
    CHECK(captions[0].closed);
    CHECK(captions[0].end.at("lk.transcription_final") == "true");
}

TEST_CASE("an interrupted caption ends with what was heard, which is what is stored") {
    Call call;
    call.config.greeting.clear();
    begin(call);
    call.caller_says("tell me everything");
    call.model->answer(kLong);
    call.loop.advance(600ms);
    call.sound(500ms, true);
    call.sound(700ms, false);
    call.ear->sink.on_final("stop please");
    call.loop.advance(2s);
    const auto captions = captions_of(call, "");
    REQUIRE(captions.size() == 1);
    CHECK(captions[0].closed);
    CHECK(captions[0].end.at("lk.transcription_final") == "true");
    CHECK(captions[0].text.starts_with("one two three four"));
    CHECK(captions[0].text.find("fifteen") == std::string::npos);
    CHECK(call.transcript()[1].text == captions[0].text);
}

TEST_CASE("an answer that is never heard has no caption") {
    Call call;
    call.config.greeting.clear();
    call.voice->broken = true;
    begin(call);
    call.caller_says("hello");
    call.model->answer("You will not hear this.");
    call.loop.advance(1s);
    CHECK(captions_of(call, "").empty());
}

TEST_CASE("the caller's captions are whole streams in the caller's name, the last one final") {
    Call call;
    begin(call);
    call.sound(500ms, true);
    call.ear->sink.on_partial("when");
    call.ear->sink.on_partial("when are you");
    call.caller_says("when are you open");
    auto captions = captions_of(call, "ann");
    REQUIRE(captions.size() == 3);
    CHECK(captions[0].text == "when");
    CHECK(captions[1].text == "when are you");
    CHECK(captions[2].text == "when are you open");
    const auto id = captions[0].options.attributes.at("lk.segment_id");
    for (const auto& one : captions) {
        CHECK(one.options.attributes.at("lk.segment_id") == id);
        CHECK(one.options.attributes.at("lk.transcribed_track_id") == "TR_1");
        CHECK(one.options.attributes.at("lk.transcription_final") == (&one == &captions.back() ? "true" : "false"));
    }
    call.model->answer("At nine.");
    call.loop.advance(2s);
    call.caller_says("thank you");
    captions = captions_of(call, "ann");
    REQUIRE(captions.size() == 4);
    CHECK(captions[3].options.attributes.at("lk.segment_id") != id);
}

TEST_CASE("on a slow way the caller's interims give way to each other, never to the end") {
    Call call;
    begin(call);
    call.room().slow = true;
    call.sound(500ms, true);
    for (const char* text : {"one", "one two", "one two three"}) call.ear->sink.on_partial(text);
    call.caller_says("one two three four");
    while (!call.room().waiting.empty()) {
        const auto done = std::exchange(call.room().waiting, {});
        for (const auto& one : done) one({});
    }
    const auto captions = captions_of(call, "ann");
    REQUIRE(captions.size() == 3);
    CHECK(captions[0].text == "one");
    CHECK(captions[1].text == "one two three");
    CHECK(captions[2].text == "one two three four");
}

TEST_CASE("words that came to nothing are taken back") {
    Call call;
    begin(call);
    call.sound(500ms, true);
    call.ear->sink.on_partial("and");
    call.caller_says("");
    const auto captions = captions_of(call, "ann");
    REQUIRE(captions.size() == 2);
    CHECK(captions[1].text.empty());
    CHECK(captions[1].options.attributes.at("lk.transcription_final") == "true");
    call.caller_says("");
    CHECK(captions_of(call, "ann").size() == 2);
}

TEST_CASE("packets of before are sent for as long as somebody there may need them") {
    Call call;
    call.config.greeting = "Hello there.";
    auto ann = person("ann");
    SUBCASE("a client that makes them of streams") {
        ann.client_protocol = 3;
        call.start();
        call.room().people = {ann};
        call.caller_comes();
        call.loop.advance(2s);
        CHECK(call.room().transcriptions.empty());
    }
    SUBCASE("a telephone shows none") {
        ann.kind = rtc::ParticipantKind::Sip;
        call.start();
        call.room().people = {ann};
        call.caller_comes();
        call.loop.advance(2s);
        CHECK(call.room().transcriptions.empty());
    }
    SUBCASE("an older client") {
        ann.client_protocol = 2;
        call.start();
        call.room().people = {ann};
        call.caller_comes();
        call.loop.advance(2s);
        const auto& packets = call.room().transcriptions;
        REQUIRE(packets.size() >= 2);
        CHECK(packets.back().segments.at(0).text == "Hello there.");
        CHECK(packets.back().segments.at(0).final);
        CHECK(packets.back().track_sid == "TR_agent");
        CHECK_FALSE(packets.front().segments.at(0).final);
        CHECK(packets.front().segments.at(0).id == packets.back().segments.at(0).id);
    }
}

TEST_CASE("each turn is a data packet on topic transcript") {
    Call call;
    begin(call);
    call.caller_says("when are you open");
    call.model->answer("We open at nine.");
    call.loop.advance(2s);
    std::vector<json> packets;
    for (const auto& packet : call.room().data)
        if (packet.topic == "transcript") packets.push_back(json::parse(packet.payload));
    REQUIRE(packets.size() == 3);
    CHECK(packets[0].at("speaker") == "agent");
    CHECK(packets[1].at("speaker") == "user");
    CHECK(packets[1].at("identity") == "ann");
    CHECK(packets[1].at("text") == "when are you open");
    CHECK(packets[2].at("text") == "We open at nine.");
    CHECK(packets[2].at("interrupted") == false);
    CHECK(packets[2].at("sequence") == 2);
    CHECK(packets[2].at("startedAt").get<std::string>().ends_with("Z"));
}

TEST_CASE("a packet of a turn stays within what a packet takes, and cuts no character") {
    store::Turn turn;
    for (int i = 0; i < 6000; ++i) turn.text += "\"ü";
    const auto packet = to_transcript_packet(turn, 15000);
    CHECK(packet.size() <= 15000);
    CHECK(packet.size() > 8000);
    const auto read = json::parse(packet);
    CHECK(read.at("truncated") == true);
    CHECK(turn.text.starts_with(read.at("text").get<std::string>()));
}

TEST_CASE("what is not wanted is not sent") {
    Call call;
    call.config.front_end = {.captions = false, .transcript_packets = false, .chat = false, .rpc = false};
    call.config.dtmf.enabled = false;
    begin(call);
    call.caller_says("when are you open");
    call.model->answer("At nine.");
    call.loop.advance(2s);
    CHECK(call.room().streams.empty());
    CHECK(call.room().data.empty());
    CHECK(call.room().bytes.empty());
    CHECK(call.room().methods.empty());
    type(call, "hello");
    press(call, "1#");
    CHECK(call.model->asked.size() == 1);
}

TEST_CASE("typed text is a turn, marked as typed, and answered") {
    Call call;
    begin(call);
    type(call, "  when are\tyou\x07 open\r\n");
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].back().text == "when are you open");
    call.model->answer("At nine.");
    call.loop.advance(2s);
    CHECK(call.voice->spoken.back() == "At nine.");
    CHECK(captions_of(call, "").back().text == "At nine.");
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 3);
    CHECK(turns[1].speaker == Speaker::User);
    CHECK(turns[1].text == "when are you open");
    CHECK(json::parse(turns[1].detail_json) == json{{"typed", true}});
    CHECK_FALSE(json::parse(turns[2].detail_json).contains("sttMs"));
}

TEST_CASE("typed text interrupts an answer at once, also one of a single word of agreement") {
    Call call;
    call.config.greeting.clear();
    begin(call);
    call.caller_says("tell me everything");
    call.model->answer(kLong);
    call.loop.advance(600ms);
    type(call, "yes");
    CHECK(call.model->asked.size() == 2);
    call.model->answer("Good.");
    call.loop.advance(2s);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 4);
    CHECK(turns[1].interrupted);
    CHECK(turns[2].text == "yes");
    CHECK(turns[3].text == "Good.");
}

TEST_CASE("what is typed over the greeting is answered after it") {
    Call call;
    call.config.greeting = "one two three four five six seven eight nine ten eleven twelve.";
    call.start();
    call.caller_comes();
    call.loop.advance(300ms);
    type(call, "hello");
    CHECK(call.model->asked.empty());
    call.loop.advance(2s);
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].back().text == "hello");
}

TEST_CASE("a caller who only reads is greeted and answered, too") {
    Call call;
    call.start();
    call.room().events().on_joined(person("ann"));
    call.loop.advance(500ms);
    type(call, "is anybody there");
    call.loop.advance(500ms);
    CHECK(call.voice->spoken.empty());  // the caller's ear may yet be opened
    call.loop.advance(4s);
    CHECK(call.voice->spoken == std::vector<std::string>{"Hello there my friend."});
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].back().text == "is anybody there");
}

TEST_CASE("without a greeting what was typed early is answered as soon as somebody hears it") {
    Call call;
    call.config.greeting.clear();
    call.start();
    call.room().events().on_joined(person("ann"));
    type(call, "hello");
    CHECK(call.model->asked.empty());
    call.room().events().on_own_track_heard("agent-voice");
    call.loop.advance(100ms);
    CHECK(call.model->asked.size() == 1);
}

TEST_CASE("what the caller typed before we were told of the caller counts, what others typed does not") {
    Call call;
    call.config.greeting.clear();
    call.start();
    type(call, "nobody knows me", "stranger");
    type(call, "hello", "ann");
    call.caller_comes();
    call.loop.advance(1s);
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].back().text == "hello");
}

TEST_CASE("who calls a method before we were told of anybody is answered once we were") {
    Call call;
    call.start();
    const auto caller = perform(call, "lk.agent.get_session_state", "", "ann"), other = perform(call, "lk.agent.get_session_state", "", "second");
    CHECK(perform(call, "lk.agent.get_session_state", "", "id", true)->value.contains("agent_state"));
    CHECK(caller->value.is_null());
    call.caller_comes();
    CHECK(caller->value.contains("agent_state"));
    CHECK(other->value.at("code") == 403);
}

TEST_CASE("only the caller types and presses keys, and only on the topic of typed text") {
    Call call;
    begin(call);
    call.room().events().on_joined(person("second"));
    type(call, "let me in", "second");
    type(call, "something else", "ann", "notes");
    type(call, " \x01\x02 ");
    press(call, "1#", "second");
    CHECK(call.model->asked.empty());
}

TEST_CASE("keys are gathered until a pause, and told as configured") {
    Call call;
    call.config.dtmf.tell = "<{keys}>";
    begin(call);
    press(call, "12");
    call.loop.advance(1900ms);
    press(call, "3");
    call.loop.advance(1900ms);
    CHECK(call.model->asked.empty());
    call.loop.advance(200ms);
    REQUIRE(call.model->asked.size() == 1);
    CHECK(call.model->asked[0].back().text == "<123>");
    const auto turns = call.transcript();
    CHECK(turns.back().text == "<123>");
    CHECK(json::parse(turns.back().detail_json) == json{{"keys", "123"}});
}

TEST_CASE("an end key, and a number of keys that is all, end the wait") {
    Call call;
    SUBCASE("the end key is left out") {
        begin(call);
        press(call, "42#");
        REQUIRE(call.model->asked.size() == 1);
        CHECK(call.model->asked[0].back().text == "[keys: 42]");
    }
    SUBCASE("alone it is a key") {
        begin(call);
        press(call, "#");
        REQUIRE(call.model->asked.size() == 1);
        CHECK(call.model->asked[0].back().text == "[keys: #]");
    }
    SUBCASE("a menu of one key") {
        call.config.dtmf.length = 1;
        begin(call);
        press(call, "7");
        REQUIRE(call.model->asked.size() == 1);
    }
    SUBCASE("nonsense is no key, and without an end of it there is an end") {
        begin(call);
        call.room().events().on_dtmf({0, "x", "ann"});
        call.room().events().on_dtmf({0, "12", "ann"});
        press(call, std::string(64, '5'));
        REQUIRE(call.model->asked.size() == 1);
        CHECK(call.model->asked[0].back().text == "[keys: " + std::string(64, '5') + "]");
    }
}

TEST_CASE("keys of a caller who has left come to nothing") {
    Call call;
    begin(call);
    press(call, "12");
    call.room().events().on_left(person("ann"));
    call.room().events().on_joined(person("ann"));
    call.loop.advance(4s);
    CHECK(call.model->asked.empty());
}

TEST_CASE("the first key silences the agent") {
    Call call;
    call.config.greeting.clear();
    begin(call);
    call.caller_says("tell me everything");
    call.model->answer(kLong);
    call.loop.advance(600ms);
    press(call, "1");
    CHECK(call.room().states.back() == "listening");
    call.loop.advance(3s);
    const auto turns = call.transcript();
    REQUIRE(turns.size() == 3);
    CHECK(turns[1].interrupted);
    CHECK(turns[2].text == "[keys: 1]");
}

TEST_CASE("the state is told as it changes") {
    Call call;
    begin(call);
    CHECK(call.room().states == std::vector<std::string>{"listening", "speaking", "listening"});
    call.caller_says("hello");
    CHECK(call.room().states.back() == "thinking");
    call.model->answer("Hello.");
    call.loop.advance(100ms);
    CHECK(call.room().states.back() == "speaking");
    call.loop.advance(1s);
    CHECK(call.room().states.back() == "listening");
    call.room().events().on_left(person("ann"));
    CHECK(call.room().states.back() == "idle");
    call.room().events().on_joined(person("ann"));
    CHECK(call.room().states.back() == "listening");
}

TEST_CASE("front-ends ask for state, history and who it is; the instructions are given to nobody") {
    Call call;
    call.config.instructions = "Be kind. The code is 1234.";
    begin(call);
    call.caller_says("when are you open");
    auto state = perform(call, "lk.agent.get_session_state", "{}")->value;
    CHECK(state.at("agent_state") == "thinking");
    CHECK(state.at("user_state") == "listening");
    CHECK(state.at("agent_id") == "test");
    CHECK(state.at("created_at").get<double>() > 1.7e9);
    call.model->answer("At nine.");
    call.loop.advance(2s);
    const auto items = perform(call, "lk.agent.get_chat_history", "")->value.at("items");
    REQUIRE(items.size() == 3);
    CHECK(items[1].at("role") == "user");
    CHECK(items[1].at("content") == json{"when are you open"});
    CHECK(items[2].at("role") == "assistant");
    CHECK(items[2].at("type") == "message");
    const auto info = perform(call, "lk.agent.get_agent_info", "")->value;
    CHECK(info.at("id") == "test");
    CHECK(info.dump().find("1234") == std::string::npos);
}

TEST_CASE("a message by method is answered once the answer was spoken, also when it came twice") {
    Call call;
    begin(call);
    const auto first = perform(call, "lk.agent.send_message", R"({"text":"when are you open"})");
    const auto again = perform(call, "lk.agent.send_message", R"({"text":"when are you open"})");
    REQUIRE(call.model->asked.size() == 1);
    call.model->answer("At nine.");
    call.loop.advance(100ms);
    CHECK(first->value.is_null());
    call.loop.advance(2s);
    for (const auto& reply : {first, again}) {
        REQUIRE(reply->value.contains("items"));
        CHECK(reply->value.at("items")[0].at("content") == json{"when are you open"});
        CHECK(reply->value.at("items")[1].at("content") == json{"At nine."});
    }
    CHECK(call.model->asked.size() == 1);
}

TEST_CASE("methods refuse what they cannot take, as errors") {
    Call call;
    begin(call);
    call.room().events().on_joined(person("second"));
    CHECK(perform(call, "lk.agent.get_chat_history", "", "second")->value.at("code") == 403);
    CHECK(perform(call, "lk.agent.send_message", R"({"text":"x"})", "")->value.at("code") == 403);
    CHECK(perform(call, "lk.agent.send_message", "not json")->value.at("code") == 400);
    CHECK(perform(call, "lk.agent.send_message", "[1]")->value.at("code") == 400);
    CHECK(perform(call, "lk.agent.send_message", R"({"text":7})")->value.at("code") == 400);
    CHECK(perform(call, "lk.agent.send_message", R"({"text":" "})")->value.at("code") == 400);
    CHECK(perform(call, "voicectl.say", R"({"text":"I owe you money"})")->value.at("code") == 403);
    CHECK(call.model->asked.empty());
    call.room().people = {person("ann"), person("second")};
    for (const char* liar : {"ann", "second"})  // a call's id can be chosen like an identity
        CHECK(perform(call, "voicectl.say", R"({"text":"I owe you money"})", liar, true)->value.at("code") == 403);
}

TEST_CASE("a message that another one overtakes is answered without an answer") {
    Call call;
    begin(call);
    const auto first = perform(call, "lk.agent.send_message", R"({"text":"one"})");
    const auto second = perform(call, "lk.agent.send_message", R"({"text":"two"})");
    CHECK(first->value.at("items").size() == 1);
    CHECK(second->value.is_null());
    std::shared_ptr<Told> last;
    for (int i = 0; i < 10; ++i) last = perform(call, "lk.agent.send_message", R"({"text":"two"})");
    CHECK(last->value.at("code") == 429);
    CHECK(call.model->asked.size() == 2);
}

TEST_CASE("questions of livekit-agents' own protocol are answered to whoever asked, and refused to others") {
    using namespace std::string_literals;
    Call call;
    begin(call);
    const auto ask = [&](const std::string& bytes, const std::string& from = "ann") {
        call.room().bytes.clear();
        call.room().events().on_bytes({bytes, "lk.agent.session", "AS_1", "", from, {}});
        call.loop.settle();
        return call.room().bytes;
    };
    const auto ping = "\x22\x06\x0a\x02q1\x12\x00"s, history = "\x22\x06\x0a\x02q2\x22\x00"s, run = "\x22\x0b\x0a\x02q3\x2a\x05\x0a\x03why"s;
    auto told = ask(ping);
    REQUIRE(told.size() == 1);
    CHECK(told[0].first.topic == "lk.agent.session");
    CHECK(told[0].first.to == std::vector<std::string>{"ann"});
    CHECK(told[0].second == "\x2a\x06\x0a\x02q1\x1a\x00"s);
    told = ask(history);
    REQUIRE(told.size() == 1);
    CHECK(told[0].second.find("Hello there my friend.") != std::string::npos);
    told = ask(history, "second");
    REQUIRE(told.size() == 1);
    CHECK(told[0].first.to == std::vector<std::string>{"second"});
    CHECK(told[0].second.find("Hello there") == std::string::npos);
    CHECK(told[0].second.find("only the caller") != std::string::npos);
    CHECK(ask("\xff\xff\xff").empty());
    CHECK(ask("").empty());
    CHECK(ask(std::string(100000, '\x22')).empty());
    ask(run);
    REQUIRE(call.model->asked.size() == 1);
    call.model->answer("Because.");
    call.loop.advance(2s);
    std::vector<std::string> answers;
    for (const auto& [options, bytes] : call.room().bytes)
        if (options.to == std::vector<std::string>{"ann"}) answers.push_back(bytes);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].find("Because.") != std::string::npos);
}

TEST_CASE("the server API speaks through the agent and interrupts it") {
    Call call;
    begin(call);
    CHECK(perform(call, "voicectl.say", R"({"text":"Please hold the line for a moment or two."})", "id", true)->value == json::object());
    call.loop.advance(300ms);
    CHECK(call.voice->spoken.back() == "Please hold the line for a moment or two.");
    CHECK(perform(call, "voicectl.interrupt", "", "id", true)->value == json{{"interrupted", true}});
    CHECK(perform(call, "voicectl.interrupt", "")->value == json{{"interrupted", false}});
    CHECK(call.room().states.back() == "listening");
    CHECK(call.transcript().back().interrupted);
}

TEST_CASE("over the greeting nobody speaks through the agent") {
    Call call;
    call.config.greeting = "one two three four five six seven eight nine ten eleven twelve.";
    call.start();
    call.caller_comes();
    call.loop.advance(300ms);
    CHECK(perform(call, "voicectl.say", R"({"text":"x"})", "id", true)->value.at("code") == 409);
}

TEST_CASE("a long history is told as far as it goes into an answer, the latest of it") {
    ConversationRecord record;
    store::Turn turn;
    for (turn.sequence = 0; turn.sequence < 500; ++turn.sequence) {
        turn.text = std::string(300, 'x');
        record.add(turn);
    }
    const auto told = record.items(15000);
    CHECK(told.dump().size() <= 15000);
    CHECK(told.at("items").size() > 20);
    CHECK(told.at("items").back().at("id") == "item_499");
}

TEST_CASE("a call that is taken up still knows its history") {
    Call call;
    call.config.back_again = "I am back.";
    begin(call);
    call.caller_says("when are you open");
    call.model->answer("At nine.");
    call.loop.advance(2s);
    call.taken_up();
    call.caller_comes();
    const auto items = perform(call, "lk.agent.get_chat_history", "")->value.at("items");
    REQUIRE(items.size() == 3);
    CHECK(items[2].at("content") == json{"At nine."});
    CHECK(call.room().data.empty());  // told before
}
