#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "core/transcript/escape.h"
#include "core/transcript/times.h"
#include "samples.h"

namespace voicectl::transcript {
namespace {

using namespace std::string_view_literals;
using nlohmann::json;
using store::Speaker;
using test::at;
using test::said;
using test::written;

std::vector<std::string> after(const std::string& text, const std::string& what) {
    const auto begin = text.find(what);
    return split(begin == std::string::npos ? "" : text.substr(begin + what.size()), '\n');
}

/// What the only cue says.
std::string cue_of(std::string_view form, const std::string& text) {
    const auto lines = after(written(form, {said(0, Speaker::User, 0, text)}), "-->");
    std::string out;
    for (std::size_t i = 1; i < lines.size() && !lines[i].empty(); ++i) out += (i > 1 ? "\n" : "") + lines[i];
    return out;
}

std::string csv_text(const std::string& text) {
    const auto row = written("csv", {said(0, Speaker::User, 0, text)});
    const std::string head = "false,";
    const auto begin = row.find(head) + head.size();
    return row.substr(begin, row.size() - begin - 2);
}

std::string markdown_text(const std::string& text) {
    const auto whole = written("md", {said(0, Speaker::User, 0, text)});
    const std::string head = "\n**user** (0:00.0): ";
    const auto begin = whole.find(head) + head.size();
    return whole.substr(begin, whole.size() - begin - 1);
}

TEST_CASE("every form is found by its name, and no other") {
    for (const auto* name : {"json", "jsonl", "csv", "md", "txt", "srt", "vtt"}) CHECK(find_form(name) != nullptr);
    CHECK(find_form("pdf") == nullptr);
    CHECK(forms().size() == 7);
}

TEST_CASE("json keeps every character and shows none that turns text around") {
    std::string text = "a\"b\\c\n\t\r\x01\x7f\xC2\x85 \xE2\x80\xAE" "evil\xE2\x81\xA6 \xE2\x80\x8F \xE2\x80\xA8 \xC3\xA9 \xF0\x9F\x98\x80";
    text += '\0';
    const auto out = written("json", {said(0, Speaker::User, 0, text)});
    CHECK(json::parse(out)["turns"][0]["text"] == text);
    for (const unsigned char c : out) CHECK((c >= 0x20 || c == '\n'));
    CHECK(out.find("\\u202eevil\\u2066 \\u200f \\u2028 \xC3\xA9") != std::string::npos);
    CHECK(json::parse(written("json", {said(0, Speaker::User, 0, "\xff\xc0\x80z\xe2\x80")}))["turns"][0]["text"] ==
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("details go into json whole, and only when they are an object") {
    auto turn = said(0, Speaker::Agent, 0, "x");
    const auto detail = [&](const std::string& text) {
        turn.detail_json = text;
        return json::parse(written("jsonl", {turn}))["detail"];
    };
    CHECK(detail("{\n \"a\": [1, {\"b\": \"c\\n\xE2\x80\xAE\"}]\n}") == json::parse("{\"a\":[1,{\"b\":\"c\\n\xE2\x80\xAE\"}]}"));
    CHECK(written("jsonl", {turn}).find('\n') == written("jsonl", {turn}).size() - 1);
    CHECK(written("jsonl", {turn}).find("\xE2\x80\xAE") == std::string::npos);
    for (const auto* bad : {"", "[1]", "{", "{} {}", "nonsense", "\"x\"", "{\"a\":1e999}"}) CHECK(detail(bad).empty());
    CHECK(detail("{\"a\":\"\xff\"}")["a"] == "\xEF\xBF\xBD");
}

TEST_CASE("details that are plain JSON are taken as they are, and broken ones are not") {
    const auto detail = [&](const std::string& text) {
        std::string out;
        append_json_object(out, text);
        return out;
    };
    const std::string good = R"({"a":[1,-2.5,0,true,false,null,"x\"\\\n",{"b":{}},[]],"c":"d e"})";
    CHECK(detail(good) == good);
    CHECK(json::accept(good));
    // Each change of one byte: what is not JSON must not get through.
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const char c : "\0{}[]\",:01-.ex\\ \x80\n"sv) {
            auto changed = good;
            changed[at] = c;
            CHECK(json::accept(detail(changed)));
            CHECK((detail(changed) == "{}" || json::parse(detail(changed)) == json::parse(valid_utf8(changed))));
        }
        CHECK(detail(good.substr(0, at)) == "{}");
    }
    for (const auto* other : {R"({"a":01})", R"({"a":1.})", R"({"a":-})", R"({"a":.5})", R"({"a":1,})", R"({,})", R"({"a"})", R"({"a":"\x"})", R"({"a":1}})", R"({"a":+1})", R"({'a':1})"}) CHECK(detail(other) == "{}");
    for (const auto* fine : {R"({"a":1e5})", R"({"a":12345678901234567890})", R"({"a":"\u00e9"})", "{\"a\":\"\xC3\xA9\"}"}) CHECK(json::parse(detail(fine)) == json::parse(fine));
}

