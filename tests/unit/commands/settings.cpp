#include "commands/settings.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "support/temp_folder.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

struct Machine {
    test::TempFolder folder;
    std::map<std::string, std::string> variables{{"HOME", folder.path()}};
    GivenServer given;

    Getenv getenv() const {
        return [this](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
    }
    void write(const std::string& name, const std::string& text, int mode = 0600) const {
        const auto path = std::filesystem::path(folder.path()) / name;
        std::filesystem::create_directories(path.parent_path());
        REQUIRE(write_file_atomically(path, text, mode));
    }
    void config(const std::string& text, int mode = 0600) const { write(".config/voicectl/config.yaml", text, mode); }
    Result<ServerSettings> settings() const { return find_settings(given, getenv()); }
};

constexpr const char* kTwo = R"(
default: staging
profiles:
  staging: {url: "ws://staging", api_key: APIstaging, api_secret: staging-secret-staging-secret-1}
  production: {url: "wss://production", api_key: APIproduction, api_secret_file: /run/secret, protected: true}
)";

constexpr const char* kLk = R"(
default_project: cloud
projects:
    - name: cloud
      url: wss://cloud.example.com
      api_key: APIcloud
      api_secret: cloud-secret-cloud-secret-cloud-1
device_name: laptop
)";

}  // namespace

TEST_CASE("without anything there is nothing, and no file is needed") {
    Machine machine;
    const auto found = machine.settings();
    REQUIRE(found);
    CHECK(found->url.value.empty());
    CHECK(found->key.origin.empty());
    CHECK(!found->profile);
}

TEST_CASE("flags come before the environment, and that before the default profile") {
    Machine machine;
    machine.config(kTwo);
    CHECK(machine.settings()->url.value == "ws://staging");
    CHECK(machine.settings()->profile->name == "staging");
    CHECK(machine.settings()->url.origin.starts_with("profile staging ("));
    machine.variables["LIVEKIT_URL"] = "ws://environment";
    CHECK(machine.settings()->url.value == "ws://environment");
    CHECK(machine.settings()->key.value == "APIstaging");
    machine.given.url = "ws://flag";
    CHECK(machine.settings()->url.origin == "--url");
}

TEST_CASE("a profile that is named on the line comes before the environment") {
    Machine machine;
    machine.config(kTwo);
    machine.variables["LIVEKIT_URL"] = "ws://environment";
    machine.variables["LIVEKIT_API_KEY"] = "APIenvironment";
    machine.variables["LIVEKIT_API_SECRET"] = "environment-secret";
    machine.given.profile = "production";
    const auto found = machine.settings();
    REQUIRE(found);
    CHECK(found->url.value == "wss://production");
    CHECK(found->key.value == "APIproduction");
    CHECK(found->secret_file == "/run/secret");
    CHECK(found->profile->needs_name);
    machine.given.profile.clear();
    machine.variables["VOICECTL_PROFILE"] = "production";
    CHECK(machine.settings()->url.value == "ws://environment");
    CHECK(!machine.settings()->profile);
}

TEST_CASE("a secret goes with its own key only") {
    Machine machine;
    machine.config(kTwo);
    machine.variables["LIVEKIT_API_KEY"] = "APIother";
    CHECK(machine.settings()->key.value == "APIother");
    CHECK(machine.settings()->secret.origin.empty());  // not staging's
    machine.variables["LIVEKIT_API_KEY"] = "APIstaging";
    CHECK(machine.settings()->secret.value.starts_with("staging-secret"));
    machine.variables.erase("LIVEKIT_API_KEY");
    machine.variables["LIVEKIT_API_SECRET"] = "from-the-environment";
    CHECK(machine.settings()->key.value == "APIstaging");
    CHECK(machine.settings()->secret.value == "from-the-environment");
}

TEST_CASE("projects of lk count as profiles where ours has none of that name") {
    Machine machine;
    machine.write(".livekit/cli-config.yaml", kLk, 0644);  // lk's own affair
    CHECK(machine.settings()->url.value == "wss://cloud.example.com");
    CHECK(machine.settings()->profile->of_lk);
    machine.config(kTwo);
    CHECK(machine.settings()->url.value == "ws://staging");
    machine.given.profile = "cloud";
    CHECK(machine.settings()->key.value == "APIcloud");
    CHECK(all_profiles(machine.given, machine.getenv())->size() == 3);
}

