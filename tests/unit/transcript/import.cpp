#include "voicectl/transcript/import.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "samples.h"
#include "support/temp_folder.h"
#include "voicectl/transcript/save.h"

namespace voicectl::transcript {
namespace {

using nlohmann::json;
using store::Speaker;
using test::at;
using test::said;
using test::sample_call;
using test::written;

ImportResult parsed(const std::string& text, const ImportHints& hints = {}) {
    auto result = parse_transcript(text, hints);
    if (!result) FAIL(result.error().message);
    return std::move(*result);
}

std::string refused(const std::string& text) {
    const auto result = parse_transcript(text, {});
    if (result) return "taken as " + std::string(result->kind);
    CHECK(result.error().code == Errc::Usage);
    return result.error().message;
}

std::vector<store::Turn> two_turns() {
    auto answer = said(1, Speaker::Agent, 2000, "Nine to <five> & \"more\"\n--> x");
    answer.interrupted = true;
    answer.detail_json = R"({"answerLatencyMs":740})";
    return {said(0, Speaker::User, 500, "when are you open \xE2\x80\xAE"), answer};
}

TEST_CASE("what json export writes is read back whole") {
    const auto result = parsed(written("json", two_turns()));
    CHECK(result.kind == "voicectl JSON");
    CHECK(result.left_out.empty());
    REQUIRE(result.calls.size() == 1);
    const auto& [call, attempt, turns, from_beginning] = result.calls[0];
    CHECK(turns == two_turns());
    CHECK(attempt == 2);
    CHECK(call.room == "demo");
    CHECK(call.job_id == "AJ_1");
    CHECK(call.agent_name == "receptionist");
    CHECK(call.caller_identity == "ann");
    CHECK(call.started_at == at(0));
    CHECK(call.ended_at == at(80'000));
    CHECK_FALSE(from_beginning);
}

TEST_CASE("what jsonl export writes is read back: turns, and when the call began") {
    const auto result = parsed(written("jsonl", two_turns()) + "\n\r\n");
    CHECK(result.kind == "voicectl JSON Lines");
    REQUIRE(result.calls.size() == 1);
    CHECK(result.calls[0].turns == two_turns());
    CHECK(result.calls[0].call.started_at == at(0));
    CHECK(result.calls[0].attempt == 2);
    const auto one = written("jsonl", {two_turns()[0]});
    CHECK(parsed(one).calls[0].turns.size() == 1);
    auto other = one;
    other.replace(other.find("\"attempt\":2"), 11, "\"attempt\":3");
    CHECK(parsed(one + other).calls.size() == 2);
}

TEST_CASE("what vtt export writes is read back: who, what, and when to the cue") {
    auto turns = two_turns();
    const auto result = parsed(written("vtt", turns, {.speaker_names = {{"agent", "B > \"C\""}}}));
    CHECK(result.kind == "WebVTT");
    REQUIRE(result.calls.size() == 1);
    const auto& got = result.calls[0].turns;
    REQUIRE(got.size() == 2);
    CHECK(got[0].text == "when are you open");  // the override is gone
    CHECK(got[1].text == turns[1].text);
    CHECK(got[1].speaker == Speaker::Agent);
    CHECK(got[0].speaker == Speaker::User);
    CHECK(got[1].started_at == at(2000));
    CHECK(got[1].ended_at == at(3500));
    CHECK(result.calls[0].call.room == "demo");
    CHECK(result.calls[0].attempt == 2);
    CHECK(result.left_out.empty());
}

TEST_CASE("what vtt export writes is read back however wrong the clock of a call was") {
    const std::vector<store::Turn> turns{said(0, store::Speaker::Agent, 0, "One."), said(1, store::Speaker::User, 2000, "Two."), said(2, store::Speaker::Agent, 1000, "Three.")};
    for (const std::int64_t started : {0LL, 1LL, 1'767'000'000'000LL, 1'767'323'045'000LL, 7'000'000'000'000LL}) {
        CAPTURE(started);
        auto call = sample_call();
        call.started_at = store::SystemTime(std::chrono::milliseconds(started));
        const auto result = parsed(written("vtt", turns, {}, call));
        REQUIRE(result.calls.size() == 1);
        CHECK(result.calls[0].turns.size() == turns.size());
    }
    const auto late = parsed("WEBVTT\n\nNOTE voicectl {\"room\":\"r\",\"startedAt\":\"2199-12-31T00:00:00.000Z\"}\n\n277777:00:00.000 --> 277777:00:01.000\n<v agent>x\n");
    CHECK(late.calls[0].turns[0].started_at > late.calls[0].call.started_at);
}

TEST_CASE("a foreign vtt is read, and told of what was left out") {
    const std::string text =
        "\xEF\xBB\xBFWEBVTT - a title\r\n\r\nSTYLE\r\n::cue {}\r\n\r\nNOTE hello\r\n\r\n1\r\n00:01.000 --> 00:02.500 line:0\r\n<v Bot>Good <i>morning</i>\r\nall&nbsp;&amp; &odd;"
        "\r\n\r\n01:00:00.000 --> 01:00:01.000\r\n<v.loud Ann B.>hi</v>\r\n\r\n01:00:02.000 --> 01:00:03.000\r\nplain & text";
    const auto result = parsed(text, {.room = "r"});
    const auto& got = result.calls[0];
    REQUIRE(got.turns.size() == 3);
    CHECK(got.from_beginning);
    CHECK(got.turns[0].speaker == Speaker::Agent);
    CHECK(got.turns[0].identity == "Bot");
    CHECK(got.turns[0].text == "Good morning\nall\xC2\xA0& &odd;");
    CHECK(got.turns[0].started_at.time_since_epoch() == std::chrono::milliseconds(1000));
    CHECK(got.turns[1].identity == "Ann B.");
    CHECK(got.turns[1].started_at.time_since_epoch() == std::chrono::hours(1));
    CHECK(got.turns[2].text == "plain & text");
    const auto left = fmt::format("{}", fmt::join(result.left_out, "; "));
    for (const auto* what : {"notes", "style blocks", "settings of cues", "markup in cues", "without a voice"}) CHECK(left.find(what) != std::string::npos);
    CHECK(parsed(text, {.room = "r", .agent_speaker = "Ann B."}).calls[0].turns[1].speaker == Speaker::Agent);
    CHECK(parsed(text, {.room = "r", .started_at = at(0)}).calls[0].turns[0].started_at == at(1000));
}

const char* const kReport = R"({"job_id": "AJ_9", "room_id": "RM_1", "room": "support", "events": [{"type": "close"}], "options": {},
 "chat_history": {"items": [
  {"id": "i0", "type": "message", "role": "system", "content": ["be nice"], "created_at": 1767323040.0},
  {"id": "i1", "type": "message", "role": "user", "content": ["hi", "there"], "interrupted": false, "transcript_confidence": 0.9,
   "metrics": {"started_speaking_at": 1767323046.5, "stopped_speaking_at": 1767323047.25, "transcription_delay": 0.12}, "created_at": 1767323048.0},
  {"id": "f1", "type": "function_call", "call_id": "c1", "arguments": "{\"a\":1}", "name": "book", "created_at": 1767323048.1},
  {"id": "f2", "type": "function_call_output", "call_id": "c1", "name": "book", "output": "done", "is_error": false, "created_at": 1767323048.2},
  {"id": "h1", "type": "agent_handoff", "new_agent_id": "x", "created_at": 1767323048.2},
  {"id": "i2", "type": "message", "role": "assistant", "content": ["hello", {"type": "image_content", "image": "x"}], "interrupted": true,
   "metrics": {"e2e_latency": 0.7404}, "created_at": 1767323049.0}]},
 "timestamp": 1767323060.0, "duration_ms": 15000, "agent_name": "clerk", "close_reason": "CR_PARTICIPANT_DISCONNECTED", "usage": null})";

TEST_CASE("a session report of livekit-agents becomes a call with its tools and times") {
    const auto result = parsed(kReport);
    CHECK(result.kind == "session report");
    const auto& [call, attempt, turns, from_beginning] = result.calls[0];
    CHECK(call.room == "support");
    CHECK(call.job_id == "AJ_9");
    CHECK(call.agent_name == "clerk");
    CHECK(call.reason == "CR_PARTICIPANT_DISCONNECTED");
    CHECK(call.status == "completed");
    CHECK(call.started_at == at(0));
    CHECK(call.ended_at == at(15'000));
    REQUIRE(turns.size() == 2);
    CHECK(turns[0].text == "hi\nthere");
    CHECK(turns[0].started_at == at(1500));
    CHECK(turns[0].ended_at == at(2250));
    CHECK(json::parse(turns[0].detail_json) == json{{"sttMs", 120}, {"confidence", 0.9}, {"itemId", "i1"}});
    CHECK(turns[1].text == "hello");
    CHECK(turns[1].interrupted);
    CHECK(turns[1].started_at == at(4000));
    const auto detail = json::parse(turns[1].detail_json);
    CHECK(detail["answerLatencyMs"] == 740);
    CHECK(detail["tools"] == json::array({{{"tool", "book"}, {"outcome", "ok"}, {"arguments", {{"a", 1}}}, {"result", "done"}}}));
    const auto left = fmt::format("{}", fmt::join(result.left_out, "; "));
    CHECK(left == "agent_handoff; events of the report; image_content in messages; instructions to the model; options of the report; room_id of the report; usage of the report");
}

TEST_CASE("a chat history alone is read, with tools that nothing was said after, and without times") {
    const auto result = parsed(R"({"items": [{"type": "message", "role": "assistant", "content": ["bye"]},
        {"type": "function_call", "call_id": "c", "arguments": "no json", "name": "hang_up"}]})");
    CHECK(result.kind == "chat history");
    REQUIRE(result.calls[0].turns.size() == 1);
    CHECK(json::parse(result.calls[0].turns[0].detail_json)["tools"][0]["arguments"] == "no json");
    CHECK_FALSE(is_known(result.calls[0].turns[0].started_at));
    CHECK(result.calls[0].call.room.empty());
}

TEST_CASE("what is wrong is told with its line") {
    CHECK(refused("") == "it is empty");
    CHECK(refused("hello") == "it begins as none of the forms that are known");
    CHECK(refused("{\"a\": 1}").find("none of chat_history") != std::string::npos);
    CHECK(refused("{\"turns\": [\n\n  {\"speaker\": \"bot\", \"text\": \"x\"}]}") == "line 3: turn 0 has a speaker that is neither agent nor user");
    CHECK(refused("{\"turns\": [\n{\"speaker\": \"user\", \"text\": \"x\"},\n{\"speaker\": \"user\"}]}") == "line 3: turn 1 has no text");
    CHECK(refused("{\"turns\": [\n1]}") == "turn 0 is no object");
    CHECK(refused("{\"turns\": [\n{\"speaker\": \"user\", \"text\": \"x\", \"startedAt\": \"soon\"}]}") == "line 2: startedAt is no time");
    for (const auto* never : {"9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "2300-01-01", "1970-01-01T00:00:00+14:00"})
        CHECK(refused(fmt::format("{{\"turns\": [\n{{\"speaker\": \"user\", \"text\": \"x\", \"startedAt\": \"{}\"}}]}}", never)) == "line 2: startedAt is no time");
    CHECK(refused("{\"turns\": [\n{\"speaker\": \"user\", \"text\": \"x\", \"endedAtMs\": 9000000000001}]}") == "line 2: endedAtMs is no time");
    CHECK(refused("WEBVTT\n\n299999:00:01.000 --> 299999:00:02.000\nx") == "line 3: no time that WebVTT knows");
    CHECK(refused("{\"turns\": [\n{\"speaker\": \"user\", \"text\": \"secret words\" oops").starts_with("line 2: no JSON: "));
    CHECK(refused("{\"turns\": [\n{\"speaker\": \"user\", \"text\": \"secret words\" oops").find("secret") == std::string::npos);
    CHECK(refused("{\"turns\": [{\"sequence\":3,\"speaker\":\"user\",\"text\":\"x\"},{\"sequence\":3,\"speaker\":\"user\",\"text\":\"y\"}]}") == "line 1: sequence 3 stands twice");
    CHECK(refused("{\"speaker\":\"user\",\"text\":\"x\"}\n\n{\"speaker\":\"user\",\"text\":1}") == "line 3: turn 1 has no text");
    CHECK(refused("{\"speaker\":\"user\",\"text\":\"x\"}\nxx").starts_with("line 2: no JSON"));
    CHECK(refused("{\"items\": [\n{\"type\":\"message\",\"role\":\"king\",\"content\":[]}]}") == "line 2: a message of the role 'king'");
    CHECK(refused("{\"chat_history\": []}") == "line 1: chat_history is no object" );
    CHECK(refused("WEBVTT\n\n00:01.000 --> 00:00.500\nx") == "line 3: a cue that ends before it begins");
    CHECK(refused("WEBVTT\n\na\n00:01,000 --> 00:02,000\nx") == "line 4: no time that WebVTT knows");
    CHECK(refused("WEBVTT\n\n\nstray\nline") == "line 4: neither a cue nor a note");
    CHECK(refused("WEBVTT\n\n00:61.000 --> 00:62.000\nx") == "line 3: no time that WebVTT knows");
    CHECK(refused(R"({"turns":)" + std::string(100, '[') + std::string(100, ']') + "}").find("too deeply") != std::string::npos);
}

TEST_CASE("what import does not know is told") {
    auto text = written("json", {said(0, Speaker::User, 0, "x")});
    text.replace(text.find("\"detail\":{}"), 11, "\"detail\":{\"a\":{\"b\":1}},\"mood\":\"good\"");
    const auto result = parsed(text);
    CHECK(result.left_out == std::vector<std::string>{"mood of a turn"});
    CHECK(result.calls[0].turns[0].detail_json == R"({"a":{"b":1}})");
}

TEST_CASE("the job of a transcript without one follows from its words, and only from them") {
    const auto text = written("jsonl", two_turns());
    const auto first = job_of(parsed(text).calls[0]);
    CHECK(first.starts_with("import-"));
    CHECK(job_of(parsed(text).calls[0]) == first);
    auto other = text;
    other.replace(other.find("Nine"), 4, "Five");
    CHECK(job_of(parsed(other).calls[0]) != first);
    CHECK(job_of(parsed(text, {.room = "elsewhere"}).calls[0]) != first);
    CHECK(job_of(parsed(kReport).calls[0]) == "AJ_9");
}

TEST_CASE("turns are the same to the millisecond, whatever the order of their details") {
    auto stored = two_turns();
    stored[0].started_at += std::chrono::microseconds(400);
    stored[1].detail_json = "{ \"answerLatencyMs\" : 740 }";
    CHECK(same_turns(stored, two_turns()));
    stored[1].text += ".";
    CHECK_FALSE(same_turns(stored, two_turns()));
    stored.pop_back();
    CHECK_FALSE(same_turns(stored, two_turns()));
}

/// Saves into a real store, but for the first times.
struct Sulking {
    std::vector<Errc> moods;
    std::size_t tries = 0;

    Result<store::Call> save(std::vector<std::int64_t>& waits, Result<void> answer = {}) {
        ::voicectl::test::TempFolder folder;
        const auto store = *store::Store::open(folder.file("s.db"));
        const Attempt attempt = [&]() -> Result<store::Call> {
            if (tries++ < moods.size()) return fail(moods[tries - 1], "sulking");
            return store->save_transcript(test::sample_call(), two_turns());
        };
        return with_retries(attempt, [&](std::chrono::milliseconds pause) {
            waits.push_back(pause.count());
            return answer;
        });
    }
};

TEST_CASE("saving is tried twice more where the cause may pass, and not where it cannot") {
    std::vector<std::int64_t> waits;
    Sulking busy{{Errc::Timeout, Errc::Unreachable}};
    CHECK(busy.save(waits));
    CHECK(waits == std::vector<std::int64_t>{500, 2000});
    Sulking gone{{Errc::Io, Errc::Io, Errc::Io}};
    CHECK(gone.save(waits).error().code == Errc::Io);
    CHECK(gone.tries == 3);
    waits.clear();
    Sulking refused_by{{Errc::Conflict}};
    CHECK(refused_by.save(waits).error().code == Errc::Conflict);
    CHECK(waits.empty());
    Sulking interrupted{{Errc::Timeout, Errc::Timeout}};
    CHECK(interrupted.save(waits, fail(Errc::Cancelled, "stop")).error().code == Errc::Cancelled);
    CHECK(interrupted.tries == 1);
}

}  // namespace
}  // namespace voicectl::transcript