TEST_CASE("times nobody knows are null in json and empty in csv") {
    auto turn = said(0, Speaker::User, 0, "x");
    turn.started_at = turn.ended_at = {};
    const auto out = json::parse(written("json", {turn}))["turns"][0];
    for (const auto* key : {"startedAt", "startedAtMs", "endedAt", "endedAtMs", "offsetMs", "durationMs"}) CHECK(out[key].is_null());
    CHECK(written("csv", {turn}).find("\"ann\",,,,,false,\"x\"\r\n") != std::string::npos);
    CHECK(written("txt", {turn}).find("[-:--] user: x") != std::string::npos);
}

TEST_CASE("several calls, none, and calls without turns are JSON too") {
    const auto writer = find_form("json")->create({.several = true});
    std::string out;
    writer->begin(out);
    const auto call = test::sample_call();
    for (int i = 0; i < 2; ++i) {
        writer->begin_call(call, out);
        if (i == 1) writer->turn(said(0, Speaker::User, 0, "x"), call, out);
        writer->end_call(out);
    }
    writer->end(out);
    CHECK(json::parse(out)["transcripts"].size() == 2);
    CHECK(json::parse(out)["transcripts"][0]["turns"].empty());
    std::string empty;
    const auto none = find_form("json")->create({.several = true});
    none->begin(empty);
    none->end(empty);
    CHECK(json::parse(empty)["transcripts"].empty());
}

TEST_CASE("csv cells are no formulas, and whoever takes the apostrophe away has the text") {
    for (const std::string text : {"=1+1", "+49", "-5", "@SUM(A1)", "\tx", "\rx", " =1", "'=1", "''+1", "\xEF\xBC\x9D" "1"}) CHECK(csv_text(text) == "\"'" + text + "\"");
    for (const std::string text : {"'tis", "a=b", "", "1-2", "''"}) CHECK(csv_text(text) == "\"" + text + "\"");
}

TEST_CASE("csv keeps quotes, commas and ends of lines, and shows what steers") {
    CHECK(csv_text("say \"yes\", then\r\nno\n\tend") == "\"say \"\"yes\"\", then\r\nno\n\tend\"");
    CHECK(csv_text("a\x1b[2J\xE2\x80\xAE" "b\xff") == "\"a\\u001b[2J\\u202eb\xEF\xBF\xBD\"");
    CHECK(csv_text(std::string("a\0b", 3)) == "\"a\\u0000b\"");
    auto turn = said(0, Speaker::User, -1500, "x");
    turn.identity = "=cmd|' /C calc'!A0";
    CHECK(written("csv", {turn}).find("user,\"'=cmd|' /C calc'!A0\",2026-01-02T03:04:03.500Z,2026-01-02T03:04:05.000Z,-1500,1500,") != std::string::npos);
}

TEST_CASE("markdown text has no markup of its own") {
    CHECK(markdown_text("*a* _b_ `c` [d](e) <i> & ~~f~~ | \\ !") == "\\*a\\* \\_b\\_ \\`c\\` \\[d\\](e) \\<i\\> \\& \\~\\~f\\~\\~ \\| \\\\ \\!");
    CHECK(markdown_text("a\n# b\n\n- c\n1. d\n12) e\n===\n  > f\n+ g\n7") == "a\\\n\\# b\\\n\\- c\\\n1\\. d\\\n12\\) e\\\n\\===\\\n\\> f\\\n\\+ g\\\n7");
    CHECK(markdown_text("a\xE2\x80\xAE\x1b") == "a\\\\u202e\\\\u001b");
    auto call = test::sample_call();
    call.room = "a\n# b";
    CHECK(written("md", {}, {}, call).starts_with("# Call 7: room a # b, attempt 2\n\n- agent: receptionist\n"));
    auto cut = said(0, Speaker::Agent, 400, "so");
    cut.interrupted = true;
    CHECK(written("md", {cut}).ends_with("\n**agent** (0:00.4): so *(interrupted)*\n"));
}

