#include "voicectl/livekit/worker.h"

#include <algorithm>
#include <doctest/doctest.h>

#include "support/live_loop.h"
#include "voicectl/livekit/local_server.h"
#include "voicectl/livekit/api.h"

using namespace voicectl;
using namespace voicectl::livekit;
using namespace std::chrono_literals;

namespace {

/// A worker on a loop of its own, all that it heard, and a client to dispatch with.
struct Host {
    std::unique_ptr<LocalServer> server;
    net::HttpClient http;
    test::LiveLoop loop;
    test::Waiter waiter;
    std::vector<std::string> registered;
    std::vector<Error> lost;
    std::vector<Job> offers;
    std::vector<std::pair<Job, std::string>> assigned;
    std::vector<std::string> terminated;
    bool accepting = true;
    std::unique_ptr<Worker> worker;

    Host() {
        auto started = LocalServer::start();
        REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
        server = std::move(*started);
    }
    ~Host() {
        loop.on_loop([this] { worker.reset(); });
    }

    void open(Server address) {
        WorkerHandlers handlers;
        handlers.on_registered = [this](const std::string& id) { waiter.change([&] { registered.push_back(id); }); };
        handlers.on_lost = [this](const Error& why) { waiter.change([&] { lost.push_back(why); }); };
        handlers.on_offer = [this](const Job& job) {
            if (accepting) worker->accept(job.id, {"agent-" + job.id, "Receptionist", "meta", {{"type", "ai_agent"}}});
            else worker->refuse(job.id);
            waiter.change([&] { offers.push_back(job); });
        };
        handlers.on_assigned = [this](const Job& job, const std::string& token) { waiter.change([&] { assigned.emplace_back(job, token); }); };
        handlers.on_terminated = [this](const std::string& id) { waiter.change([&] { terminated.push_back(id); }); };
        loop.on_loop([&] {
            worker = Worker::create(loop.get(), {std::move(address), "receptionist", "0.1", ""}, std::move(handlers));
            worker->report_load(true, 0.1F, 0);
        });
    }
    bool up(std::size_t times = 1) {
        return waiter.wait([&] { return registered.size() == times; });
    }
    Result<proto::AgentDispatch> dispatch(const std::string& room) {
        TwirpClient twirp(http, server->address(), 10s);
        proto::CreateAgentDispatchRequest request;
        request.set_room(room);
        request.set_agent_name("receptionist");
        request.set_metadata("for " + room);
        (*request.mutable_attributes())["language"] = "de";
        return DispatchApi(twirp).create(request);
    }
};

}  // namespace

TEST_CASE("a worker registers, is offered the dispatch, accepts, and gets a token that lets an agent join") {
    Host host;
    host.open(host.server->address());
    REQUIRE(host.up());
    CHECK(host.registered[0].starts_with("AW_"));
    CHECK(host.loop.on_loop([&] { return host.worker->registered(); }));

    const auto dispatch = host.dispatch("demo");
    REQUIRE(dispatch);
    REQUIRE(host.waiter.wait([&] { return host.assigned.size() == 1; }));
    const auto& [job, token] = host.assigned[0];
    CHECK(job.id == host.offers[0].id);
    CHECK(job.dispatch_id == dispatch->id());
    CHECK(job.agent_name == "receptionist");
    CHECK(job.room_name == "demo");
    CHECK(job.room_sid.starts_with("RM_"));
    CHECK(job.metadata == "for demo");
    CHECK(job.attributes == std::map<std::string, std::string>{{"language", "de"}});

    const auto verdict = verify(host.server->address().key, token);
    REQUIRE(verdict.fault == TokenFault::None);
    const auto& claims = verdict.claims;
    CHECK(claims.identity == "agent-" + job.id);
    CHECK(claims.name == "Receptionist");
    CHECK(claims.metadata == "meta");
    CHECK(claims.kind == "agent");
    CHECK(claims.attributes.at("type") == "ai_agent");
    CHECK(claims.attributes.at("lk.agent_name") == "receptionist");
    CHECK(claims.video.room == "demo");
    CHECK(claims.video.agent);
    CHECK(join_obstacles(claims).empty());

    // Once the server has noted the job, the end of the dispatch ends it here too.
    host.loop.on_loop([&] { host.worker->report_job(job.id, JobStatus::Running); });
    TwirpClient twirp(host.http, host.server->address(), 10s);
    REQUIRE(DispatchApi(twirp).remove("demo", dispatch->id()));
    CHECK(host.waiter.wait([&] { return !host.terminated.empty(); }));
    CHECK(host.terminated == std::vector<std::string>{job.id});
}

