// What flags refuse, and in which words; what a line's words are.
#include "commands/flags.h"

#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

#include "bench.h"
#include "commands/words.h"

namespace voicectl::commands {

using test::CommandBench;

namespace {

struct Line {
    int code;
    std::string told;
};

Line told(const std::vector<std::string>& words) {
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    const auto code = bench.run(words);
    return {code, bench.talk.str()};
}

std::string kinds(const std::vector<std::string>& words) {
    CommandBench bench;
    const auto app = make_app(bench.env);
    std::string out;
    for (const auto& one : words_of(*app, words)) out += "CcFfva"[static_cast<int>(one.kind)];
    return out;
}

}  // namespace

TEST_CASE("the words of a line are told apart without parsing it") {
    CHECK(kinds({"room", "list", "demo"}) == "CCa");
    CHECK(kinds({"-o", "json", "romm", "list"}) == "Fvcc");
    CHECK(kinds({"-ojson", "room", "-vq", "get", "a", "--fields=x", "--timeout", "3s"}) == "FCFCaFFv");
    CHECK(kinds({"room", "create", "-dash", "--nonsense", "a"}) == "CCffa");
    CHECK(kinds({"room", "create", "--", "-dash"}) == "CCa");
    CHECK(kinds({"dispatch", "create", "a", "--wait", "2s"}) == "CCaFa");
    CHECK(kinds({"room", "create", "--metadata", "--yes", "a"}) == "CCFva");
}

TEST_CASE("an empty text is refused where it means nothing") {
    for (const auto& words : std::vector<std::vector<std::string>>{{"room", "list", "--profile", ""}, {"room", "get", ""}, {"room", "list", "--match="}, {"--url=", "room", "list"}}) {
        const auto [code, text] = told(words);
        CHECK(code == 2);
        CHECK_MESSAGE(text.find(" is empty\nhint:  an unset variable in a script?") != std::string::npos, text);
    }
    CHECK(told({"room", "create", "a", "--metadata", "", "--dry-run"}).code == 0);
    CHECK(told({"room", "create", "a", "--metadata=", "--dry-run"}).code == 0);
}

TEST_CASE("nothing behind --flag= takes the next word") {
    const auto [code, text] = told({"room", "delete", "--match=", "--yes"});
    CHECK(code == 2);
    CHECK(text.find("--match is empty") != std::string::npos);
}

TEST_CASE("the last of two is taken") {
    CommandBench bench;
    CHECK(bench.run({"help", "output", "--timeout", "3s", "--timeout", "4s", "-o", "json", "-o", "tsv"}) == 0);
    CHECK(bench.env.global.timeout == "4s");
    CHECK(bench.env.out.format == Format::Tsv);
}

TEST_CASE("comma lists may have blanks, and --fields '' is all of them") {
    CommandBench bench, all;
    CHECK(bench.run({"help", "output", "--fields", "name, sid ,x"}) == 0);
    CHECK(bench.env.out.fields == std::vector<std::string>{"name", "sid", "x"});
    CHECK(all.run({"help", "output", "--fields", ""}) == 0);
    CHECK(all.env.out.fields.empty());
}

TEST_CASE("a time behind a flag that takes it with = only is no argument") {
    CHECK(told({"room", "list", "--watch", "5s"}).told.find("write --watch=5s") != std::string::npos);
    CHECK(told({"room", "list", "--watch", "demo"}).code == 7);  // a room
}

TEST_CASE("--dry-run is refused by what would not be dry") {
    const auto [code, text] = told({"doctor", "--dry-run"});
    CHECK(code == 2);
    CHECK(text.find("voicectl doctor has no --dry-run") != std::string::npos);
    CHECK(told({"transcript", "export", "1", "--out", "x", "--dry-run"}).told.find("export --out has no --dry-run") != std::string::npos);
    CHECK(told({"transcript", "export", "1", "--dry-run"}).told.find("no --dry-run") == std::string::npos);
}

TEST_CASE("a wrong time or assignment is told with its flag") {
    CHECK(told({"room", "list", "--older-than", "soon"}).told.starts_with("error: --older-than: 'soon' is not a duration"));
    CHECK(told({"token", "create", "--list", "--valid-for=soon"}).told.starts_with("error: --valid-for: 'soon' is not a duration"));
    CHECK(told({"room", "list", "--timeout", "soon"}).told.starts_with("error: --timeout: 'soon' is not a duration"));
}

TEST_CASE("bytes that are no text reach no command") {
    CHECK(told({"room", "create", "a\xff"}).told.find("an argument is not UTF-8: 'a\\xff'") != std::string::npos);
    CHECK(told({"room", "create", "a", "--metadata=\xff"}).told.find("--metadata is not UTF-8") != std::string::npos);
}

}  // namespace voicectl::commands