TEST_CASE("subtitles have no tags, arrows, blank lines and marks of the text's own") {
    CHECK(cue_of("vtt", "1 <b>x</b> & y --> z") == "<v user>1 &lt;b&gt;x&lt;/b&gt; &amp; y --&gt; z");
    CHECK(cue_of("srt", "1 <b>x</b> & y --> z") == "user: 1 \xEF\xBC\x9C" "b>x\xEF\xBC\x9C/b> & y --\xEF\xBC\x9E z");
    CHECK(cue_of("srt", "{\\an8}up 3 < 4 > 2 <00:01.000>") == "user: \xEF\xBD\x9B\\an8}up 3 \xEF\xBC\x9C 4 > 2 \xEF\xBC\x9C" "00:01.000>");
    CHECK(cue_of("srt", "a -\xE2\x80\xAE-\x01> b") == "user: a --\xEF\xBC\x9E b");
    for (const auto* form : {"srt", "vtt"}) {
        const auto head = std::string(form) == "srt" ? "user: " : "<v user>";
        CHECK(cue_of(form, "  a\n\n\n\tb \r\n\r\nc\xE2\x80\xA8" "d") == head + std::string("a\nb\nc\nd"));
        CHECK(cue_of(form, "a\x1b\xE2\x80\xAE" "b\xff") == head + std::string("ab\xEF\xBF\xBD"));
        CHECK(cue_of(form, "a\n\x01\xE2\x80\xAE\n \x01 \n\x01 b \x01") == head + std::string("a\nb"));  // a blank line would end the cue
        CHECK(cue_of(form, "a\n\xC2\xA0 \xE2\x80\x8B\n\xE3\x80\x80\nb") == head + std::string("a\nb"));
        CHECK(written(form, {said(0, Speaker::User, 0, " \n\t\x01 ")}).find("-->") == std::string::npos);
    }
    CHECK(cue_of("vtt", "\xE2\x80\x8F" "a") == "<v user>&rlm;a");
}

TEST_CASE("a name in a subtitle is one line and closes nothing") {
    auto turn = said(0, Speaker::User, 0, "x");
    const Style style{.speaker_names = {{"user", "A>\n\nB & <c>"}}};
    CHECK(written("vtt", {turn}, style).find("<v A&gt; B &amp; &lt;c&gt;>x\n") != std::string::npos);
    CHECK(written("srt", {turn}, style).find("A> B & \xEF\xBC\x9C" "c>: x\n") != std::string::npos);
}

struct Times {
    std::int64_t start, end;
    bool operator==(const Times&) const = default;
};

std::vector<Times> cue_times(const std::vector<store::Turn>& turns) {
    std::vector<Times> out;
    const auto text = written("srt", turns);
    const std::regex form(R"((\d+):(\d\d):(\d\d),(\d{3}) --> (\d+):(\d\d):(\d\d),(\d{3})\n)");
    for (std::sregex_iterator one(text.begin(), text.end(), form), end; one != end; ++one) {
        const auto ms = [&](std::size_t i) { return ((std::stoll((*one)[i]) * 60 + std::stoll((*one)[i + 1])) * 60 + std::stoll((*one)[i + 2])) * 1000 + std::stoll((*one)[i + 3]); };
        out.push_back({ms(1), ms(5)});
    }
    return out;
}

