// Questions, protected profiles, --trace and --curl.
#include <doctest/doctest.h>

#include "bench.h"
#include "commands/trace.h"
#include "support/temp_folder.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {

namespace {

struct Person {
    std::ostringstream results, talk;
    std::istringstream answers;
    std::map<std::string, std::string> variables;
    Env env;

    Person(const std::string& says, bool at_terminal)
        : answers(says),
          env(Output(results, talk, false, at_terminal),
              [this](const std::string& name) -> std::optional<std::string> {
                  const auto found = variables.find(name);
                  return found == variables.end() ? std::nullopt : std::optional(found->second);
              },
              Input{&answers, at_terminal}) {}

    void use_protected_profile(const test::TempFolder& folder) {
        const auto path = folder.path() + "/config.yaml";
        REQUIRE(write_file_atomically(path, "default: live\nprofiles: {live: {url: \"ws://127.0.0.1:1\", api_key: k, api_secret: s, protected: true}}\n", 0600));
        variables["VOICECTL_CONFIG"] = path;
    }
};

}  // namespace

TEST_CASE("a person is asked, and the default is no") {
    for (const auto& [says, done] : std::vector<std::pair<std::string, bool>>{{"y\n", true}, {"YES\n", true}, {"\n", false}, {"no\n", false}, {"", false}}) {
        Person person(says, true);
        CHECK(person.env.confirm("deleting 2 rooms").has_value() == done);
        CHECK(person.talk.str().find("deleting 2 rooms? [y/N] ") != std::string::npos);
    }
}

TEST_CASE("where nobody can be asked the flag is named") {
    Person script("y\n", false);
    const auto refused = script.env.confirm("deleting 2 rooms");
    CHECK(refused.error().code == Errc::Usage);
    CHECK(refused.error().message == "deleting 2 rooms needs --yes");
    script.env.global.yes = true;
    CHECK(script.env.confirm("deleting 2 rooms"));
}

TEST_CASE("a protected profile asks for its name before a change") {
    test::TempFolder folder;
    for (const auto& [says, done] : std::vector<std::pair<std::string, bool>>{{"live\n", true}, {"y\n", false}, {"", false}}) {
        Person person(says, true);
        person.use_protected_profile(folder);
        CHECK(person.env.change("delete 1 room").has_value() == done);
    }
    Person script("live\n", false);
    script.use_protected_profile(folder);
    script.env.global.yes = true;  // not enough
    CHECK(script.env.change("delete 1 room").error().hint.find("--confirm live") != std::string::npos);
    script.env.global.confirm = "live";
    CHECK(script.env.change("delete 1 room"));
    Person dry("", false);
    dry.use_protected_profile(folder);
    dry.env.global.dry_run = true;
    CHECK(dry.env.change("delete 1 room"));
}

TEST_CASE("a no is no signal, and a wrong --confirm is wrong input") {
    test::TempFolder folder;
    Person person("n\n", true), mistyped("liv\n", true), script("", false);
    CHECK(exit_code(person.env.confirm("deleting 2 rooms").error().code) == 1);
    for (auto* one : {&mistyped, &script}) one->use_protected_profile(folder);
    CHECK(exit_code(mistyped.env.change("delete 1 room").error().code) == 1);
    script.env.global.confirm = "liv";
    CHECK(script.env.change("delete 1 room").error().code == Errc::Usage);
}

TEST_CASE("every command that changes rooms asks for a protected profile's name") {
    test::TempFolder folder;
    for (const auto& words : std::vector<std::vector<std::string>>{{"room", "create", "a"}, {"room", "delete", "a"}, {"dispatch", "create", "a", "--agent", "x"}}) {
        Person script("", false);
        script.use_protected_profile(folder);
        CHECK(run_main(words, script.env) == 2);
        CHECK(script.talk.str().find("--confirm live") != std::string::npos);
    }
}

TEST_CASE("--curl prints a command without a token, on stderr, with the flags of its grant") {
    test::CommandBench bench;
    bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    CHECK(bench.run({"room", "get", "it's", "--curl"}) == 7);
    CHECK(bench.results.str().empty());
    CHECK(bench.talk.str().find("curl -sS -X POST 'http://127.0.0.1:1/twirp/livekit.RoomService/ListRooms' -H \"Authorization: Bearer $(voicectl token create --list)\"") !=
          std::string::npos);
    CHECK(bench.talk.str().find("it'\\''s") != std::string::npos);
    CHECK(bench.talk.str().find("eyJ") == std::string::npos);
    GivenServer given;
    given.profile = "it's";
    given.api_secret = "never";
    given.api_secret_file = "a b";
    CHECK(key_flags(given) == " --profile 'it'\\''s' --api-secret-file 'a b'");
    livekit::VideoGrant grant;
    grant.room_admin = true;
    grant.room = "a b";
    CHECK(grant_flags(grant) == " --admin --room 'a b'");
}

TEST_CASE("-v says one line for each call, --trace all of it") {
    test::CommandBench brief, full;
    for (auto* bench : {&brief, &full}) bench->environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    CHECK(brief.run({"room", "list", "-v"}) == 7);
    CHECK(brief.talk.str().find("RoomService/ListRooms ") == 0);
    CHECK(full.run({"room", "list", "--trace"}) == 7);
    CHECK(full.talk.str().find("> Authorization: Bearer ***\n") != std::string::npos);
    CHECK(full.talk.str().find(R"(> {"names":[]})") != std::string::npos);
}

}  // namespace voicectl::commands
