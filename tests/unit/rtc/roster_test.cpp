#include "core/rtc/roster.h"

#include <doctest/doctest.h>

namespace voicectl::rtc {
namespace {

using Became = RosterChange::What;

Participant person(const std::string& identity, const std::string& sid = "PA_1",
                   const std::string& name = {}) {
    return {identity, sid, name, {}, ParticipantKind::Standard, {}};
}

}  // namespace

TEST_CASE("a newcomer has joined, told once; another value is an update; gone is left") {
    Roster roster;
    CHECK(roster.present(person("a"))->what == Became::Joined);
    CHECK_FALSE(roster.present(person("a")));
    CHECK(roster.present(person("a", "PA_1", "Ann"))->what == Became::Updated);
    CHECK_FALSE(roster.edit("a", [](auto& who) { who.name = "Ann"; }));
    CHECK(roster.edit("a", [](auto& who) { who.metadata = "m"; })->participant.metadata == "m");
    CHECK_FALSE(roster.edit("nobody", [](auto& who) { who.name = "x"; }));
    CHECK(roster.left("a")->participant.name == "Ann");
    CHECK_FALSE(roster.left("a"));
}

TEST_CASE("who comes back in time was never away, though the sid is another") {
    Roster roster;
    roster.present(person("a"));
    roster.present(person("b"));
    roster.all_missing();
    CHECK_FALSE(roster.present(person("a", "PA_2")));
    CHECK(roster.all().size() == 2);
    const auto gone = roster.give_up_missing();
    REQUIRE(gone.size() == 1);
    CHECK(gone[0].what == Became::Left);
    CHECK(gone[0].participant.identity == "b");
    CHECK(roster.all().at(0).sid == "PA_2");
    CHECK(roster.give_up_missing().empty());
}

TEST_CASE("missing counts only for those who were there") {
    Roster roster;
    roster.missing("stranger");
    CHECK(roster.give_up_missing().empty());
}

}  // namespace voicectl::rtc
