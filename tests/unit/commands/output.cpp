#include "commands/output.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>
#include <sstream>

#include "commands/json_path.h"

namespace voicectl::commands {
namespace {

struct Printed {
    std::ostringstream results, talk;
    std::map<std::string, std::string> environment;
    Output out;
    explicit Printed(bool results_tty = false, bool talk_tty = false) : out(results, talk, results_tty, talk_tty) {
        out.environment = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = environment.find(name);
            if (found == environment.end()) return std::nullopt;
            return found->second;
        };
    }
};

const Json kRooms = Json::parse(R"([{"name":"demo","sid":"RM_1","numParticipants":2,"tags":["a","b"]},
                                    {"name":"größer","sid":"RM_22","numParticipants":0,"tags":[]}])");
const std::vector<Column> kColumns{column("NAME", "name"), column("PEOPLE", "numParticipants"), column("SID", "sid", true)};

std::string listed(Printed& printed, const Json& items = kRooms) {
    const auto done = printed.out.emit_list("rooms", items, kColumns, "name");
    if (!done) return "error: " + done.error().message + " | " + done.error().hint;
    return printed.results.str();
}
std::string listed(Format format, const Json& items = kRooms) {
    Printed printed;
    printed.out.format = format;
    return listed(printed, items);
}

TEST_CASE("a list is a table, wider on request, with columns in line") {
    CHECK(listed(Format::Table) == "NAME    PEOPLE\ndemo    2\ngrößer  0\n");
    CHECK(listed(Format::Wide) == "NAME    PEOPLE  SID\ndemo    2       RM_1\ngrößer  0       RM_22\n");
}

TEST_CASE("a list for machines: JSON under its noun, a line each, tab-separated, names") {
    const auto json = Json::parse(listed(Format::Json));
    CHECK(json["rooms"] == kRooms);
    CHECK(json.size() == 1);
    CHECK(listed(Format::Jsonl) == kRooms[0].dump() + "\n" + kRooms[1].dump() + "\n");
    CHECK(listed(Format::Tsv) == "demo\t2\ngrößer\t0\n");
    CHECK(listed(Format::Name) == "demo\ngrößer\n");
}

TEST_CASE("an empty list is an empty list, and a note for people") {
    CHECK(Json::parse(listed(Format::Json, Json::array())) == Json::parse(R"({"rooms":[]})"));
    CHECK(listed(Format::Jsonl, Json::array()).empty());
    CHECK(listed(Format::Tsv, Json::array()).empty());
    CHECK(listed(Format::Name, Json::array()).empty());
    Printed printed;
    CHECK(listed(printed, Json::array()).empty());
    CHECK(printed.talk.str() == "no rooms\n");
}

TEST_CASE("fields are chosen in the order given; an unknown one is refused with the list of fields") {
    Printed json;
    json.out.format = Format::Json;
    json.out.fields = {"sid", "name"};
    CHECK(Json::parse(listed(json))["rooms"][0].dump() == R"({"sid":"RM_1","name":"demo"})");
    Printed table;
    table.out.fields = {"sid", "numParticipants"};
    CHECK(listed(table) == "sid    numParticipants\nRM_1   2\nRM_22  0\n");
    Printed unknown;
    unknown.out.fields = {"nam"};
    CHECK(listed(unknown) == "error: unknown field 'nam' | known fields: name, sid, numParticipants, tags");
    CHECK(unknown.results.str().empty());
}

TEST_CASE("--get prints what stands at a path, raw") {
    const auto got = [](const std::string& path, const Json& items = kRooms) {
        Printed printed;
        printed.out.get = path;
        return listed(printed, items);
    };
    CHECK(got("/rooms/0/name") == "demo\n");
    CHECK(got("rooms/1/sid") == "RM_22\n");
    CHECK(got("/rooms/*/numParticipants") == "2\n0\n");
    CHECK(got("/rooms/*/tags/*") == "a\nb\n");
    CHECK(got("/rooms/0/tags") == "[\"a\",\"b\"]\n");
    CHECK(got("/rooms/*/name", Json::array()).empty());
    for (const auto* nowhere : {"/rooms/2/name", "/rooms/*/nam", "/rooms/0/name/x", "/rooms/-1", "/nope", "/rooms//name"})
        CHECK(got(nowhere) == fmt::format("error: nothing at --get {} | ", nowhere));
}

TEST_CASE("paths follow RFC 6901") {
    const auto value = Json::parse(R"({"a/b":1,"m~n":2,"~1":3,"*":4,"":5,"x":{"*":6}})");
    const auto one = [&](const char* path) { return find_all(value, path)->front()->get<int>(); };
    CHECK(one("/a~1b") == 1);
    CHECK(one("/m~0n") == 2);
    CHECK(one("/~01") == 3);
    CHECK(find_all(value, "/*")->size() == 6);
    CHECK(find_all(value, "")->front() == &value);
    CHECK(one("/x/*") == 6);
}