TEST_CASE("cues begin before they end, never go back, and nobody's overlap") {
    using T = std::vector<Times>;
    CHECK(cue_times({said(0, Speaker::User, 1000, "a", 500), said(1, Speaker::Agent, 1200, "b", 900)}) == T{{1000, 1500}, {1200, 2100}});
    CHECK(cue_times({said(0, Speaker::User, 1000, "a", 5000), said(1, Speaker::User, 2000, "b", 500)}) == T{{1000, 2000}, {2000, 2500}});
    CHECK(cue_times({said(0, Speaker::User, 3000, "a", 500), said(1, Speaker::Agent, 1000, "b", 500)}) == T{{1000, 1500}, {3000, 3500}});
    CHECK(cue_times({said(0, Speaker::User, -4000, "a", 500), said(1, Speaker::Agent, 0, "b", 0)}) == T{{0, 1000}, {0, 1000}});
    CHECK(cue_times({said(0, Speaker::User, 1000, "a", 500), said(1, Speaker::User, 1000, "b", 500)}) == T{{1000, 1500}, {1500, 1501}});
    auto timeless = said(1, Speaker::User, 0, "b");
    timeless.started_at = timeless.ended_at = {};
    CHECK(cue_times({said(0, Speaker::Agent, 1000, "a", 500), timeless}) == T{{1000, 1500}, {1500, 2500}});
    CHECK(written("srt", {said(0, Speaker::User, 450'000'000'000, "late")}).find("125000:00:00,000 --> 125000:00:01,500") != std::string::npos);
    CHECK(written("vtt", {said(0, Speaker::User, 359'999'999, "x", 1)}).find("99:59:59.999 --> 100:00:00.000") != std::string::npos);
}

TEST_CASE("many turns in any order keep the rules of cues") {
    std::vector<store::Turn> turns;
    std::uint64_t state = 42;
    const auto next = [&](std::uint64_t below) { return static_cast<std::int64_t>((state = state * 6364136223846793005u + 1442695040888963407u) >> 33) % static_cast<std::int64_t>(below); };
    for (int i = 0; i < 2000; ++i) turns.push_back(said(i, next(2) == 0 ? Speaker::User : Speaker::Agent, i * 500 + next(20'000) - 10'000, i % 2 == 0 ? "a" : "b", next(5000) - 1000));
    const auto times = cue_times(turns);
    REQUIRE(times.size() == turns.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
        CHECK(times[i].start < times[i].end);
        if (i > 0) CHECK(times[i].start >= times[i - 1].start);
    }
}

TEST_CASE("the quick time text is the same as the other") {
    TimeText quick;
    for (const std::int64_t ms : {0LL, 1LL, 86'399'999LL, 86'400'000LL, 1'767'323'045'678LL, 951'782'400'000LL, 9'000'000'000'000LL, -5LL}) {
        const store::SystemTime time{std::chrono::milliseconds(ms)};
        std::string out;
        quick.append(out, time);
        CHECK(out == format_time(time));
    }
}

TEST_CASE("speakers are named by identity first, then by role") {
    const Style style{.speaker_names = {{"user", "Caller"}, {"ann", "Anna"}}};
    auto other = said(1, Speaker::User, 10, "y");
    other.identity = "bob";
    const auto text = written("txt", {said(0, Speaker::User, 0, "x"), other, said(2, Speaker::Agent, 20, "z")}, style);
    CHECK(text.find("] Anna: x\n") != std::string::npos);
    CHECK(text.find("] Caller: y\n") != std::string::npos);
    CHECK(text.find("] agent: z\n") != std::string::npos);
    const auto line = json::parse(written("jsonl", {other}, style));
    CHECK(line["speaker"] == "user");
    CHECK(line["speakerName"] == "Caller");
    CHECK(written("csv", {other}, style).find(",user,\"Caller\",\"bob\",") != std::string::npos);
}

TEST_CASE("tools are told where they were asked for") {
    auto turn = said(0, Speaker::Agent, 0, "done");
    turn.detail_json = R"({"tools":[{"tool":"book_table","outcome":"ok","atMs":5,"tookMs":120.4},{"tool":"x","outcome":"error","arguments":{"a":"=1\n"},"result":"no"}]})";
    const Style style{.tools = true};
    CHECK(written("txt", {turn}, style).ends_with("agent: done\n    tool book_table: ok, 120 ms\n    tool x: error, arguments {\"a\":\"=1\\n\"}, result no\n"));
    CHECK(written("md", {turn}, style).find("\n> tool book\\_table: ok, 120 ms\n") != std::string::npos);
    CHECK(written("csv", {turn}, style).ends_with(",\"done\",\"book_table: ok, 120 ms\nx: error, arguments {\"\"a\"\":\"\"=1\\n\"\"}, result no\"\r\n"));
    CHECK(written("txt", {turn}).find("book") == std::string::npos);
}

}  // namespace
}  // namespace voicectl::transcript
