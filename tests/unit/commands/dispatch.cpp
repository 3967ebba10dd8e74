#include <doctest/doctest.h>

#include "bench.h"
#include "commands/dispatch/absence.h"
#include "commands/dispatch/create.h"
#include "commands/dispatch/delete.h"
#include "commands/dispatch/list.h"
#include "commands/dispatch/view.h"

namespace voicectl::commands {

using livekit::proto::AgentDispatch;
using livekit::proto::ParticipantInfo;
using test::CommandBench;
using test::parsed;

namespace {

std::optional<DispatchCreateOptions> create_options(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "create");
    return parsed<DispatchCreateOptions>(add_dispatch_create, std::move(arguments));
}

ParticipantInfo agent(const std::string& identity, const std::string& name) {
    ParticipantInfo out;
    out.set_identity(identity);
    out.set_kind(ParticipantInfo::AGENT);
    (*out.mutable_attributes())["lk.agent_name"] = name;
    return out;
}

AgentDispatch dispatch(const std::string& name) {
    AgentDispatch out;
    out.set_id("AD_1");
    out.set_agent_name(name);
    out.set_room("demo");
    out.mutable_state()->set_created_at(1'800'000'000'000'000'000);
    return out;
}

}  // namespace

TEST_CASE("dispatch create takes room, agent and what the job shall know") {
    const auto options = create_options({"demo", "--agent", "receptionist", "--metadata", "{\"userId\":1}", "--attribute", "a=b", "--attribute", "c=d",
                                         "--deployment", "blue", "--if-absent"});
    REQUIRE(options);
    CHECK(options->if_absent);
    CHECK(options->wait.empty());
    const auto request = dispatch_request(*options);
    REQUIRE(request);
    CHECK(request->room() == "demo");
    CHECK(request->agent_name() == "receptionist");
    CHECK(request->metadata() == "{\"userId\":1}");
    CHECK(request->attributes().at("c") == "d");
    CHECK(request->deployment() == "blue");
    CHECK_FALSE(create_options({"demo"}));
    CHECK(dispatch_request({.room = "", .agent = "x"}).error().code == Errc::Usage);
    CHECK(dispatch_request({.room = "demo", .agent = ""}).error().code == Errc::Usage);
}

TEST_CASE("--wait has a time of its own or thirty seconds, wherever it stands") {
    CHECK(create_options({"demo", "--agent", "x", "--wait"})->wait == "30s");
    CHECK(create_options({"demo", "--wait=5s", "--agent", "x"})->wait == "5s");
    const auto before = create_options({"--wait", "demo", "--agent", "x"});
    REQUIRE(before);
    CHECK(before->wait == "30s");
    CHECK(before->room == "demo");
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    CHECK(bench.run({"dispatch", "create", "demo", "--agent", "x", "--wait=0"}) == 2);
    CHECK(bench.run({"dispatch", "create", "demo", "--agent", "x", "--wait=soon"}) == 2);
}

TEST_CASE("who is in the room outweighs what the dispatch says of its jobs") {
    auto one = dispatch("receptionist");
    auto person = agent("fred", "receptionist");
    person.set_kind(ParticipantInfo::STANDARD);
    const std::vector people{agent("agent-1", "receptionist"), agent("agent-2", "other"), person};
    const auto present = dispatch_json(one, people);
    CHECK(present["status"] == "present");
    CHECK(present["agents"] == Json{"agent-1"});
    CHECK(present["createdAt"] == "2027-01-15T08:00:00.000Z");
    CHECK(dispatch_json(one, {})["status"] == "absent");
    auto& job = *one.mutable_state()->add_jobs();
    job.mutable_state()->set_status(livekit::proto::JS_RUNNING);
    CHECK(dispatch_json(one, {})["status"] == "taken");
    CHECK(dispatch_json(one, people)["status"] == "present");
    job.mutable_state()->set_status(livekit::proto::JS_FAILED);
    CHECK(dispatch_json(one, {})["status"] == "failed");
}

TEST_CASE("why an agent did not come is told by the strongest sign there is") {
    const AgentWait wait{"demo", "receptionist", "AD_1", std::chrono::seconds(5), {}};
    const auto says = [&](const Absence& absence, const char* words) {
        const auto error = explain(wait, absence);
        CHECK(error.code == Errc::Timeout);
        CHECK_MESSAGE(error.hint.find(words) != std::string::npos, error.hint);
    };
    says({}, "no worker with that exact name");
    says({.elsewhere = {{"other", 3}}}, "no worker with that exact name");
    says({.elsewhere = {{"receptionist", 2}}}, "serves 2 other rooms");
    for (const char* slip : {"receptionst", "Receptionist", "recpetionist", "receptionists", "re-ceptionist", "receptionisT", "rezeptionist"})
        says({.elsewhere = {{slip, 1}}}, slip);
    for (const char* other : {"receptionist2b", "reception", "desk", "tsinoitpecer"}) says({.elsewhere = {{other, 1}}}, "no worker with that exact name");
    livekit::proto::JobState job;
    job.set_status(livekit::proto::JS_FAILED);
    job.set_worker_id("AW_1");
    job.set_error("it broke");
    Absence taken{.jobs = {job}, .elsewhere = {{"receptionist", 1}}};
    says(taken, "took the job but did not join");
    CHECK(explain(wait, taken).message.find("job JS_FAILED at worker AW_1 (it broke)") != std::string::npos);
    taken.refusals = {"full", "user limit"};
    says(taken, "limits.calls_per_user");
    CHECK(explain(wait, taken).message.find("refused by the agent: full, user limit") != std::string::npos);
    taken.left = 1;
    says(taken, "left again");
    taken.half_way = true;
    says(taken, "media does not connect");
}

TEST_CASE("a list needs a room or --all-rooms, a deletion needs ids or an agent") {
    CHECK(CommandBench().run({"dispatch", "list"}) == 2);
    CHECK(CommandBench().run({"dispatch", "list", "demo", "--all-rooms"}) == 2);
    CHECK(CommandBench().run({"dispatch", "delete", "demo"}) == 2);
    CHECK(CommandBench().run({"dispatch", "delete", "demo", "AD_1", "--agent", "x"}) == 2);
    CHECK(CommandBench().run({"dispatch", "delete", "demo", "--stdin", "--agent", "x"}) == 2);
    CHECK(CommandBench().run({"dispatch", "delete", "demo", "AD_1", "--wait-gone=0"}) == 2);
    CHECK(CommandBench().run({"dispatch", "list", "demo", "--status", "fine"}) == 2);
}

}  // namespace voicectl::commands