TEST_CASE("a broken file of lk is a warning, but for who needs it") {
    Machine machine;
    machine.write(".livekit/cli-config.yaml", "projects: 3\n");
    const auto needed = machine.settings();
    REQUIRE(!needed);
    CHECK(needed.error().code == Errc::Config);
    CHECK(needed.error().hint.find("default_project") != std::string::npos);
    machine.config(kTwo);
    REQUIRE(machine.settings());
    CHECK(machine.settings()->warnings.size() == 1);
    machine.given.profile = "cloud";
    CHECK(machine.settings().error().code == Errc::Config);
}

TEST_CASE("a profile that does not exist is not found, with those that do") {
    Machine machine;
    machine.config(kTwo);
    machine.given.profile = "prod";
    const auto found = machine.settings();
    REQUIRE(!found);
    CHECK(found.error().code == Errc::NotFound);
    CHECK(found.error().hint.find("production, staging") != std::string::npos);
}

TEST_CASE("require_profile wants it named, whatever the environment has") {
    Machine machine;
    machine.config(std::string(kTwo) + "require_profile: true\n");
    machine.variables = {{"HOME", machine.folder.path()}, {"LIVEKIT_URL", "ws://e"}, {"LIVEKIT_API_KEY", "k"}, {"LIVEKIT_API_SECRET", "s"}};
    CHECK(machine.settings().error().code == Errc::Usage);
    machine.given.profile = "staging";
    CHECK(machine.settings()->url.value == "ws://staging");
    machine.given.profile.clear();
    machine.given.may_lack_profile = true;  // config show
    CHECK(machine.settings()->url.value == "ws://e");
}

TEST_CASE("a file with secrets that others may read is refused, one without is not") {
    Machine machine;
    machine.config(kTwo, 0644);
    const auto found = machine.settings();
    REQUIRE(!found);
    CHECK(found.error().code == Errc::Config);
    CHECK(found.error().hint.starts_with("chmod 600"));
    machine.config("profiles: {a: {url: \"ws://a\", api_key: k, api_secret_file: /run/s}}\ndefault: a\n", 0644);
    CHECK(machine.settings()->url.value == "ws://a");
}

TEST_CASE("mistakes are told with file, line and key") {
    Machine machine;
    const auto refused = [&](const std::string& text, std::string_view part) {
        machine.config(text);
        const auto found = machine.settings();
        REQUIRE(!found);
        CHECK(found.error().code == Errc::Config);
        CHECK_MESSAGE(found.error().message.find(part) != std::string::npos, found.error().message);
    };
    refused("profiles:\n  a:\n    ulr: x\n", "config.yaml:3: profiles.a.ulr");
    refused("profile:\n  a: {}\n", "config.yaml:1: profile: there is no such setting");
    refused("profiles:\n  a: text\n", ":2: profile 'a'");
    refused("profiles: {a: {url: [1]}}\n", "profiles.a.url: not a text");
    refused("profiles: {a: {protected: perhaps}}\n", "true or false");
    refused("profiles: [\n", "config.yaml:");
    refused("- 1\n", "not a list of settings");
    refused("default: [a]\n", "default: not the name");
    refused("profiles:\n  a: {url: x}\n  a: {url: y}\n", "config.yaml:3: profile a stands there twice");
    refused("profiles: {a: {url: x, url: y}}\n", "profiles.a.url stands there twice");
    refused(std::string("default: a\n\0", 12), "config.yaml:2: a NUL byte");
}

TEST_CASE("what is written is read again") {
    Machine machine;
    ConfigFile config;
    config.path = machine.folder.path() + "/new/config.yaml";
    config.default_profile = "y";
    config.require_profile = true;
    config.profiles = {{.name = "no", .url = "ws://n", .api_key = "1234", .api_secret = "a: b #\"c'", .needs_name = true}, {.name = "y", .url = "ws://y"}};
    REQUIRE(write_config(config));
    const auto read = read_config(config.path);
    REQUIRE(read);
    CHECK(read->default_profile == "y");
    CHECK(read->require_profile);
    REQUIRE(read->profiles.size() == 2);
    CHECK(read->profiles[0].api_secret == config.profiles[0].api_secret);
    CHECK(read->profiles[0].needs_name);
    CHECK((std::filesystem::status(config.path).permissions() & std::filesystem::perms::all) == std::filesystem::perms(0600));
}

}  // namespace voicectl::commands