TEST_CASE("one result: for people, as JSON, as a line of fields, its name, a part of it") {
    const auto print = [](Format format, std::vector<std::string> fields = {}, std::string get = {}) {
        Printed printed;
        printed.out.format = format;
        printed.out.fields = std::move(fields);
        printed.out.get = std::move(get);
        const auto done = printed.out.emit(Json{{"name", "demo"}, {"n", 2}, {"on", true}, {"none", nullptr}, {"t", "a\tb"}}, "room demo made", "demo");
        return done ? printed.results.str() : "error: " + done.error().message;
    };
    CHECK(print(Format::Table) == "room demo made\n");
    CHECK(Json::parse(print(Format::Json))["n"] == 2);
    CHECK(print(Format::Jsonl) == "{\"name\":\"demo\",\"n\":2,\"on\":true,\"none\":null,\"t\":\"a\\tb\"}\n");
    CHECK(print(Format::Tsv) == "demo\t2\ttrue\t\ta b\n");
    CHECK(print(Format::Tsv, {"none", "name"}) == "\tdemo\n");
    CHECK(print(Format::Name) == "demo\n");
    CHECK(print(Format::Table, {"n", "name"}) == "2\tdemo\n");
    CHECK(print(Format::Table, {}, "/on") == "true\n");
    CHECK(print(Format::Table, {"x"}) == "error: unknown field 'x'");
    CHECK(print(Format::Table, {}, "/x") == "error: nothing at --get /x");
}

TEST_CASE("text of others cannot steer the terminal, and stays as it is for scripts") {
    const auto evil = Json::parse(R"([{"name":"a\u001b[2Jb","numParticipants":0}])");
    CHECK(listed(Format::Table, evil).find('\x1b') == std::string::npos);
    for (const auto format : {Format::Name, Format::Tsv}) {
        Printed terminal(true, true), pipe;
        terminal.out.format = pipe.out.format = format;
        CHECK(listed(terminal, evil).find('\x1b') == std::string::npos);
        if (format == Format::Tsv) CHECK(listed(pipe, evil).find('\x1b') != std::string::npos);
        else CHECK(listed(pipe, evil).empty());  // `| xargs` must not meet it; told at the end
    }
    CHECK(listed(Format::Json, evil).find('\x1b') == std::string::npos);
}

TEST_CASE("JSON is valid whatever the bytes") {
    const Json broken = Json::array({Json{{"name", std::string("\xff\xfe")}, {"numParticipants", 0}}});
    CHECK(Json::parse(listed(Format::Json, broken))["rooms"].size() == 1);
    CHECK_FALSE(listed(Format::Table, broken).empty());
}

TEST_CASE("colour: flag, then NO_COLOR, then CLICOLOR_FORCE, then TERM, then whether it is a terminal") {
    const auto coloured = [](std::map<std::string, std::string> environment, bool tty, std::string flag = "auto") {
        Printed printed(tty, tty);
        printed.environment = std::move(environment);
        printed.out.color = std::move(flag);
        CHECK(printed.out.coloured(Stream::Results) == printed.out.coloured(Stream::Talk));
        return printed.out.coloured();
    };
    CHECK(coloured({}, true));
    CHECK_FALSE(coloured({}, false));
    CHECK_FALSE(coloured({{"TERM", "dumb"}}, true));
    CHECK_FALSE(coloured({{"NO_COLOR", "1"}}, true));
    CHECK(coloured({{"NO_COLOR", ""}}, true));
    CHECK(coloured({{"CLICOLOR_FORCE", "1"}}, false));
    CHECK_FALSE(coloured({{"CLICOLOR_FORCE", "0"}}, false));
    CHECK(coloured({{"CLICOLOR_FORCE", "1"}, {"TERM", "dumb"}}, false));
    CHECK_FALSE(coloured({{"CLICOLOR_FORCE", "1"}, {"NO_COLOR", "1"}}, true));
    CHECK(coloured({{"NO_COLOR", "1"}}, false, "always"));
    CHECK_FALSE(coloured({{"CLICOLOR_FORCE", "1"}}, true, "never"));
}

TEST_CASE("each stream is coloured for itself") {
    Printed piped(false, true);
    CHECK(listed(piped).find('\x1b') == std::string::npos);
    CHECK(piped.out.red("x") == "\x1b[31mx\x1b[0m");
    CHECK(piped.out.red("x", Stream::Results) == "x");
    Printed shown(true, false);
    CHECK(listed(shown).starts_with("\x1b[1mNAME"));
    Printed forced;
    forced.out.color = "always";
    CHECK(listed(forced).starts_with("\x1b[1mNAME"));
}

TEST_CASE("notes and warnings go to people, are redacted, and keep quiet on request") {
    Printed printed;
    printed.out.note("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl seen");
    printed.out.warn("careful");
    CHECK(printed.talk.str() == "token *** seen\nwarning: careful\n");
    CHECK(printed.results.str().empty());
    Printed quiet;
    quiet.out.quiet = true;
    quiet.out.note("a");
    quiet.out.warn("b");
    CHECK(quiet.talk.str().empty());
}

TEST_CASE("an error is a line and a hint, or one JSON object; quiet does not hide it") {
    const Error error{Errc::NotFound, "no room \x1b[31mdemo", "voicectl room list"};
    Printed people;
    people.out.quiet = true;
    people.out.error(error, nullptr);
    CHECK(people.talk.str() == "error: no room \\u001b[31mdemo\nhint:  voicectl room list\n");
    Printed machine;
    machine.out.format = Format::Json;
    livekit::CallTrace call;
    call.service = "RoomService";
    call.method = "DeleteRoom";
    machine.out.error(error, &call);
    const auto json = Json::parse(machine.talk.str())["error"];
    CHECK(json["code"] == "not_found");
    CHECK(json["exit"] == 5);
    CHECK(json["hint"] == "voicectl room list");
    CHECK(json["request"]["method"] == "DeleteRoom");
    CHECK(machine.results.str().empty());
    Printed parse;
    parse.out.format = Format::Json;
    parse.out.error(error, nullptr);
    CHECK(Json::parse(parse.talk.str())["error"]["request"].is_null());
}

TEST_CASE("a closed pipe is quiet, a full disk is not") {
    std::signal(SIGPIPE, SIG_IGN);  // as main does
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    std::ofstream pipe(fmt::format("/proc/self/fd/{}", ends[1]));
    close(ends[1]);
    std::ostringstream talk;
    Output piped(pipe, talk, false, false);
    CHECK(piped.emit_raw("first\n"));
    CHECK_FALSE(piped.reader_gone());
    close(ends[0]);
    CHECK(piped.emit_raw("second\n"));
    CHECK(piped.reader_gone());
    CHECK(piped.emit(Json::object(), "third"));
    CHECK(talk.str().empty());

    std::ofstream full("/dev/full");
    Output stuck(full, talk, false, false);
    const auto refused = stuck.emit_raw("text\n");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Io);
    CHECK(refused.error().message == "cannot write to standard output: No space left on device");
}

