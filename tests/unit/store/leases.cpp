#include "engines.h"
#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

using namespace std::chrono_literals;

constexpr auto kLife = 20s;

template<class Engine>
struct Places {
    bool take(const std::string& job, const std::string& user = "ann") {
        const auto taken = store->take_lease({job, user}, 3, now, now + kLife);
        REQUIRE(taken);
        return *taken;
    }
    Engine engine;
    std::unique_ptr<Store> store = opened(engine.place());
    SystemTime now = at_second(0);
};

STORE_TEST_CASE("the fourth place of a user is refused, and free again when one ends") {
    Places<Engine> places;
    CHECK(places.take("AJ_1"));
    CHECK(places.take("AJ_2"));
    CHECK(places.take("AJ_3"));
    CHECK_FALSE(places.take("AJ_4"));
    CHECK(places.take("AJ_5", "bob"));
    CHECK(places.take("AJ_2"));  // it is this one already
    REQUIRE(places.store->end_lease("AJ_1"));
    REQUIRE(places.store->end_lease("AJ_1"));
    CHECK(places.take("AJ_4"));
    CHECK_FALSE(places.take("AJ_1"));
}

STORE_TEST_CASE("what nobody renews runs out, what is renewed does not") {
    Places<Engine> places;
    for (const auto* job : {"AJ_1", "AJ_2", "AJ_3"}) CHECK(places.take(job));
    places.now += 15s;
    REQUIRE(places.store->renew_leases({{"AJ_1", "ann"}}, places.now + kLife));
    CHECK_FALSE(places.take("AJ_4"));
    places.now += 5s;  // to the moment
    CHECK(places.take("AJ_4"));
    CHECK(places.take("AJ_5"));
    CHECK_FALSE(places.take("AJ_6"));
}

STORE_TEST_CASE("a call that was held up keeps its place, also over the limit") {
    Places<Engine> places;
    for (const auto* job : {"AJ_1", "AJ_2", "AJ_3"}) CHECK(places.take(job));
    places.now += 60s;
    for (const auto* job : {"AJ_4", "AJ_5", "AJ_6"}) CHECK(places.take(job));
    REQUIRE(places.store->renew_leases({{"AJ_1", "ann"}}, places.now + kLife));
    REQUIRE(places.store->end_lease("AJ_4"));
    CHECK_FALSE(places.take("AJ_7"));
}

STORE_TEST_CASE("places are of the file, not of who opened it") {
    Places<Engine> places;
    auto other = opened(places.engine.place());
    for (const auto* job : {"AJ_1", "AJ_2", "AJ_3"}) CHECK(places.take(job));
    CHECK(other->take_lease({"AJ_4", "ann"}, 3, places.now, places.now + kLife) == false);
}

STORE_TEST_CASE("refusals are found by their dispatch for a day") {
    Places<Engine> places;
    REQUIRE(places.store->save_refusal({"AD_1", "AJ_1", "demo", "receptionist", "user limit", at_second(0)}));
    REQUIRE(places.store->save_refusal({"AD_1", "AJ_2", "demo", "receptionist", "full", at_second(1)}));
    REQUIRE(places.store->save_refusal({"AD_2", "AJ_3", "demo", "receptionist", "full", at_second(2)}));
    const auto found = *places.store->refusals("AD_1");
    REQUIRE(found.size() == 2);
    CHECK(found[0].reason == "user limit");
    CHECK(found[1].job_id == "AJ_2");
    CHECK(found[1].at == at_second(1));
    REQUIRE(places.store->save_refusal({"AD_3", "AJ_4", "demo", "receptionist", "full", at_second(2) + 24h}));
    CHECK(places.store->refusals("AD_1")->empty());
    CHECK(places.store->refusals("AD_2")->size() == 1);
}

STORE_TEST_CASE("a call's report is replaced as a whole") {
    Places<Engine> places;
    const auto call = *places.store->begin_call(sample_call("demo", "AJ_1"));
    CHECK(*places.store->report(call.id) == "");
    REQUIRE(places.store->save_report(call.id, "{\"a\":1}"));
    REQUIRE(places.store->save_report(call.id, "{\"b\":2}"));
    CHECK(*places.store->report(call.id) == "{\"b\":2}");
    CHECK(places.store->report(99).error().code == Errc::NotFound);
    CHECK(places.store->save_report(99, "{}").error().code == Errc::NotFound);
    REQUIRE(places.store->begin_call(sample_call("demo", "AJ_1")));
    CHECK(*places.store->report(call.id) == "{\"b\":2}");
}

STORE_TEST_CASE("who carries a call is known until it ends, and one of two takes it over") {
    Engine engine;
    const auto one = opened(engine.place()), other = opened(engine.place());
    const auto now = at_second(0);
    Call call;
    call.room = "room";
    call.job_id = "AJ_1";
    call.agent_name = "desk";
    const auto begun = one->begin_call(call);
    REQUIRE(begun);
    CHECK(one->carried("desk")->empty());
    REQUIRE(one->carry({{"room", "AJ_1"}, {"room", "AJ_unknown"}}, "first", now + kLife));
    const auto seen = other->carried("desk");
    REQUIRE(seen);
    REQUIRE(seen->size() == 1);
    CHECK(seen->front().carrier == "first");
    CHECK(seen->front().until == now + kLife);
    CHECK(seen->front().call.job_id == "AJ_1");
    CHECK(other->carried("somebody else")->empty());

    CHECK(*other->take_over(seen->front(), "second", now + 2 * kLife));
    CHECK_FALSE(*one->take_over(seen->front(), "third", now + 2 * kLife));
    CHECK(one->carried("desk")->front().carrier == "second");

    const auto before = *one->carried("desk");
    REQUIRE(one->carry({{"room", "AJ_1"}}, "second", now + 3 * kLife));
    CHECK_FALSE(*one->take_over(before.front(), "third", now + 4 * kLife));  // it has given word since

    REQUIRE(one->end_call(begun->id, "completed", "over", now));
    CHECK(other->carried("desk")->empty());
    REQUIRE(one->carry({{"room", "AJ_1"}}, "second", now + 4 * kLife));  // a late word changes nothing
    CHECK(other->carried("desk")->empty());
}

}  // namespace
}  // namespace voicectl::store
