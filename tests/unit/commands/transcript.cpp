#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "commands/transcript/capture.h"
#include "commands/transcript/destination.h"
#include "commands/transcript/export.h"
#include "commands/transcript/import.h"
#include "commands/transcript/list.h"
#include "commands/transcript/render.h"
#include "commands/transcript/show.h"
#include "commands/transcript/source.h"
#include "support/temp_folder.h"
#include "voicectl/base/text.h"
#include "voicectl/store/json.h"

namespace voicectl::commands {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

store::SystemTime at(milliseconds since) { return store::SystemTime(seconds(1'767'323'045)) + since; }  // 2026-01-02T03:04:05Z

store::Turn said(int sequence, store::Speaker speaker, milliseconds when, std::string text) {
    store::Turn turn;
    turn.sequence = sequence;
    turn.speaker = speaker;
    turn.identity = speaker == store::Speaker::Agent ? "agent-AJ_1" : "ann";
    turn.text = std::move(text);
    turn.started_at = at(when);
    turn.ended_at = turn.started_at + milliseconds(1500);
    return turn;
}

// A store with two attempts in "demo" and one call in "night".
struct Bench {
    test::TempFolder folder;
    std::ostringstream results, talk;
    std::map<std::string, std::string> environment{{"VOICECTL_STORE", folder.file("s.db")}};
    Env env{Output(results, talk, false, false), [this](const std::string& name) -> std::optional<std::string> {
                const auto found = environment.find(name);
                if (found == environment.end()) return std::nullopt;
                return found->second;
            }};

    Bench() {
        auto store = *store::Store::open(folder.file("s.db"));
        for (const auto* job : {"AJ_0", "AJ_1"}) {
            store::Call call;
            call.room = "demo";
            call.job_id = job;
            call.agent_name = "receptionist";
            call.caller_identity = "ann";
            call.started_at = at(milliseconds(0));
            CHECK(store->begin_call(call));
        }
        auto answer = said(2, store::Speaker::Agent, milliseconds(63'040), "Nine to five.\x1b[2J");
        answer.detail_json = R"({"endOfTurnMs":300,"sttMs":120,"answerLatencyMs":740})";
        answer.interrupted = true;
        CHECK(store->save_turn(2, said(0, store::Speaker::Agent, milliseconds(400), "Good morning.")));
        CHECK(store->save_turn(2, said(1, store::Speaker::User, milliseconds(7349), "When do you open?")));
        CHECK(store->save_turn(2, answer));
        CHECK(store->end_call(2, "completed", "caller left", at(milliseconds(80'000))));
        store::Call night;
        night.room = "night";
        night.agent_name = "porter";
        night.started_at = std::chrono::system_clock::now() - std::chrono::minutes(30);
        CHECK(store->begin_call(night));
    }
    std::string printed(const Result<void>& done) {
        if (!done) return fmt::format("exit {}: {} | {}", exit_code(done.error().code), done.error().message, done.error().hint);
        auto text = results.str();
        results.str("");
        return text;
    }
    std::string list(const TranscriptListOptions& options = {}) { return printed(run_transcript_list(options, env)); }
    std::string show(const std::string& call) { return printed(run_transcript_show({{}, call}, env)); }
    std::string exported(std::vector<std::string> calls, std::string format, std::string out = {}) {
        return printed(run_transcript_export({{}, std::move(out), std::move(format), std::move(calls)}, env));
    }
};

template<class Options>
Options parsed(Env& env, void (*add)(Command, Env&, Run<Options>), const std::string& line) {
    CLI::App app;
    Options seen;
    add(app, env, [&seen](const Options& options, Env&) -> Result<void> {
        seen = options;
        return {};
    });
    app.parse(line);
    REQUIRE(env.selected);
    REQUIRE(env.selected());
    return seen;
}

TEST_CASE("flags of transcript list, show and export arrive") {
    Bench bench;
    const auto list = parsed(bench.env, add_transcript_list,
                             "list --room demo --agent bob --since 2h --until 1h --match \"nine to\" --limit 7 --store x.db");
    CHECK(list.choice.room == "demo");
    CHECK(list.choice.agent == "bob");
    CHECK(list.choice.since == "2h");
    CHECK(list.choice.until == "1h");
    CHECK(list.choice.match == "nine to");
    CHECK(list.limit == 7);
    CHECK(list.store == "x.db");
    CHECK(parsed(bench.env, add_transcript_list, "list --all").all);
    CHECK(parsed(bench.env, add_transcript_show, "show demo").call == "demo");
    const auto exported = parsed(bench.env, add_transcript_export, "export 1 demo --format txt --out f.txt");
    CHECK(exported.calls == std::vector<std::string>{"1", "demo"});
    CHECK(exported.format == "txt");
    CHECK(exported.out == "f.txt");
    CHECK(parsed(bench.env, add_transcript_export, "export 1").format == "json");
    CHECK_THROWS_AS(parsed(bench.env, add_transcript_export, "export 1 --format pdf"), CLI::ParseError);
    const auto chosen = parsed(bench.env, add_transcript_export,
                               "export --room r --agent a --since 2h --until 1h --match m --speaker-names user=Anna --redact x --redact y --tools --format srt");
    CHECK(chosen.choice.room + chosen.choice.agent + chosen.choice.since + chosen.choice.until + chosen.choice.match == "ra2h1hm");
    CHECK(chosen.speaker_names == std::vector<std::string>{"user=Anna"});
    CHECK(chosen.redact == std::vector<std::string>{"x", "y"});
    CHECK(chosen.tools);
    CHECK(parsed(bench.env, add_transcript_export, "export --all").all);
    CHECK_THROWS_AS(parsed(bench.env, add_transcript_list, "list --limit 0"), CLI::ParseError);
    CHECK_THROWS_AS(parsed(bench.env, add_transcript_show, "show"), CLI::ParseError);
}

TEST_CASE("since and until take durations and times") {
    const auto now = at(milliseconds(0));
    CHECK(*parse_when("2h", now) == now - std::chrono::hours(2));
    CHECK(*parse_when("2026-01-02T04:04:05+01:00", now) == now);
    CHECK(*parse_when("2026-01-02", now) == now - std::chrono::hours(3) - std::chrono::minutes(4) - seconds(5));
    const auto bad = parse_when("yesterday", now);
    CHECK(bad.error().code == Errc::Usage);
    CHECK_FALSE(bad.error().hint.empty());
}

TEST_CASE("the list is newest first, as a table and as JSON") {
    Bench bench;
    const auto table = split(bench.list(), '\n');
    CHECK(table[0].starts_with("ID  ROOM   ATTEMPT  AGENT         STARTED"));
    CHECK(table[1].starts_with("3   night  1        porter "));
    CHECK(table[2].find("2026-01-02T03:04:05.000Z  1m 20s  3      completed") != std::string::npos);
    CHECK(table[3].starts_with("1   demo   1 "));
    bench.env.out.format = Format::Json;
    const auto json = Json::parse(bench.list({.choice = {.room = "demo"}}))["transcripts"];
    REQUIRE(json.size() == 2);
    CHECK(json[0]["id"] == 2);
    CHECK(json[0]["attempt"] == 2);
    CHECK(json[0]["agentName"] == "receptionist");
    CHECK(json[0]["endedAt"] == "2026-01-02T03:05:25.000Z");
    CHECK(json[0]["durationMs"] == 80'000);
    CHECK(json[0]["turnCount"] == 3);
    CHECK(json[1]["endedAt"].is_null());
    CHECK(json[1]["status"] == "active");
    bench.env.out.format = Format::Name;
    CHECK(bench.list() == "3\n2\n1\n");
}

TEST_CASE("the list filters") {
    Bench bench;
    bench.env.out.format = Format::Name;
    CHECK(bench.list({.choice = {.agent = "porter"}}) == "3\n");
    CHECK(bench.list({.choice = {.since = "1h"}}) == "3\n");
    CHECK(bench.list({.choice = {.until = "2026-01-03"}}) == "2\n1\n");
    CHECK(bench.list({.choice = {.match = "nine TO"}}) == "2\n");
    CHECK(bench.list({.choice = {.match = "elephant"}}).empty());
    CHECK(bench.list({.choice = {.since = "1h", .until = "2h"}}).starts_with("exit 2: --since 1h is not before"));
    CHECK(bench.list({.choice = {.since = "soon"}}).starts_with("exit 2: 'soon' is neither"));
    bench.talk.str("");
    CHECK(bench.list({.limit = 2}) == "3\n2\n");
    CHECK(bench.talk.str().starts_with("only the newest 2;"));
    bench.talk.str("");
    CHECK(bench.list({.limit = 3}) == "3\n2\n1\n");
    CHECK(bench.list({.limit = 1, .all = true}) == "3\n2\n1\n");
    CHECK(bench.talk.str().empty());
}

TEST_CASE("no store yet is an empty list, but a store that was named must be there") {
    Bench bench;
    const auto absent = bench.folder.file("absent.db");
    CHECK(bench.list({.store = absent}).starts_with("exit 5: no store at " + absent));
    bench.environment["VOICECTL_STORE"] = absent;
    CHECK(bench.list().starts_with("exit 5: no store at"));
    CHECK(bench.show("demo").starts_with("exit 5: no store at"));
    CHECK_FALSE(std::filesystem::exists(absent));
    CHECK(store_place("flag.db", bench.env).path == "flag.db");
    CHECK(store_place("", bench.env).path == absent);
    bench.environment.clear();
    CHECK_FALSE(store_place("", bench.env).chosen);
}

TEST_CASE("show prints the conversation with times, speakers and latencies, and no control characters") {
    Bench bench;
    CHECK(bench.show("demo") ==
          "call 2: room demo, attempt 2\n"
          "agent    receptionist\n"
          "caller   ann\n"
          "job      AJ_1\n"
          "began    2026-01-02T03:04:05.000Z\n"
          "lasted   1m 20s\n"
          "status   completed: caller left\n"
          "\n"
          "  0:00.4  agent  Good morning.\n"
          "  0:07.3  user   When do you open?\n"
          "  1:03.0  agent  Nine to five.\\u001b[2J\n"
          "                 interrupted, answered after 740 ms (endOfTurn 300, stt 120)\n");
    CHECK(bench.show("1").starts_with("call 1: room demo, attempt 1\n"));
    CHECK(bench.talk.str() == "nothing was said\n");
    CHECK(bench.show("nobody") == "exit 5: no call or room nobody | voicectl transcript list");
}

TEST_CASE("show as JSON holds the call and its turns") {
    Bench bench;
    bench.env.out.format = Format::Json;
    const auto json = Json::parse(bench.show("2"));
    CHECK(json["room"] == "demo");
    REQUIRE(json["turns"].size() == 3);
    const auto& turn = json["turns"][2];
    CHECK(turn["speaker"] == "agent");
    CHECK(turn["text"] == "Nine to five.\x1b[2J");
    CHECK(turn["offsetMs"] == 63'040);
    CHECK(turn["durationMs"] == 1500);
    CHECK(turn["interrupted"] == true);
    CHECK(turn["detail"]["sttMs"] == 120);
    CHECK(json["turns"][0]["detail"] == Json::object());
    CHECK(Json::parse(bench.show("1"))["turns"] == Json::array());
    bench.env.out.get = "/turns/*/speaker";
    CHECK(bench.show("2") == "agent\nuser\nagent\n");
    CHECK(bench.show("1").empty());
}

TEST_CASE("export as JSON is what show gives, for one and for several") {
    Bench bench;
    bench.env.out.format = Format::Json;
    const auto shown = Json::parse(bench.show("2"));
    const auto empty = Json::parse(bench.show("1"));
    CHECK(Json::parse(bench.exported({"demo"}, "json")) == shown);
    CHECK(Json::parse(bench.exported({"1"}, "json")) == empty);
    const auto several = Json::parse(bench.exported({"2", "1", "demo"}, "json"));
    CHECK(several == Json{{"transcripts", {shown, empty, shown}}});
}

TEST_CASE("export as lines and as text") {
    Bench bench;
    const auto lines = split(bench.exported({"1", "2"}, "jsonl"), '\n');
    REQUIRE(lines.size() == 4);
    const auto first = Json::parse(lines[0]);
    CHECK(first["callId"] == 2);
    CHECK(first["room"] == "demo");
    CHECK(first["attempt"] == 2);
    CHECK(first["text"] == "Good morning.");
    const auto text = bench.exported({"demo"}, "txt");
    CHECK(text.ends_with("\n\n[0:00.4] agent: Good morning.\n[0:07.3] user: When do you open?\n"
                         "[1:03.0] agent: Nine to five.\\u001b[2J [interrupted]\n"));
    CHECK(bench.exported({"demo"}, "pdf").starts_with("exit 2"));
}

TEST_CASE("export to a file is whole or nothing") {
    Bench bench;
    const auto path = bench.folder.file("out.json");
    CHECK(bench.exported({"2"}, "json", path).empty());
    CHECK(Json::parse(*read_file(path))["id"] == 2);
    CHECK(bench.talk.str() == "wrote " + path + "\n");
    CHECK(bench.exported({"2", "99"}, "txt", path) == "exit 5: no call or room 99 | voicectl transcript list");
    CHECK(Json::parse(*read_file(path))["id"] == 2);
    CHECK(bench.exported({"99", "2"}, "txt").starts_with("exit 5"));
    CHECK(bench.results.str().empty());
    CHECK(bench.exported({"2"}, "json", bench.folder.file("no/such/folder.json")).starts_with("exit 1: cannot write"));
    CHECK(Json::parse(bench.exported({"2"}, "json", "-"))["id"] == 2);
    for (const auto& entry : std::filesystem::directory_iterator(bench.folder.path()))
        CHECK_FALSE(entry.path().string().ends_with(".part"));
}

TEST_CASE("an export knows -o jsonl, and refuses what it cannot print") {
    Bench bench;
    bench.env.out.format = Format::Jsonl;
    CHECK(run_transcript_export({.calls = {"2"}}, bench.env));
    CHECK(bench.results.str().starts_with("{\"callId\":2,"));
    for (const auto format : {Format::Tsv, Format::Name, Format::Wide}) {
        bench.env.out.format = format;
        CHECK(run_transcript_export({.calls = {"2"}}, bench.env).error().code == Errc::Usage);
    }
    bench.env.out.format = Format::Table;
    bench.env.out.get = "/turns";
    CHECK(run_transcript_export({.calls = {"2"}}, bench.env).error().code == Errc::Usage);
}

TEST_CASE("the list as tsv has milliseconds") {
    Bench bench;
    bench.env.out.format = Format::Tsv;
    CHECK(bench.list({.choice = {.room = "demo"}}).find("\t80000\t3\t") != std::string::npos);
}

TEST_CASE("a long transcript is exported whole") {
    Bench bench;
    std::vector<store::Turn> turns;
    for (int i = 0; i < 5000; ++i)
        turns.push_back(said(i, i % 2 == 0 ? store::Speaker::Agent : store::Speaker::User, seconds(i), fmt::format("turn \"{}\" \xff", i)));
    store::Call call;
    call.room = "long";
    REQUIRE((*store::Store::open(bench.folder.file("s.db")))->save_transcript(call, turns));
    const auto json = Json::parse(bench.exported({"long"}, "json"))["turns"];
    REQUIRE(json.size() == 5000);
    CHECK(json[4999]["text"] == "turn \"4999\" \xEF\xBF\xBD");
}

TEST_CASE("export and show tell the same of a call") {
    Bench bench;
    bench.env.out.format = Format::Json;
    const auto shown = Json::parse(bench.show("2"));
    CHECK(Json::parse(bench.exported({"2"}, "json")) == shown);
    const auto lines = split(bench.exported({"2"}, "jsonl"), '\n');
    auto last = Json::parse(lines[2]);
    for (const auto* key : {"callId", "room", "attempt"}) last.erase(key);
    CHECK(last == shown["turns"][2]);
}

TEST_CASE("calls are chosen by what they are, oldest first, and in one way") {
    Bench bench;
    const auto ids = [&](TranscriptExportOptions options) {
        std::string out;
        const auto text = bench.printed(run_transcript_export(options, bench.env));
        if (text.starts_with("exit")) return text;
        const auto json = Json::parse(text);
        for (const auto& call : json["transcripts"]) out += call["id"].dump() + " ";
        return out;
    };
    CHECK(ids({.choice = {.room = "demo"}}) == "1 2 ");
    CHECK(ids({.choice = {.agent = "porter"}}) == "3 ");
    CHECK(ids({.choice = {.since = "1h"}}) == "3 ");
    CHECK(ids({.choice = {.match = "elephant"}}) == "");
    CHECK(ids({.all = true}) == "1 2 3 ");
    CHECK(ids({}).starts_with("exit 2: no call is chosen"));
    CHECK(ids({.calls = {"1"}, .all = true}).starts_with("exit 2"));
    CHECK(ids({.calls = {"1"}, .choice = {.room = "demo"}}).starts_with("exit 2"));
}

TEST_CASE("subtitles are of one call, and of what was said") {
    Bench bench;
    CHECK(bench.exported({"2"}, "srt").starts_with("1\n00:00:00,400 --> 00:00:01,900\nagent: Good morning.\n\n2\n"));
    CHECK(bench.exported({"2"}, "vtt").starts_with("WEBVTT\n\nNOTE voicectl {\"room\":\"demo\",\"attempt\":2,"));
    const auto two = bench.exported({"1", "2"}, "srt");
    CHECK(two.starts_with("exit 2: --format srt holds one call, and 2 are chosen"));
    CHECK(two.find(" | one export for each call") != std::string::npos);
    CHECK(bench.printed(run_transcript_export({.format = "vtt", .choice = {.match = "elephant"}}, bench.env)).starts_with("exit 5"));
    CHECK(bench.printed(run_transcript_export({.format = "vtt", .calls = {"2"}, .tools = true}, bench.env)).starts_with("exit 2: subtitles show"));
}

TEST_CASE("names are given to speakers, and words taken out, in what is exported") {
    Bench bench;
    const auto text = bench.printed(run_transcript_export({.format = "txt", .calls = {"2"}, .speaker_names = {"user=Anna,agent=Bot"}, .redact = {"(?i)nine|ann"}}, bench.env));
    CHECK(text.find("] Anna: When do you open?") != std::string::npos);
    CHECK(text.find("] Bot: [redacted] to five.") != std::string::npos);
    CHECK(text.find("caller   [redacted]\n") != std::string::npos);
    CHECK(bench.printed(run_transcript_export({.calls = {"2"}, .redact = {"("}}, bench.env)).starts_with("exit 2: --redact '(' is no regular expression"));
    CHECK(parse_speaker_names({"user=A=B", "ann=C,agent=D"})->at("user") == "A=B");
    for (const auto* bad : {"user", "=x", "user=", "user=a,,agent=b", "user=a,user=b"}) CHECK(parse_speaker_names({bad}).error().code == Errc::Usage);
}

TEST_CASE("flags of transcript import and capture arrive") {
    Bench bench;
    const auto import = parsed(bench.env, add_transcript_import, "import f.vtt --room r --attempt 3 --agent-speaker Bot --started 2h --replace --store x.db");
    CHECK(import.file + import.room + import.agent_speaker + import.started + import.store == "f.vttrBot2hx.db");
    CHECK(import.attempt == 3);
    CHECK(import.replace);
    for (const auto* bad : {"import", "import f --attempt 0"}) CHECK_THROWS_AS(parsed(bench.env, add_transcript_import, bad), CLI::ParseError);
    const auto capture = parsed(bench.env, add_transcript_capture,
                                "capture r --until-empty --for 1h --timeout 2h --format vtt --out f --speaker-names user=A --save --store x.db");
    CHECK(capture.room + capture.duration + capture.limit + capture.format + capture.out + capture.store == "r1h2hvttfx.db");
    CHECK(capture.until_empty);
    CHECK(capture.save);
    for (const auto* bad : {"capture", "capture r --format pdf"}) CHECK_THROWS_AS(parsed(bench.env, add_transcript_capture, bad), CLI::ParseError);
    CHECK(run_transcript_capture({.room = "r", .limit = "1s"}, bench.env).error().code == Errc::Usage);
}

TEST_CASE("odd details and times are shown without harm") {
    store::Call call;
    call.started_at = at(milliseconds(0));
    auto turn = said(0, store::Speaker::User, milliseconds(-1500), "early");
    CHECK(turn_text(turn, call).time == "-0:01.5");
    turn.started_at = at(std::chrono::hours(2));
    CHECK(turn_text(turn, call).time == "120:00.0");
    for (const auto* detail : {"", "nonsense", "[1]", "{\"sttMs\":\"fast\"}", "{\"answerLatencyMs\":null}"}) {
        turn.detail_json = detail;
        CHECK(turn_text(turn, call).remarks.empty());
        CHECK(store::to_json(turn, call)["detail"].is_object());
    }
    turn.detail_json = R"({"answerLatencyMs":1234.5})";
    CHECK(turn_text(turn, call).remarks == "answered after 1234 ms");
}

}  // namespace
}  // namespace voicectl::commands
