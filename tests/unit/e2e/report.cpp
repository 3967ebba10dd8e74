#include "voicectl/e2e/report.h"

#include <doctest/doctest.h>

#include "core/e2e/checks.h"

using namespace voicectl;
using namespace voicectl::e2e;

namespace {

struct Run {
    Report report;
    CallTestEvents events;
    Checks checks{report, events};
};

const auto kHolds = []() -> Result<Seen> { return Seen{"seen"}; };

}  // namespace

TEST_CASE("a report without checks proves nothing") { CHECK_FALSE(Report{}.passed()); }

TEST_CASE("a planned check that did not run fails the whole") {
    Run run;
    run.checks.plan("a", "first");
    run.checks.plan("b", "second");
    CHECK(run.checks.run("a", kHolds));
    CHECK_FALSE(run.report.passed());
    CHECK(run.report.summary() == "1 of 2 checks held; not run: b");
    CHECK(run.report.to_json()["checks"][1]["evidence"].is_object());
    CHECK(run.checks.run("b", kHolds));
    CHECK(run.report.passed());
    CHECK(run.report.verdict());
}

TEST_CASE("a check that does not hold is named, with its reason") {
    Run run;
    run.checks.plan("a", "first");
    CHECK_FALSE(run.checks.run("a", []() -> Result<Seen> { return fail_with_hint(Errc::Timeout, "nobody came", "look"); }));
    const auto verdict = run.report.verdict();
    REQUIRE_FALSE(verdict);
    CHECK(verdict.error().code == Errc::CheckFailed);
    CHECK(verdict.error().message == "0 of 1 checks held; a did not: nobody came");
    CHECK(run.report.to_json()["checks"][0]["state"] == "failed");
    CHECK(run.report.to_json()["checks"][0]["evidence"]["hint"] == "look");
}

TEST_CASE("what barred the way keeps its own exit code") {
    Run run;
    run.checks.plan("a", "first");
    run.report.stopped = Error{Errc::Auth, "key refused", ""};
    CHECK(exit_code(run.report.verdict().error().code) == 4);
}

TEST_CASE("a check that turns out not to apply is taken back") {
    Run run;
    run.checks.plan("a", "first");
    run.checks.plan("b", "second");
    run.checks.drop("b");
    CHECK(run.checks.run("a", kHolds));
    CHECK(run.report.passed());
}

TEST_CASE("a measured time takes the place of the time that the check took") {
    Run run;
    run.checks.plan("a", "first");
    CHECK(run.checks.run("a", []() -> Result<Seen> { return Seen{"", {}, std::chrono::milliseconds{812}}; }));
    CHECK(run.report.checks[0].elapsed == std::chrono::milliseconds{812});
}