TEST_CASE("a refused offer is not assigned") {
    Host host;
    host.accepting = false;
    host.open(host.server->address());
    REQUIRE(host.up());
    REQUIRE(host.dispatch("demo"));
    REQUIRE(host.waiter.wait([&] { return host.offers.size() == 1; }));
    host.loop.on_loop([&] { host.accepting = true; });
    REQUIRE(host.dispatch("later"));  // what comes after shows that the first one got nothing
    REQUIRE(host.waiter.wait([&] { return !host.assigned.empty(); }));
    CHECK(host.assigned.size() == 1);
    CHECK(host.assigned[0].first.room_name == "later");
}

TEST_CASE("a worker that reports itself full is offered nothing, until it has room again") {
    Host host;
    host.open(host.server->address());
    REQUIRE(host.up());
    host.loop.on_loop([&] { host.worker->report_load(false, 1.0F, 3); });
    // The server reads our reports in order with our answers only, so ask until it has read the last one.
    const auto came = [&](const std::string& room) {
        return std::any_of(host.assigned.begin(), host.assigned.end(), [&](const auto& one) { return one.first.room_name == room; });
    };
    const auto taken = [&](const std::string& room, std::chrono::milliseconds limit) {
        REQUIRE(host.dispatch(room));
        return host.waiter.wait([&] { return came(room); }, limit);
    };
    std::string refused;
    for (int i = 0; i < 20 && refused.empty(); ++i)
        if (const auto room = "full-" + std::to_string(i); !taken(room, 4s)) refused = room;  // an offer lives for 3 s
    REQUIRE_FALSE(refused.empty());
    host.loop.on_loop([&] { host.worker->report_load(true, 0.2F, 2); });
    bool room_again = false;
    for (int i = 0; i < 20 && !room_again; ++i) room_again = taken("later-" + std::to_string(i), 2s);
    CHECK(room_again);
    CHECK_FALSE(host.loop.on_loop([&] { return came(refused); }));
}

TEST_CASE("a worker comes back by itself when the server was restarted, and works as before") {
    Host host;
    host.open(host.server->address());
    REQUIRE(host.up());
    host.server->process().signal(9);
    CHECK(host.waiter.wait([&] { return !host.lost.empty(); }));
    CHECK(host.lost[0].code == Errc::Unreachable);
    CHECK(host.lost[0].message.starts_with("worker connection: "));
    CHECK_FALSE(host.loop.on_loop([&] { return host.worker->registered(); }));
    REQUIRE(host.server->restart());
    REQUIRE(host.up(2));
    REQUIRE(host.dispatch("demo"));
    CHECK(host.waiter.wait([&] { return host.assigned.size() == 1; }));
}

TEST_CASE("a refused key stops the worker for good, with neither secret nor token in the error") {
    Host host;
    auto address = host.server->address();
    address.key.secret = "quite_another_secret_that_nobody_registered";
    host.open(address);
    REQUIRE(host.waiter.wait([&] { return host.lost.size() == 1; }));
    CHECK(host.lost[0].code == Errc::Auth);
    CHECK(host.lost[0].message.find("eyJ") == std::string::npos);
    CHECK(host.lost[0].message.find(address.key.secret) == std::string::npos);
    CHECK_FALSE(host.lost[0].hint.empty());
    CHECK_FALSE(host.waiter.wait([&] { return host.lost.size() > 1; }, 1500ms));  // no further try within three delays
}
