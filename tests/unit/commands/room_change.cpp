// Rooms, dispatches and calls changed against a server that answers as told: what is looked at first, what is listed
// as done, and what a dry run shows.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "bench.h"
#include "commands/call/start.h"
#include "commands/dispatch/agent_wait.h"
#include "commands/dispatch/view.h"
#include "commands/room/create.h"
#include "scripted_api.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

namespace proto = livekit::proto;
using test::CommandBench;
using test::parsed;
using test::ScriptedApi;

namespace {

/// Rooms "d1" (empty) and "d2" (two people), one dispatch AD_1 in each.
class Rooms : public ScriptedApi {
 public:
    Rooms() {
        on("ListRooms", [](const std::string& body) {
            proto::ListRoomsRequest request;
            request.ParseFromString(body);
            proto::ListRoomsResponse reply;
            for (const char* name : {"d1", "d2"})
                if (request.names_size() == 0 || std::find(request.names().begin(), request.names().end(), name) != request.names().end()) *reply.add_rooms() = room(name);
            return message(reply);
        });
        on("CreateRoom", [](const std::string&) { return message(room("d1")); });
        on("DeleteRoom", [](const std::string& body) {
            proto::DeleteRoomRequest request;
            request.ParseFromString(body);
            if (request.room() != "d1" && request.room() != "d2") return refusal("404 Not Found", "not_found", "requested room does not exist");
            return message(proto::DeleteRoomResponse());
        });
        on("UpdateRoomMetadata", [](const std::string&) { return message(room("d1")); });
        on("ListParticipants", [](const std::string&) { return message(proto::ListParticipantsResponse()); });
        on("GetParticipant", [](const std::string&) { return refusal("404 Not Found", "not_found", "participant does not exist"); });
        on("ListEgress", [](const std::string&) { return message(proto::ListEgressResponse()); });
        on("ListDispatch", [](const std::string&) {
            proto::ListAgentDispatchResponse reply;
            auto& one = *reply.add_agent_dispatches();
            one.set_id("AD_1");
            one.set_agent_name("desk");
            return message(reply);
        });
        on("DeleteDispatch", [](const std::string& body) {
            proto::DeleteAgentDispatchRequest request;
            request.ParseFromString(body);
            if (request.dispatch_id() != "AD_1") return refusal("404 Not Found", "not_found", "no such dispatch");
            return message(proto::AgentDispatch());
        });
    }
    bool changed() const {
        for (const auto& call : calls())
            if (call.starts_with("Delete") || call.starts_with("Update") || call.starts_with("Create") || call.starts_with("Remove")) return true;
        return false;
    }

