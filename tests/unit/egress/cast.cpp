#include "core/egress/cast.h"

#include <doctest/doctest.h>

using namespace voicectl;
using namespace voicectl::egress;

namespace {

rtc::Participant someone(const std::string& identity, rtc::ParticipantKind kind = rtc::ParticipantKind::Standard) {
    rtc::Participant who;
    who.identity = identity;
    who.kind = kind;
    return who;
}

rtc::TrackInfo track(const std::string& sid, const std::string& identity, bool is_audio = true) { return {sid, "mic", identity, is_audio, true}; }

}  // namespace

TEST_CASE("the first route that fits decides, and what none fits is recorded when the rest is wanted") {
    Plan plan;
    plan.routes = {{Route::By::Track, "TR_a", {}, Side::Left},
                   {Route::By::Participant, "ann", {}, Side::Right},
                   {Route::By::Kind, "", rtc::ParticipantKind::Sip, Side::Left}};
    for (const bool rest : {true, false}) {
        plan.rest = rest;
        Cast cast(plan);
        cast.meet(someone("ann"));
        cast.meet(someone("phone", rtc::ParticipantKind::Sip));
        cast.meet(someone("bob"));
        CHECK(cast.side_of(track("TR_a", "ann")) == Side::Left);
        CHECK(cast.side_of({"TR_b", "second", "ann"}) == Side::Right);
        CHECK(cast.side_of(track("TR_c", "phone")) == Side::Left);
        CHECK(cast.side_of(track("TR_d", "bob")) == (rest ? std::optional(Side::Both) : std::nullopt));
        CHECK_FALSE(cast.side_of(track("TR_e", "ann", false)));
    }
}

TEST_CASE("agents are left and all others right; recorders are never heard") {
    Plan plan;
    plan.sides = Plan::Sides::AgentLeft;
    Cast cast(plan);
    cast.meet(someone("agent", rtc::ParticipantKind::Agent));
    cast.meet(someone("phone", rtc::ParticipantKind::Sip));
    cast.meet(someone("EG_other", rtc::ParticipantKind::Egress));
    CHECK(cast.side_of(track("TR_a", "agent")) == Side::Left);
    CHECK(cast.side_of(track("TR_b", "phone")) == Side::Right);
    CHECK_FALSE(cast.side_of(track("TR_c", "EG_other")));
}

TEST_CASE("sides alternate in the order of coming, and who comes again keeps theirs") {
    Plan plan;
    plan.sides = Plan::Sides::Alternate;
    Cast cast(plan);
    for (const auto* name : {"a", "b", "c"}) cast.meet(someone(name));
    CHECK(cast.side_of(track("TR_1", "a")) == Side::Left);
    CHECK(cast.side_of(track("TR_2", "b")) == Side::Right);
    cast.forget("TR_1");
    CHECK(cast.side_of(track("TR_3", "a")) == Side::Left);
    CHECK(cast.side_of(track("TR_4", "c")) == Side::Left);
    CHECK(cast.side_of(track("TR_5", "c")) == Side::Right);  // a second of the same name, while the first is there
}

TEST_CASE("a track that comes again under another sid is still the one that was asked for") {
    Plan plan;
    plan.routes = {{Route::By::Track, "TR_1", {}, Side::Both}};
    plan.rest = false;
    Cast cast(plan);
    cast.meet(someone("a"));
    CHECK(cast.missing() == "track TR_1 not found");
    CHECK(cast.side_of(track("TR_1", "a")));
    CHECK(cast.missing().empty());
    cast.forget("TR_1");
    CHECK(cast.side_of(track("TR_2", "a")));
    CHECK_FALSE(cast.side_of(track("TR_3", "a")));  // another of the same name, beside it
}

TEST_CASE("who is missing is named, one after the other") {
    Plan plan;
    plan.routes = {{Route::By::Kind, "", rtc::ParticipantKind::Sip, Side::Both}, {Route::By::Participant, "ann", {}, Side::Both}};
    Cast cast(plan);
    CHECK(cast.missing() == "participant ann not found");
    cast.meet(someone("ann"));
    CHECK(cast.missing().empty());
}
