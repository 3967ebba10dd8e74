#include <set>

#include "engines.h"

namespace voicectl::store {
namespace {

STORE_TEST_CASE("a host that comes back with its job finds its call, another job is the next attempt") {
    Engine engine;
    auto store = opened(engine.place());
    const auto first = store->begin_call(sample_call("demo", "AJ_1"));
    REQUIRE(first);
    CHECK(first->attempt == 1);
    CHECK(first->status == "active");
    CHECK(first->started_at == at_second(0));

    CHECK(store->begin_call(sample_call("demo", "AJ_1"))->id == first->id);
    const auto second = store->begin_call(sample_call("demo", "AJ_2"));
    CHECK(second->id != first->id);
    CHECK(second->attempt == 2);
    CHECK(store->begin_call(sample_call("other", "AJ_1"))->attempt == 1);
    CHECK(store->begin_call(sample_call("demo", ""))->attempt == 3);
    CHECK(store->begin_call(sample_call("demo", ""))->attempt == 4);
    CHECK(store->begin_call(sample_call("", "AJ_9")).error().code == Errc::Usage);
}

STORE_TEST_CASE("beginning again fills in what was not known, and changes nothing that was") {
    Engine engine;
    auto store = opened(engine.place());
    auto call = sample_call("demo", "AJ_1");
    REQUIRE(store->begin_call(call));
    call.caller_identity = "ann";
    call.agent_name = "someone else";
    const auto again = store->begin_call(call);
    CHECK(again->caller_identity == "ann");
    CHECK(again->agent_name == "receptionist");
}

STORE_TEST_CASE("a call without a start began now") {
    Engine engine;
    auto store = opened(engine.place());
    auto call = sample_call("demo", "AJ_1");
    call.started_at = {};
    const auto before = std::chrono::system_clock::now() - std::chrono::milliseconds(1);
    CHECK(store->begin_call(call)->started_at >= before);
}

STORE_TEST_CASE("a call ends with status, reason and time, as often as it is told") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    for (int i = 0; i < 2; ++i) CHECK(store->end_call(call.id, "completed", "caller left", at_second(9)));
    const auto ended = *store->find("demo");
    CHECK(ended.status == "completed");
    CHECK(ended.reason == "caller left");
    CHECK(ended.ended_at == at_second(9));
    CHECK(store->end_call(999, "completed", "", at_second(9)).error().code == Errc::NotFound);
}

STORE_TEST_CASE("list gives the newest first, filtered and counted") {
    Engine engine;
    auto store = opened(engine.place());
    for (int i = 0; i < 5; ++i) {
        auto call = sample_call(i % 2 == 0 ? "even" : "odd", fmt::format("AJ_{}", i));
        call.started_at = at_second(i);
        if (i == 4) call.agent_name = "night";
        const auto stored = *store->begin_call(call);
        for (int turn = 0; turn < i; ++turn) REQUIRE(store->save_turn(stored.id, sample_turn(turn, fmt::format("Turn {} 50% a_b", i))));
    }
    const auto jobs = [&](const CallFilter& filter) {
        std::string out;
        const auto listed = store->list(filter);
        REQUIRE(listed);
        for (const auto& call : *listed) out += call.job_id.substr(3);
        return out;
    };
    CHECK(jobs({}) == "43210");
    CHECK(jobs({.room = "odd"}) == "31");
    CHECK(jobs({.agent_name = "night"}) == "4");
    CHECK(jobs({.since = at_second(2)}) == "432");
    CHECK(jobs({.until = at_second(2)}) == "10");
    CHECK(jobs({.text = "tURN 3"}) == "3");
    CHECK(jobs({.text = "50% a_b"}) == "4321");
    CHECK(jobs({.text = "5_"}) == "");
    CHECK(jobs({.limit = 2}) == "43");
    CHECK(jobs({.limit = 0}) == "43210");
    CHECK(store->list({})->front().turns == 4);
}

STORE_TEST_CASE("calls of the same moment are listed by their number, newest first") {
    Engine engine;
    auto store = opened(engine.place());
    const auto a = store->begin_call(sample_call("a", "1"))->id;
    const auto b = store->begin_call(sample_call("b", "1"))->id;
    const auto c = store->begin_call(sample_call("c", "1"))->id;
    const auto ids = [&](CallFilter filter) {
        std::vector<std::int64_t> out;
        const auto listed = store->list(filter);
        REQUIRE(listed);
        for (const auto& one : *listed) out.push_back(one.id);
        return out;
    };
    using Ids = std::vector<std::int64_t>;
    CHECK(ids({}) == Ids{c, b, a});
    // The next page, whose first began when the last one's last did.
    const auto began = store->call(b)->started_at;
    CHECK(ids({.until = began, .before_id = c}) == Ids{b, a});
    CHECK(ids({.until = began, .before_id = b}) == Ids{a});
    CHECK(ids({.until = began, .before_id = a}) == Ids{});
    CHECK(ids({.until = began}) == Ids{});
}

STORE_TEST_CASE("a user's calls are those of his sessions, and those that are known to be his alone") {
    Engine engine;
    auto store = opened(engine.place());
    const auto begin = [&](const std::string& room, const std::string& metadata) {
        auto call = sample_call(room, "1");
        call.dispatch_metadata = metadata;
        return store->begin_call(call)->id;
    };
    const auto held = begin("held", ""), his = begin("his", R"({"userId":"ann"})"), other = begin("other", R"({"userId":"bob"})");
    begin("variables", R"({"variables":{"userId":"ann"}})");
    REQUIRE(store->save_session({.id = "s", .call_id = held, .user_id = "ann", .status = "active", .started_at = at_second(0), .completed_at = {}, .usage_json = {}}));
    const auto of = [&](const std::string& user, const std::string& metadata) {
        std::set<std::int64_t> out;
        const auto listed = store->list({.user_id = user, .or_metadata = metadata});
        REQUIRE(listed);
        for (const auto& one : *listed) out.insert(one.id);
        return out;
    };
    using Ids = std::set<std::int64_t>;
    CHECK(of("ann", "") == Ids{held});
    CHECK(of("ann", R"({"userId":"ann"})") == Ids{held, his});
    CHECK(of("bob", R"({"userId":"bob"})") == Ids{other});
    CHECK(of("eve", R"({"userId":"eve"})") == Ids{});
}

STORE_TEST_CASE("find knows numbers and rooms, and a room whose name is a number comes first") {
    Engine engine;
    auto store = opened(engine.place());
    const auto first = *store->begin_call(sample_call("demo", "AJ_1"));
    const auto second = *store->begin_call(sample_call("demo", "AJ_2"));
    CHECK(store->find("demo")->id == second.id);
    CHECK(store->find(std::to_string(first.id))->id == first.id);
    const auto numbered = *store->begin_call(sample_call(std::to_string(first.id), "AJ_3"));
    CHECK(store->find(std::to_string(first.id))->id == numbered.id);
    for (const auto* absent : {"", "nobody", "99", "-1", "1x", "99999999999999999999", "demo' OR '1'='1"})
        CHECK(store->find(absent).error().code == Errc::NotFound);
}

STORE_TEST_CASE("a completed session stays completed, with its first time") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    Session session{"s-1", call.id, "user-1", "active", at_second(0), std::nullopt, ""};
    REQUIRE(store->save_session(session));
    CHECK(*store->find_session("s-1") == session);
    session.status = "completed";
    session.completed_at = at_second(60);
    REQUIRE(store->save_session(session));
    auto late = session;
    late.status = "active";
    late.completed_at = at_second(90);
    late.usage_json = R"({"sttSeconds":12})";
    REQUIRE(store->save_session(late));
    const auto stored = *store->find_session("s-1");
    CHECK(stored.status == "completed");
    CHECK(stored.completed_at == at_second(60));
    CHECK(stored.usage_json == late.usage_json);
    CHECK(store->find_session("s-2").error().code == Errc::NotFound);
    session.call_id = 99;
    CHECK(store->save_session(session).error().code == Errc::NotFound);
}

}  // namespace
}  // namespace voicectl::store