 private:
    static proto::Room room(const std::string& name) {
        proto::Room out;
        out.set_name(name);
        out.set_sid("RM_" + name);
        out.set_empty_timeout(300);
        out.set_departure_timeout(20);
        out.set_num_participants(name == "d2" ? 2 : 0);
        out.set_creation_time_ms(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count() - 75'000);
        return out;
    }
};

struct Outcome {
    int code;
    std::string out, err;
    Json json() const { return Json::parse(out); }
    Json error() const { return Json::parse(err)["error"]; }
};

Outcome run(const ScriptedApi& api, const std::vector<std::string>& words) {
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = api.url();
    const int code = bench.run(words);
    return {code, bench.results.str(), bench.talk.str()};
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

proto::ParticipantInfo agent_info(const std::string& identity, const std::string& name) {
    proto::ParticipantInfo out;
    out.set_identity(identity);
    out.set_kind(proto::ParticipantInfo::AGENT);
    (*out.mutable_attributes())["lk.agent_name"] = name;
    return out;
}

proto::AgentDispatch dispatch(const std::string& id, const std::string& name, const std::string& job = {}, const std::string& identity = {}) {
    proto::AgentDispatch out;
    out.set_id(id);
    out.set_agent_name(name);
    if (job.empty() && identity.empty()) return out;
    auto& one = *out.mutable_state()->add_jobs();
    one.set_id(job);
    one.mutable_state()->set_participant_identity(identity);
    return out;
}

}  // namespace

TEST_CASE("a dispatch claims the agents of its own jobs, and by name only what no other job claims") {
    const std::vector people{agent_info("agent-AJ_1", "desk"), agent_info("fred", "desk"), agent_info("agent-AJ_9", "desk")};
    const std::vector all{dispatch("AD_1", "desk", "AJ_1"), dispatch("AD_2", "desk", "AJ_2", "fred"), dispatch("AD_3", "desk")};
    CHECK(dispatch_json(all[0], people, all)["agents"] == Json{"agent-AJ_1"});
    CHECK(dispatch_json(all[1], people, all)["agents"] == Json{"fred"});
    CHECK(dispatch_json(all[2], people, all)["agents"] == Json{"agent-AJ_9"});
    CHECK(dispatch_json(dispatch("AD_4", "desk", "AJ_4"), people, all)["agents"].empty());
}

TEST_CASE("a dispatch is shown with what its job is told") {
    auto one = dispatch("AD_1", "desk", "AJ_1");
    one.set_metadata("{\"a\":1}");
    one.set_deployment("blue");
    one.mutable_state()->set_created_at(1'800'000'000'000'000'000);
    one.mutable_state()->mutable_jobs(0)->mutable_state()->set_worker_id("AW_7");
    const auto lines = dispatch_lines(dispatch_json(one, {}));
    for (const char* part : {"{\"a\":1}", "blue", "AW_7", "2027-01-15T08:00:00"}) CHECK_MESSAGE(has(lines, part), lines);
}

TEST_CASE("dry runs look first, change nothing and show what would be sent") {
    for (const auto& words : std::vector<std::vector<std::string>>{{"room", "delete", "nope"}, {"room", "update", "nope", "--metadata", "x"}, {"room", "participant", "remove", "d1", "nope"},
                                                                   {"dispatch", "delete", "d1", "AD_no"}, {"call", "end", "nope"}, {"room", "join", "nope"}, {"room", "watch", "nope"}}) {
        Rooms api;
        auto all = words;
        all.emplace_back("--dry-run");
        const auto done = run(api, all);
        CHECK_MESSAGE(done.code == 5, fmt::format("{}: {}", fmt::join(words, " "), done.err));
        CHECK(done.out.empty());
        CHECK_FALSE(api.changed());
    }
    for (const auto& words : std::vector<std::vector<std::string>>{{"room", "delete", "d1"}, {"room", "update", "d1", "--metadata", "x"}, {"dispatch", "delete", "d1", "AD_1"}, {"call", "end", "d1"},
                                                                   {"room", "create", "new"}, {"dispatch", "create", "d1", "--agent", "a"}, {"room", "send", "d1", "--data", "x"},
                                                                   {"room", "rpc", "d1", "--to", "a", "--method", "m"}, {"call", "start", "--room", "d1", "--no-schema"},
                                                                   {"token", "create", "--list"}, {"room", "join", "d1"}, {"room", "join", "new", "--create"}, {"room", "watch", "d1"}}) {
        Rooms api;
        auto all = words;
        all.insert(all.end(), {"--dry-run", "--json"});
        const auto done = run(api, all);
        CHECK_MESSAGE(done.code == 0, fmt::format("{}: {}", fmt::join(words, " "), done.err));
        if (done.code == 0) CHECK_MESSAGE(done.json()["dryRun"] == true, done.out);
        CHECK_FALSE_MESSAGE(api.changed(), fmt::format("{}", fmt::join(words, " ")));
    }
}

TEST_CASE("a dry run of a join tells who would come and with what rights, and makes neither room nor folder") {
    Rooms api;
    const auto done = run(api, {"room", "join", "new", "--create", "--identity", "ann", "--record", "/tmp/voicectl-never-made", "--data", "x", "--dry-run", "--json"});
    REQUIRE(done.code == 0);
    CHECK(done.json()["identity"] == "ann");
    CHECK(done.json()["create"] == true);
    CHECK(done.json()["grants"]["canPublishData"] == true);
    CHECK(done.json()["grants"]["canPublish"] == false);
    CHECK(access("/tmp/voicectl-never-made", F_OK) != 0);
    CHECK_FALSE(api.changed());
}

TEST_CASE("a token is withheld by a dry run") {
    Rooms api;
    for (const auto& format : std::vector<std::vector<std::string>>{{}, {"--json"}, {"--format", "env"}, {"-o", "name"}}) {
        std::vector<std::string> words{"token", "create", "--list", "--dry-run"};
        words.insert(words.end(), format.begin(), format.end());
        const auto done = run(api, words);
        CHECK(done.code == 0);
        CHECK_FALSE(has(done.out + done.err, "eyJ"));
    }
}

TEST_CASE("named rooms that a filter leaves out are listed as kept, and absent ones are not found") {
    Rooms api;
    const auto kept = run(api, {"room", "delete", "d1", "d2", "--match", "1$", "--json"});
    CHECK(kept.code == 0);
    REQUIRE(kept.json()["rooms"].size() == 2);
    CHECK(kept.json()["rooms"][0]["deleted"] == true);
    CHECK(kept.json()["rooms"][1]["deleted"] == false);
    CHECK(kept.json()["rooms"][1]["kept"] == "does not match 1$");
    CHECK(has(run(api, {"room", "delete", "d2", "--empty-only"}).out, "kept: has 2 participants"));
    const auto absent = run(api, {"room", "delete", "nope", "--empty-only"});
    CHECK(absent.code == 5);
    CHECK(absent.out.empty());
    CHECK(run(api, {"room", "delete", "nope", "d1", "--match", "."}).code == 9);
    CHECK(run(api, {"room", "delete", "nope", "--match", ".", "--ignore-missing"}).code == 0);
}

TEST_CASE("what failed is no result of -o name") {
    Rooms api;
    const auto rooms = run(api, {"room", "delete", "d1", "nope", "-o", "name"});
    CHECK(rooms.code == 9);
    CHECK(rooms.out == "d1\n");
    const auto calls = run(api, {"call", "end", "d1", "nope", "-o", "name"});
    CHECK(calls.code == 9);
    CHECK(calls.out == "d1\n");
    CHECK(has(calls.err, "hint:"));
    const auto dispatches = run(api, {"dispatch", "delete", "d1", "AD_1", "AD_no", "-o", "name"});
    CHECK(dispatches.code == 9);
    CHECK(dispatches.out == "AD_1\n");
}

TEST_CASE("wrong input is found before anything is made") {
    for (const auto& words : std::vector<std::vector<std::string>>{{"room", "create", "w", "--agent", "a", "--wait-agent=-1"},
                                                                   {"room", "create", "w", "--min-playout-delay", "2s", "--max-playout-delay", "1s"},
                                                                   {"room", "create", "w", "--tag", "a=1", "--tag", "a=2"},
                                                                   {"room", "join", "cr", "--create", "--publish", "/nowhere.wav"},
                                                                   {"room", "participant", "update", "d1", "ann", "--attribute", "novalue"},
                                                                   {"room", "participant", "update", "d1", "ann", "--metadata", "words", "--merge"},
                                                                   {"room", "participant", "update", "d1", "ann", "--allow", "data", "--deny", "data"},
                                                                   {"room", "participant", "update", "d1", "ann", "--name", ""},
                                                                   {"room", "rpc", "d1", "--to", "a", "--method", std::string(65, 'm')},
                                                                   {"room", "rpc", "d1", "--to", "a", "--method", ""},
                                                                   {"room", "list", ""},
                                                                   {"room", "list", "--limit", "2", "--all"},
                                                                   {"room", "list", "--empty", "--min-participants", "1"},
                                                                   {"call", "start", "--no-schema", "--room", "x", "--no-wait", "--wait=3s"},
                                                                   {"call", "start", "--no-schema", "--room", "x", "--token-valid-for", "5000w"}}) {
        Rooms api;
        const auto done = run(api, words);
        CHECK_MESSAGE(done.code == 2, fmt::format("{}: {}", fmt::join(words, " "), done.err));
        CHECK_MESSAGE(api.calls().empty(), fmt::format("{}", fmt::join(words, " ")));
    }
    Rooms api;
    CHECK(has(run(api, {"room", "participant", "update", "d1", "ann", "--name", ""}).err, "cannot clear a name"));
    CHECK(has(run(api, {"room", "create", "w", "--tag", "novalue"}).err, "--tag language=en"));
    CHECK(has(run(api, {"room", "list", "--match", "["}).err, "hint:"));
    const auto egress = run(api, {"room", "create", "w", "--egress", "{"});
    CHECK(egress.code == 2);
    CHECK_FALSE_MESSAGE(has(egress.err, "\\n"), egress.err);
    CHECK(has(run(api, {"room", "create", "d1", "--exclusive"}).err, "hint:"));
    CHECK(has(run(api, {"dispatch", "delete", "d1", "--agent", "zz"}).err, "dispatch list d1"));
}

TEST_CASE("a room stays when its agent does not come, and that is told") {
    Rooms api;
    const auto done = run(api, {"room", "create", "new", "--agent", "a", "--wait-agent=300ms"});
    CHECK(done.code == 8);
    CHECK_MESSAGE(has(done.err, "room \"new\" was made and stays"), done.err);
}

TEST_CASE("a folder for recordings is not left behind by a join that never was") {
    Rooms api;
    CHECK(run(api, {"room", "join", "nope", "--record", "/tmp/voicectl-left-behind"}).code == 5);
    CHECK(access("/tmp/voicectl-left-behind", F_OK) != 0);
}

TEST_CASE("a call in a room that was there tells which settings did not take") {
    Rooms api;
    const auto done = run(api, {"call", "start", "--room", "d1", "--no-schema", "--no-wait", "--empty-timeout", "1h", "--json"});
    REQUIRE(done.code == 0);
    CHECK(done.json()["notApplied"].dump() == R"([{"setting":"emptyTimeout","asked":3600,"actual":300}])");
    CHECK(has(done.err, "keeps its own settings"));
    const auto plain = run(api, {"call", "start", "--room", "d1", "--no-schema", "--no-wait", "--json"});
    CHECK(plain.json()["notApplied"].empty());
    CHECK_FALSE(has(plain.err, "settings"));
}

TEST_CASE("errors of a call name the request that failed") {
    Rooms api;
    api.on("CreateRoom", [](const std::string&) { return ScriptedApi::refusal("500 Internal Server Error", "internal", "no"); });
    const auto start = run(api, {"call", "start", "--room", "d1", "--no-schema", "--json"}).error();
    CHECK(start["request"]["method"] == "CreateRoom");
    CHECK(start["request"]["status"] == 500);
    CHECK(run(api, {"call", "end", "nope", "--json"}).error()["request"]["method"] == "ListRooms");
}

TEST_CASE("an agent that nobody sent a worker for is not called back") {
    Rooms api;
    const auto done = run(api, {"call", "end", "d1"});
    CHECK(done.code == 0);
    CHECK_MESSAGE(has(done.out, "0 agents called back, 1 dispatch deleted"), done.out);
}

TEST_CASE("a room's metadata that did not take is shown by its beginning") {
    const auto line = not_applied_line({{"setting", "metadata"}, {"asked", std::string(70'000, 'x')}, {"actual", ""}});
    CHECK(line.size() < 200);
}

TEST_CASE("ages are seconds for programs") {
    Rooms api;
    const auto tsv = run(api, {"room", "list", "d1", "-o", "tsv"}).out;
    CHECK_MESSAGE(has(tsv, "\t75\n"), tsv);
    CHECK(has(run(api, {"room", "list", "d1"}).out, "1m 15s"));
}

TEST_CASE("a wait until an agent is gone lasts as long as it says") {
    Rooms api;
    api.on("ListParticipants", [](const std::string&) {
        proto::ListParticipantsResponse reply;
        *reply.add_participants() = agent_info("agent-1", "desk");
        return ScriptedApi::message(reply);
    });
    const auto begun = Clock::now();
    CHECK(run(api, {"dispatch", "delete", "d1", "AD_1", "--wait-gone=700ms"}).code == 8);
    CHECK(Clock::now() - begun >= std::chrono::milliseconds(700));
}

TEST_CASE("a wait for an agent lasts as long as it says, with a look at its end") {
    Rooms api;
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = api.url();
    auto twirp = bench.env.twirp();
    REQUIRE(twirp);
    const AgentWait wait{"d1", "desk", {}, std::chrono::milliseconds(700), {}};
    const auto begun = Clock::now();
    std::size_t late = 0;
    api.on("ListParticipants", [&](const std::string& body) {
        proto::ListParticipantsRequest request;
        request.ParseFromString(body);
        if (request.room() == "d1" && Clock::now() - begun >= wait.limit) ++late;
        return ScriptedApi::message(proto::ListParticipantsResponse());
    });
    CHECK(wait_for_agent(bench.env, **twirp, wait, begun).error().code == Errc::Timeout);
    CHECK(Clock::now() - begun >= wait.limit);
    CHECK(late >= 1);
}

}  // namespace voicectl::commands
