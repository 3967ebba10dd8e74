#include <doctest/doctest.h>

#include <algorithm>

#include "bench.h"
#include "commands/doctor/checkup.h"

namespace voicectl::commands {

using test::CommandBench;

namespace {

/// ids in the order in which they ran, with what became of them.
std::string run(const Checkup& checkup, const Selection& selection = {}) {
    std::string out;
    const auto results = checkup.run(
        selection, [](const std::string&) {}, [&](const CheckResult& one) { out += fmt::format("{}={} ", one.id, to_string(one.finding.state)); }, [] { return Result<void>(); });
    return results ? out : "refused: " + results.error().message;
}

Checkup a_to_d() {
    Checkup checkup;
    checkup.plan("a", "A", {}, [] { return Finding::ok("fine"); });
    checkup.plan("b", "B", {"a"}, [] { return Finding::failed("broken", "mend it"); });
    checkup.plan("c", "C", {"b"}, [] { return Finding::ok("never looked at"); });
    checkup.plan("d", "D", {"c"}, [] { return Finding::ok("neither"); });
    checkup.plan("e", "E", {"a"}, [] { return Finding::warning("so so", "look"); });
    return checkup;
}

}  // namespace

TEST_CASE("what stands on something broken is skipped, however far up") {
    CHECK(run(a_to_d()) == "a=ok b=failed c=skipped d=skipped e=warning ");
}

TEST_CASE("checks that were not selected hold nothing up") {
    CHECK(run(a_to_d(), {{"c", "d"}, {}}) == "c=ok d=ok ");
    CHECK(run(a_to_d(), {{}, {"b"}}) == "a=ok c=ok d=ok e=warning ");
    CHECK(run(a_to_d(), {{"c"}, {"c"}}) == "refused: no check is left to look at");
    CHECK(run(a_to_d(), {{"x"}, {}}) == "refused: there is no check 'x'");
    CHECK(run(a_to_d(), {{}, {"x"}}) == "refused: there is no check 'x'");
}

TEST_CASE("a check that had nothing to look at holds nothing up, and is not called good") {
    Checkup checkup;
    checkup.plan("tls", "TLS", {}, [] { return Finding::skipped("the URL is without TLS"); });
    checkup.plan("server", "server", {"tls"}, [] { return Finding::ok("there"); });
    CHECK(run(checkup) == "tls=skipped server=ok ");
}

TEST_CASE("a report counts, and is healthy only when nothing is broken") {
    std::vector<CheckResult> seen;
    const auto all = a_to_d().run({}, [](const std::string&) {}, [&](const CheckResult& one) { seen.push_back(one); }, [] { return Result<void>(); });
    REQUIRE(all);
    const auto report = checkup_json(*all);
    CHECK(report["healthy"] == false);
    CHECK(report["counts"].dump() == R"({"ok":1,"warning":1,"failed":1,"skipped":2})");
    CHECK(report["checks"][1]["hint"] == "mend it");
    CHECK(report["checks"][2]["detail"] == "because of b");
    CHECK(report["checks"][3]["detail"] == "because of b");
    seen.erase(seen.begin() + 1);
    CHECK(checkup_json(seen)["healthy"] == true);
}

TEST_CASE("a signal ends a checkup before the next check") {
    int asked = 0;
    const auto results = a_to_d().run({}, [](const std::string&) {}, [](const CheckResult&) {}, [&]() -> Result<void> {
        if (++asked < 3) return {};
        return fail(Errc::Cancelled, "stopped by a signal");
    });
    REQUIRE_FALSE(results);
    CHECK(results.error().code == Errc::Cancelled);
}

TEST_CASE("doctor says what is missing from the configuration, and how to mend it") {
    CommandBench bench;
    bench.environment.clear();
    CHECK(bench.run({"doctor", "--only", "url,credentials,dns"}) == 3);
    CHECK(bench.results.str().find("no server URL") != std::string::npos);
    CHECK(bench.results.str().find("LIVEKIT_URL") != std::string::npos);
    CHECK(bench.results.str().find("because of url") != std::string::npos);
    CommandBench short_secret;
    short_secret.environment["LIVEKIT_API_SECRET"] = "tooshort";
    CHECK(short_secret.run({"doctor", "--only", "credentials", "--json"}) == 0);
    CHECK(short_secret.json()["checks"][0]["state"] == "warning");
    CHECK(short_secret.results.str().find("tooshort") == std::string::npos);
    CHECK(CommandBench().run({"doctor", "--only", "nonsense"}) == 2);
    CHECK(CommandBench().run({"doctor", "--agent-wait", "soon"}) == 2);
}

TEST_CASE("doctor that looked at nothing does not say healthy") {
    const auto outcome = [](std::vector<std::string> words) {
        CommandBench bench;
        bench.environment["VOICECTL_STORE"] = "/nonexistent/store.db";
        bench.environment["XDG_CONFIG_HOME"] = "/nonexistent";
        words.insert(words.begin(), "doctor");
        return bench.run(words);
    };
    CHECK(outcome({"--only", "url", "--skip", "url"}) == 2);
    CHECK(outcome({"--only", "database"}) == 3);
    CHECK(outcome({"--only", "database,credentials"}) == 0);
    CHECK(outcome({"--only", "credentials", "--agent-wait", "0"}) == 2);
}

TEST_CASE("doctor for scripts: a row per check, or the names of what is broken") {
    const auto printed = [](const std::string& format) {
        CommandBench bench;
        bench.environment["XDG_CONFIG_HOME"] = "/nonexistent";
        CHECK(bench.run({"doctor", "--only", "url,credentials,config_file", "-o", format}) == 3);
        return bench.results.str();
    };
    CHECK(printed("name") == "url\n");
    const auto rows = printed("tsv");
    CHECK(rows.starts_with("url\tfailed\t"));
    CHECK(rows.find("\ncredentials\tok\t") != std::string::npos);
    CHECK(std::count(rows.begin(), rows.end(), '\n') == 3);
}

}  // namespace voicectl::commands
