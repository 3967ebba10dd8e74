// Users' sessions and the assignments they are for.
#include "engines.h"

namespace voicectl::store {
namespace {

Session a_session(std::string id, std::string user, std::string assignment = {}) {
    Session session;
    session.id = std::move(id);
    session.user_id = std::move(user);
    session.assignment_id = std::move(assignment);
    session.started_at = at_second(0);
    return session;
}

STORE_TEST_CASE("a session is opened once, and only for the user who owns its assignment") {
    Engine engine;
    auto store = opened(engine.place());
    REQUIRE(store->save_assignment({"lesson", "ann"}));
    const auto made = store->create_session(a_session("s-1", "ann", "lesson"));
    REQUIRE(made.has_value());
    CHECK(made->status == "active");
    auto again = a_session("s-1", "ann", "lesson");
    again.started_at = at_second(9);
    CHECK(*store->create_session(again) == *made);
    CHECK(store->create_session(a_session("s-1", "bob")).error().code == Errc::Conflict);
    CHECK(store->create_session(a_session("s-1", "ann")).error().code == Errc::Conflict);
    CHECK(store->create_session(a_session("s-2", "bob", "lesson")).error().code == Errc::Conflict);
    CHECK(store->create_session(a_session("s-2", "ann", "other")).error().code == Errc::NotFound);
    CHECK(store->find_session("s-2").error().code == Errc::NotFound);
    REQUIRE(store->save_assignment({"lesson", "bob"}));
    CHECK(store->create_session(a_session("s-2", "bob", "lesson")).has_value());
    CHECK(store->find_session("s-1")->user_id == "ann");
    for (const auto& wrong : {a_session("", "ann"), a_session("s-3", "")}) CHECK(store->create_session(wrong).error().code == Errc::Usage);
    auto of_no_call = a_session("s-4", "ann");
    of_no_call.call_id = 99;
    CHECK(store->create_session(of_no_call).error().code == Errc::NotFound);
}

STORE_TEST_CASE("whose an assignment is can be asked") {
    Engine engine;
    auto store = opened(engine.place());
    REQUIRE(store->save_assignment({"lesson", "ann"}));
    CHECK(store->check_assignment({"lesson", "ann"}));
    CHECK(store->check_assignment({"lesson", "bob"}).error().code == Errc::Conflict);
    CHECK(store->check_assignment({"lesson", ""}).error().code == Errc::Conflict);
    CHECK(store->check_assignment({"none", "ann"}).error().code == Errc::NotFound);
}

STORE_TEST_CASE("without an id a user has one active session for an assignment, and none once it is somebody else's") {
    Engine engine;
    auto store = opened(engine.place());
    REQUIRE(store->save_assignment({"lesson", "ann"}));
    const auto first = *store->create_session(a_session("", "ann", "lesson"));
    CHECK(first.id.starts_with("VS_"));
    CHECK(*store->create_session(a_session("", "ann", "lesson")) == first);
    REQUIRE(store->finalize_session(first.id, at_second(60)));
    const auto second = *store->create_session(a_session("", "ann", "lesson"));
    CHECK(second.id != first.id);
    REQUIRE(store->save_assignment({"lesson", "bob"}));
    CHECK(store->create_session(a_session("", "ann", "lesson")).error().code == Errc::Conflict);
    CHECK(store->create_session(a_session("", "bob", "lesson"))->id != second.id);
}

STORE_TEST_CASE("a session is finalized once, with its first time") {
    Engine engine;
    auto store = opened(engine.place());
    REQUIRE(store->create_session(a_session("s-1", "ann")));
    CHECK(store->finalize_session("s-1", at_second(60))->completed_at == at_second(60));
    const auto again = *store->finalize_session("s-1", at_second(90));
    CHECK(again.completed_at == at_second(60));
    CHECK(again.status == "completed");
    CHECK(*store->create_session(a_session("s-1", "ann")) == again);
    CHECK(store->finalize_session("s-2", at_second(60)).error().code == Errc::NotFound);
}

STORE_TEST_CASE("sessions are listed by user, status, assignment, call and time, the newest first") {
    Engine engine;
    auto store = opened(engine.place());
    REQUIRE(store->save_assignment({"lesson", "ann"}));
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    for (int i = 0; i < 4; ++i) {
        auto session = a_session("s-" + std::to_string(i), i < 3 ? "ann" : "bob", i == 1 ? "lesson" : "");
        session.started_at = at_second(i * 10);
        if (i == 2) session.call_id = call.id;
        REQUIRE(store->create_session(session));
    }
    REQUIRE(store->finalize_session("s-0", at_second(60)));
    const auto ids = [&](const SessionFilter& filter) {
        const auto sessions = *store->list_sessions(filter);
        std::string out;
        for (const auto& one : sessions) out += one.id + " ";
        return out;
    };
    CHECK(ids({}) == "s-3 s-2 s-1 s-0 ");
    CHECK(ids({.user_id = "ann"}) == "s-2 s-1 s-0 ");
    CHECK(ids({.status = "completed"}) == "s-0 ");
    CHECK(ids({.assignment_id = "lesson"}) == "s-1 ");
    CHECK(ids({.call_id = call.id}) == "s-2 ");
    CHECK(ids({.since = at_second(10), .until = at_second(30)}) == "s-2 s-1 ");
    CHECK(ids({.limit = 2}) == "s-3 s-2 ");
    CHECK(ids({.user_id = "ann' OR '1'='1"}).empty());
    auto twin = a_session("s-2b", "ann", "");
    twin.started_at = at_second(20);
    REQUIRE(store->create_session(twin));
    CHECK(ids({}) == "s-3 s-2b s-2 s-1 s-0 ");
    CHECK(ids({.until = at_second(20), .before_id = "s-2b"}) == "s-2 s-1 s-0 ");
    CHECK(ids({.until = at_second(20), .before_id = "s-2"}) == "s-1 s-0 ");
    CHECK(ids({.until = at_second(20)}) == "s-1 s-0 ");
    CHECK(store->call(call.id)->room == "demo");
    CHECK(store->call(call.id + 1).error().code == Errc::NotFound);
}

STORE_TEST_CASE("a call has one assessment of each kind, and a new one only when it is to be replaced") {
    Engine engine;
    auto store = opened(engine.place());
    const auto call = *store->begin_call(sample_call("demo", "AJ_1"));
    const Assessment first{call.id, "summary", "He asked.", "openai/m", at_second(1) + std::chrono::nanoseconds(1)};
    CHECK(store->find_assessment(call.id, "summary").error().code == Errc::NotFound);
    REQUIRE(store->save_assessment(first, false));
    CHECK(store->find_assessment(call.id, "summary")->text == first.text);
    CHECK(store->save_assessment(first, false));  // a retry whose first answer was lost
    auto second = first;
    second.text = "She answered.";
    CHECK(store->save_assessment(second, false).error().code == Errc::Conflict);
    CHECK(store->find_assessment(call.id, "summary")->text == first.text);
    REQUIRE(store->save_assessment(second, true));
    CHECK(store->find_assessment(call.id, "summary")->text == second.text);
    second.kind = "evaluation";
    REQUIRE(store->save_assessment(second, false));
    second.call_id = 99;
    CHECK(store->save_assessment(second, false).error().code == Errc::NotFound);
}

}  // namespace
}  // namespace voicectl::store