TEST_CASE("after a change a wrong selection is told at the end, and the result is whole") {
    for (const bool by_field : {true, false}) {
        Printed one, many;
        for (auto* printed : {&one, &many}) {
            printed->out.format = Format::Json;
            if (by_field) printed->out.fields = {"nonsense"};
            else printed->out.get = "/nonsense";
            printed->out.changed();
        }
        CHECK(one.out.emit({{"name", "demo"}}, "demo"));
        CHECK(Json::parse(one.results.str()) == Json{{"name", "demo"}});
        CHECK(Json::parse(listed(many))["rooms"] == kRooms);
        REQUIRE(one.out.left_to_tell());
        CHECK(one.out.left_to_tell()->code == Errc::Other);
        CHECK(many.out.left_to_tell()->message.starts_with("the change was made; "));
    }
}

TEST_CASE("a name that would be two lines is left out of -o name, and that is told") {
    const auto items = Json::parse(R"([{"name":"a\nb"},{"name":"plain"},{"name":"\u001b[31m"}])");
    Printed printed;
    printed.out.format = Format::Name;
    CHECK(listed(printed, items) == "plain\n");
    REQUIRE(printed.out.left_to_tell());
    CHECK(printed.out.left_to_tell()->message == "2 names with control characters were left out");
    Printed person(true);
    person.out.format = Format::Name;
    CHECK(listed(person, items) == "a\\nb\nplain\n\\u001b[31m\n");
    CHECK(!person.out.left_to_tell());
    Printed made;
    made.out.format = Format::Name;
    CHECK(made.out.emit(Json::object(), "made", "a\nb"));
    CHECK(made.results.str().empty());
}

TEST_CASE("what others sent steers no terminal, wherever it is told") {
    Printed plain, painted(true, true);
    plain.out.note("n \x1b]0;x\x07\nsecond");
    plain.out.warn("w \x1b[2J");
    plain.out.error({Errc::Other, "e \x1b[2J\nsecond fault", "h \x1b[2J"}, nullptr);
    plain.out.trace("t \x1b[2J");
    CHECK(plain.talk.str() == "n \\u001b]0;x\\u0007\nsecond\nwarning: w \\u001b[2J\nerror: e \\u001b[2J\nsecond fault\nhint:  h \\u001b[2J\nt \\u001b[2J\n");
    painted.out.color = "always";
    painted.out.note(painted.out.green("ok") + "\x1b[2J");
    CHECK(painted.talk.str() == "\x1b[32mok\x1b[0m\\u001b[2J\n");
    painted.talk.str("");
    painted.out.progress("p \x1b[2J");
    CHECK(painted.talk.str() == "\r\x1b[Kp \\u001b[2J");
}

TEST_CASE("-q leaves what was asked for") {
    Printed printed;
    printed.out.quiet = true;
    printed.out.note("note");
    printed.out.trace("trace");
    printed.out.verbatim("curl");
    CHECK(printed.talk.str() == "trace\ncurl\n");
}

}  // namespace
}  // namespace voicectl::commands
