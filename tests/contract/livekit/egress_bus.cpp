#include "voicectl/livekit/egress_bus.h"

#include <doctest/doctest.h>
#include <google/protobuf/any.pb.h>

#include <algorithm>
#include <set>
#include <thread>

#include "egress_rpc.pb.h"
#include "psrpc.pb.h"
#include "support/live_loop.h"
#include "support/redis_server.h"
#include "voicectl/livekit/local_server.h"

using namespace voicectl;
using namespace voicectl::livekit;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

net::RedisOptions at(const test::RedisServer& redis) { return {.address = *net::parse_redis_address(redis.address())}; }

std::int64_t in_nanoseconds(std::chrono::system_clock::duration from_now) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>((std::chrono::system_clock::now() + from_now).time_since_epoch()).count();
}

/// A worker that bids what it is told, and all that it heard. Its members belong to its loop, and to whoever holds the waiter.
struct Recorder {
    test::LiveLoop loop;
    test::Waiter waiter;
    std::unique_ptr<net::Redis> redis;
    std::unique_ptr<EgressBus> bus;
    std::unique_ptr<EgressBus::Served> served;
    std::map<std::string, std::unique_ptr<EgressBus::Served>> jobs;
    std::unique_ptr<EgressReports> reports;
    bool ready = false;
    std::vector<EgressRequest> judged, started, lost, stopped;
    std::vector<std::string> job_ids;
    float bid = 1;
    std::optional<RpcFault> refusal;
    bool silent_after_award = false, creates = true;
    std::function<void(float)> held_bid;
    bool holds_bid = false;

    explicit Recorder(const test::RedisServer& server, float its_bid = 1) : bid(its_bid) {
        loop.on_loop([&] {
            redis = std::make_unique<net::Redis>(loop.get(), at(server));
            bus = std::make_unique<EgressBus>(loop.get(), *redis);
            reports = std::make_unique<EgressReports>(loop.get(), *bus);
            EgressBus::Worker worker;
            worker.judge = [this](const EgressRequest& request, std::function<void(float)> answer) {
                waiter.change([&] { judged.push_back(request); });
                if (holds_bid) held_bid = answer;
                else answer(bid);
            };
            worker.start = [this](const EgressRequest& request, EgressAnswer answer) { start(request, std::move(answer)); };
            worker.lost = [this](const EgressRequest& request) { waiter.change([&] { lost.push_back(request); }); };
            worker.active = [this] { return job_ids; };
            served = bus->serve(std::move(worker), [this] { waiter.change([&] { ready = true; }); });
        });
        REQUIRE(waiter.wait([&] { return ready; }));
    }
    ~Recorder() {
        loop.on_loop([this] {
            reports.reset();
            jobs.clear();
            served.reset();
            bus.reset();
            redis.reset();
        });
    }

    static proto::EgressInfo record_of(const EgressRequest& request, proto::EgressStatus status) {
        proto::EgressInfo info;
        info.set_egress_id(request.egress_id);
        info.set_room_id(request.room_id);
        info.set_room_name(request.room_name);
        info.set_status(status);
        info.set_started_at(in_nanoseconds(0s));
        info.set_updated_at(in_nanoseconds(0s));
        info.set_source_type(proto::EGRESS_SOURCE_TYPE_SDK);
        if (const auto* room = std::get_if<proto::RoomCompositeEgressRequest>(&request.what)) *info.mutable_room_composite() = *room;
        if (status >= proto::EGRESS_COMPLETE) info.set_ended_at(in_nanoseconds(0s));
        return info;
    }

    void start(const EgressRequest& request, EgressAnswer answer) {
        waiter.change([&] { started.push_back(request); });
        if (silent_after_award) return;
        if (refusal) return answer(std::unexpected(*refusal));
        const auto info = record_of(request, proto::EGRESS_STARTING);
        job_ids.push_back(request.egress_id);
        jobs[request.egress_id] = bus->serve_job(
            request.egress_id,
            [this, request](EgressAnswer stop) {
                waiter.change([&] { stopped.push_back(request); });
                stop(record_of(request, proto::EGRESS_ENDING));
            },
            [this, info, answer] {
                if (!creates) return answer(info);
                bus->create(info, [info, answer](RpcResult<void> created) {
                    if (created) answer(info);
                    else answer(std::unexpected(created.error()));
                });
            });
    }
    Result<bool> report(const proto::EgressInfo& info) {
        std::promise<bool> heard;
        loop.on_loop([&] { reports->report(info, [&](bool yes) { heard.set_value(yes); }); });
        return heard.get_future().get();
    }
    RpcResult<proto::EgressInfo> get(const std::string& id) {
        std::promise<RpcResult<proto::EgressInfo>> out;
        loop.on_loop([&] { bus->get(id, [&](RpcResult<proto::EgressInfo> info) { out.set_value(std::move(info)); }); });
        return out.get_future().get();
    }
    std::size_t count(const std::vector<EgressRequest> Recorder::*list) {
        return waiter.look([&] { return (this->*list).size(); });
    }
    bool has(const std::vector<EgressRequest> Recorder::*list, std::size_t least = 1, std::chrono::milliseconds limit = 20s) {
        return waiter.wait([&] { return (this->*list).size() >= least; }, limit);
    }
};

/// Redis, a livekit-server on it with one room, and our own client.
struct World {
    test::RedisServer redis;
    std::unique_ptr<LocalServer> server;
    net::HttpClient http;
    std::unique_ptr<TwirpClient> twirp;

    World() {
        auto running = LocalServer::start({{}, "redis: {address: '" + redis.address() + "'}"});
        REQUIRE_MESSAGE(running, (running ? "" : running.error().message));
        server = std::move(*running);
        twirp = std::make_unique<TwirpClient>(http, server->address(), 10s);
        proto::CreateRoomRequest room;
        room.set_name("demo");
        REQUIRE(RoomApi(*twirp).create(room));
    }
    EgressApi egress() { return EgressApi(*twirp); }
    Result<proto::EgressInfo> start() {
        proto::RoomCompositeEgressRequest request;
        request.set_room_name("demo");
        request.set_audio_only(true);
        auto& file = *request.add_file_outputs();
        file.set_file_type(proto::OGG);
        file.set_filepath("demo.ogg");
        file.mutable_s3()->set_secret("storage-secret");
        return egress().start_room_composite(request);
    }
};

/// A caller that writes its envelopes itself, for what a real server does not do.
struct RawCaller {
    test::LiveLoop loop;
    test::Waiter waiter;
    std::unique_ptr<net::Redis> redis;
    std::vector<std::unique_ptr<net::Redis::Subscription>> subscriptions;
    std::vector<internal::ClaimRequest> claims;
    std::vector<internal::Response> responses;
    std::vector<std::string> others;
    int confirmed = 0;

    explicit RawCaller(const test::RedisServer& server, const std::string& service = "EgressInternal") {
        loop.on_loop([&] {
            redis = std::make_unique<net::Redis>(loop.get(), at(server));
            hear<internal::ClaimRequest>(service + "|CLI_raw|CLAIM", claims);
            hear<internal::Response>(service + "|CLI_raw|RES", responses);
        });
        REQUIRE(waiter.wait([&] { return confirmed == 2; }));
    }
    ~RawCaller() {
        loop.on_loop([this] {
            subscriptions.clear();
            redis.reset();
        });
    }
    template<class Message>
    void hear(const std::string& channel, std::vector<Message>& into) {
        subscriptions.push_back(redis->subscribe(
            channel,
            [this, &into](const std::string& payload) {
                google::protobuf::Any envelope;
                Message message;
                const bool right = envelope.ParseFromString(payload) && envelope.UnpackTo(&message);
                waiter.change([&] {
                    if (right) into.push_back(message);
                    else others.push_back(payload);
                });
            },
            [this] { waiter.change([&] { ++confirmed; }); }));
    }
    static internal::Request request(const std::string& id, const std::string& body, std::chrono::system_clock::duration life = 30s) {
        internal::Request out;
        out.set_request_id(id);
        out.set_client_id("CLI_raw");
        out.set_sent_at(in_nanoseconds(0s));
        out.set_expiry(in_nanoseconds(life));
        out.set_raw_request(body);
        return out;
    }
    static std::string body(const std::string& egress_id) {
        rpc::StartEgressRequest start;
        start.set_egress_id(egress_id);
        start.mutable_room_composite()->set_room_name("demo");
        return start.SerializeAsString();
    }
    void send(const std::string& channel, const google::protobuf::Message& message) {
        google::protobuf::Any envelope;
        envelope.PackFrom(message);
        send_bytes(channel, envelope.SerializeAsString());
    }
    void send_bytes(const std::string& channel, const std::string& bytes) {
        std::promise<Result<int>> heard;
        loop.on_loop([&] { redis->publish(channel, bytes, [&](Result<int> result) { heard.set_value(std::move(result)); }); });
        REQUIRE(heard.get_future().get());
    }
    void award(const std::string& id, const std::string& server) {
        internal::ClaimResponse out;
        out.set_request_id(id);
        out.set_server_id(server);
        send(std::string(kStart) + "|RCLAIM", out);
    }
    bool has_claims(std::size_t least) {
        return waiter.wait([&] { return claims.size() >= least; });
    }
    bool has_responses(std::size_t least) {
        return waiter.wait([&] { return responses.size() >= least; });
    }
    static constexpr const char* kStart = "EgressInternal|StartEgress";
    static constexpr const char* kRequests = "EgressInternal|StartEgress|REQ";
};

}  // namespace

TEST_CASE("a start by the server's API reaches the worker, is awarded to it, recorded and answered, and a stop ends it") {
    World world;
    Recorder recorder(world.redis);
    const auto started = world.start();
    REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
    REQUIRE(recorder.has(&Recorder::started));
    const auto asked = recorder.waiter.look([&] { return recorder.started.front(); });
    CHECK(asked.egress_id.starts_with("EG_"));
    CHECK(asked.room_id.starts_with("RM_"));
    CHECK(asked.room_name == "demo");
    CHECK(asked.token.empty());
    CHECK(asked.retry_count == 0);
    const auto& composite = std::get<proto::RoomCompositeEgressRequest>(asked.what);
    CHECK(composite.audio_only());
    CHECK(composite.file_outputs(0).s3().secret() == "storage-secret");
    CHECK(started->egress_id() == asked.egress_id);
    CHECK(started->status() == proto::EGRESS_STARTING);

    const auto listed = [&] {
        proto::ListEgressRequest by_room;
        by_room.set_room_name("demo");
        return world.egress().list(by_room);
    }();
    REQUIRE(listed);
    REQUIRE(listed->size() == 1);  // of create(): an update alone does not put it under its room
    CHECK(recorder.get(asked.egress_id)->status() == proto::EGRESS_STARTING);
    CHECK(recorder.get("EG_nobody").error().code == "not_found");
    std::promise<std::vector<std::string>> active;
    recorder.loop.on_loop([&] {
        recorder.bus->list("demo", true, [&](RpcResult<std::vector<proto::EgressInfo>> all) {
            std::vector<std::string> ids;
            if (all)
                for (const auto& one : *all) ids.push_back(one.egress_id());
            active.set_value(ids);
        });
    });
    CHECK(active.get_future().get() == std::vector<std::string>{asked.egress_id});

    proto::UpdateStreamRequest stream;
    stream.set_egress_id(asked.egress_id);
    stream.add_add_output_urls("rtmp://127.0.0.1/x");
    const auto refused = world.egress().update_stream(stream);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Conflict);  // our own client's words for what the worker says
    CHECK(refused.error().message.find("streams to nowhere") != std::string::npos);

    CHECK(*recorder.report(Recorder::record_of(asked, proto::EGRESS_ACTIVE)));
    CHECK(world.egress().get(asked.egress_id)->status() == proto::EGRESS_ACTIVE);
    const auto ending = world.egress().stop(asked.egress_id);
    REQUIRE_MESSAGE(ending, (ending ? "" : ending.error().message));
    CHECK(ending->status() == proto::EGRESS_ENDING);
    CHECK(recorder.count(&Recorder::stopped) == 1);
    CHECK(*recorder.report(Recorder::record_of(asked, proto::EGRESS_COMPLETE)));
    CHECK(world.egress().get(asked.egress_id)->status() == proto::EGRESS_COMPLETE);
    CHECK(recorder.count(&Recorder::lost) == 0);
}

TEST_CASE("of two workers the higher bid gets the job, and the other learns that it did not") {
    World world;
    Recorder low(world.redis, 0.5F);
    for (const float better : {0.9F, 1.0F}) {
        CAPTURE(better);
        Recorder high(world.redis, better);
        const auto lost_before = low.count(&Recorder::lost);
        const auto started = world.start();
        REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
        REQUIRE(high.has(&Recorder::started));
        REQUIRE(low.has(&Recorder::lost, lost_before + 1));
        CHECK(low.waiter.look([&] { return low.lost.back().egress_id; }) == started->egress_id());
        CHECK(low.count(&Recorder::started) == 0);
        CHECK(high.count(&Recorder::lost) == 0);
    }
}

TEST_CASE("a worker that is full says nothing, and the job goes to another") {
    World world;
    Recorder full(world.redis, 0), free(world.redis, 0.3F);
    const auto started = world.start();
    REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
    CHECK(free.count(&Recorder::started) == 1);
    REQUIRE(full.has(&Recorder::judged));
    CHECK(full.count(&Recorder::started) == 0);
    CHECK(full.count(&Recorder::lost) == 0);  // it has reserved nothing
}

TEST_CASE("a worker's refusal is the user's answer, with its code") {
    World world;
    Recorder recorder(world.redis);
    recorder.loop.on_loop([&] { recorder.refusal = RpcFault{"invalid_argument", "no such side of the file"}; });
    const auto refused = world.start();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Rejected);
    CHECK(refused.error().message.find("no such side of the file") != std::string::npos);
    CHECK(recorder.count(&Recorder::started) == 1);
}

TEST_CASE("updates reach a server that was away, the newest one, and we are unhealthy meanwhile") {
    World world;
    Recorder recorder(world.redis);
    REQUIRE(world.start());
    const auto asked = recorder.waiter.look([&] { return recorder.started.front(); });
    world.server->process().signal(9);
    world.server->process().wait_for(20s);
    std::promise<void> idle;
    std::vector<std::string> heard;
    recorder.loop.on_loop([&] {
        const auto report = [&](proto::EgressStatus status, const char* name) {
            recorder.reports->report(Recorder::record_of(asked, status), [&, name](bool yes) { heard.push_back(name + (yes ? ":1"s : ":0"s)); });
        };
        report(proto::EGRESS_ACTIVE, "active");
        report(proto::EGRESS_ENDING, "ending");
        report(proto::EGRESS_COMPLETE, "complete");
        recorder.reports->idle([&] { idle.set_value(); });
    });
    bool unhealthy = false;
    for (int i = 0; i < 600 && !unhealthy; ++i) {
        std::this_thread::sleep_for(50ms);
        unhealthy = recorder.loop.on_loop([&] { return !recorder.reports->healthy(); });
    }
    CHECK(unhealthy);
    CHECK(heard.empty());
    REQUIRE(world.server->restart());
    recorder.loop.on_loop([&] { recorder.reports->retry_now(); });
    auto done = idle.get_future();
    REQUIRE(done.wait_for(60s) == std::future_status::ready);
    CHECK(recorder.loop.on_loop([&] { return heard; }) == std::vector<std::string>{"active:1", "ending:1", "complete:1"});
    CHECK(recorder.loop.on_loop([&] { return recorder.reports->healthy(); }));
    CHECK(world.egress().get(asked.egress_id)->status() == proto::EGRESS_COMPLETE);
}

TEST_CASE("a request is judged when it is new, ours and in time") {
    test::RedisServer redis;
    Recorder recorder(redis);
    RawCaller caller(redis);
    caller.send(RawCaller::kRequests, RawCaller::request("late", RawCaller::body("EG_late"), -1s));
    google::protobuf::Any odd;
    odd.set_type_url("type.googleapis.com/internal.Stream");
    odd.set_value(RawCaller::request("odd", RawCaller::body("EG_odd")).SerializeAsString());
    caller.send_bytes(RawCaller::kRequests, odd.SerializeAsString());
    odd.clear_type_url();
    caller.send_bytes(RawCaller::kRequests, odd.SerializeAsString());
    caller.send_bytes(RawCaller::kRequests, "\xff\xff no envelope");
    const auto twice = RawCaller::request("twice", RawCaller::body("EG_twice"));
    caller.send(RawCaller::kRequests, twice);
    caller.send(RawCaller::kRequests, twice);
    caller.send(RawCaller::kRequests, RawCaller::request("last", RawCaller::body("EG_last")));
    REQUIRE(caller.has_claims(2));
    CHECK(caller.claims[0].request_id() == "twice");
    CHECK(caller.claims[0].affinity() == 1.0F);
    CHECK(caller.claims[0].server_id().starts_with("SRV_"));
    CHECK(caller.claims[1].request_id() == "last");
    CHECK(caller.claims.size() == 2);
    CHECK(recorder.count(&Recorder::judged) == 2);
}

TEST_CASE("a body that cannot be read is answered without a bid, one of a kind that we do not know is judged as that") {
    test::RedisServer redis;
    Recorder recorder(redis);
    RawCaller caller(redis);
    caller.send(RawCaller::kRequests, RawCaller::request("bad", "\xff\xff\xff"));
    REQUIRE(caller.has_responses(1));
    CHECK(caller.responses[0].request_id() == "bad");
    CHECK(caller.responses[0].code() == "malformed_request");
    CHECK_FALSE(caller.responses[0].error().empty());
    REQUIRE(recorder.count(&Recorder::judged) == 0);
    rpc::StartEgressRequest strange;  // field 17 is LiveKit Cloud's replay
    strange.set_egress_id("EG_replay");
    caller.send(RawCaller::kRequests, RawCaller::request("strange", strange.SerializeAsString() + "\x8a\x01\x02\x0a\x00"s));
    REQUIRE(recorder.has(&Recorder::judged));
    CHECK(recorder.judged[0].egress_id == "EG_replay");
    CHECK(recorder.judged[0].what.index() == 0);
    CHECK(caller.claims.size() <= 1);
}

TEST_CASE("a bid that nobody answers is told as lost, and an award that comes after all is taken") {
    test::RedisServer redis;
    Recorder recorder(redis);
    RawCaller caller(redis);
    const auto asked_at = Clock::now();
    caller.send(RawCaller::kRequests, RawCaller::request("r", RawCaller::body("EG_r")));
    REQUIRE(caller.has_claims(1));
    REQUIRE(recorder.has(&Recorder::lost));
    CHECK(Clock::now() - asked_at >= kAwardTime);  // not before: the award takes up to a second
    CHECK(recorder.count(&Recorder::started) == 0);
    recorder.loop.on_loop([&] { recorder.refusal = RpcFault{"unavailable", "not enough CPU"}; });
    caller.award("r", caller.claims[0].server_id());
    REQUIRE(caller.has_responses(1));
    CHECK(caller.responses[0].code() == "unavailable");
    CHECK(caller.responses[0].error() == "not enough CPU");
    CHECK(recorder.count(&Recorder::lost) == 1);
}

TEST_CASE("a bid that comes too late is not made, and its maker learns that at once") {
    test::RedisServer redis;
    Recorder recorder(redis);
    recorder.loop.on_loop([&] { recorder.holds_bid = true; });
    RawCaller caller(redis);
    caller.send(RawCaller::kRequests, RawCaller::request("slow", RawCaller::body("EG_slow")));
    REQUIRE(recorder.has(&Recorder::judged));
    std::this_thread::sleep_for(kBidTime + 50ms);
    recorder.loop.on_loop([&] { recorder.held_bid(1); });
    CHECK(recorder.count(&Recorder::lost) == 1);
    // One that went to another before we had decided.
    caller.send(RawCaller::kRequests, RawCaller::request("gone", RawCaller::body("EG_gone")));
    REQUIRE(recorder.has(&Recorder::judged, 2));
    const auto bid_for_gone = recorder.loop.on_loop([&] { return recorder.held_bid; });
    caller.award("gone", "SRV_another");
    caller.send(RawCaller::kRequests, RawCaller::request("after", RawCaller::body("EG_after")));  // so that the award was read
    recorder.loop.on_loop([&] {});
    REQUIRE(recorder.has(&Recorder::judged, 3));
    CHECK(recorder.waiter.look([&] { return recorder.judged[2].egress_id; }) == "EG_after");
    recorder.loop.on_loop([&] { bid_for_gone(1); });
    CHECK(recorder.count(&Recorder::lost) == 2);
    recorder.loop.on_loop([&] { recorder.held_bid(0.7F); });
    REQUIRE(caller.has_claims(1));
    CHECK(caller.claims[0].request_id() == "after");  // the first that was bid for
    CHECK(caller.claims[0].affinity() == 0.7F);
}

TEST_CASE("everybody answers what is asked of all") {
    test::RedisServer redis;
    Recorder one(redis), other(redis);
    one.loop.on_loop([&] { one.job_ids = {"EG_1", "EG_2"}; });
    RawCaller caller(redis);
    auto request = RawCaller::request("list", "");
    request.set_multi(true);
    caller.send("EgressInternal|ListActiveEgress|REQ", request);
    REQUIRE(caller.has_responses(2));
    std::multiset<int> sizes;
    for (const auto& response : caller.responses) {
        rpc::ListActiveEgressResponse active;
        REQUIRE(active.ParseFromString(response.raw_response()));
        sizes.insert(active.egress_ids_size());
    }
    CHECK(sizes == std::multiset<int>{0, 2});
    CHECK(caller.claims.empty());
}

TEST_CASE("of two who serve the same job one gets the stop, and a stream to change has none") {
    test::RedisServer redis;
    Recorder one(redis), other(redis);
    test::Waiter waiter;
    int ready = 0, stops = 0;
    for (auto* recorder : {&one, &other})
        recorder->loop.on_loop([&] {
            recorder->jobs["EG_1"] = recorder->bus->serve_job(
                "EG_1",
                [&](EgressAnswer answer) {
                    waiter.change([&] { ++stops; });
                    proto::EgressInfo info;
                    info.set_egress_id("EG_1");
                    answer(info);
                },
                [&] { waiter.change([&] { ++ready; }); });
        });
    REQUIRE(waiter.wait([&] { return ready == 2; }));
    RawCaller caller(redis, "EgressHandler");
    proto::StopEgressRequest stop;
    stop.set_egress_id("EG_1");
    for (const auto* id : {"first", "second"}) {
        caller.send("EgressHandler|StopEgress|EG_1|REQ", RawCaller::request(id, stop.SerializeAsString()));
        REQUIRE(caller.has_claims(id == "first"s ? 1 : 2));
        internal::ClaimResponse award;
        award.set_request_id(id);
        award.set_server_id(caller.claims.back().server_id());
        caller.send("EgressHandler|StopEgress|EG_1|RCLAIM", award);
        REQUIRE(caller.has_responses(id == "first"s ? 1 : 2));
    }
    CHECK(caller.claims.size() == 2);
    CHECK(waiter.look([&] { return stops; }) == 2);
    caller.send("EgressHandler|UpdateStream|EG_1|REQ", RawCaller::request("third", ""));
    REQUIRE(caller.has_claims(3));
    internal::ClaimResponse award;
    award.set_request_id("third");
    award.set_server_id(caller.claims.back().server_id());
    caller.send("EgressHandler|UpdateStream|EG_1|RCLAIM", award);
    REQUIRE(caller.has_responses(3));
    CHECK(caller.responses.back().code() == "invalid_argument");
    CHECK(caller.responses.back().error() == "UpdateStream called on non-streaming egress");
}

TEST_CASE("Redis killed and started anew: jobs are heard again, and calls reach their servers") {
    test::RedisServer redis;
    Recorder recorder(redis);
    RawCaller caller(redis);
    redis.kill();
    redis.start();
    const auto back = [](auto& peer) {
        for (int i = 0; i < 2000; ++i) {
            if (peer.loop.on_loop([&] { return peer.redis->connected(); })) return true;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    };
    // The old connection's end may not have been read yet: what counts is that they answer in the end.
    std::size_t asked = 0;
    bool claimed = false;
    for (int i = 0; i < 100 && !claimed; ++i) {
        REQUIRE(back(caller));
        REQUIRE(back(recorder));
        std::promise<bool> heard;
        google::protobuf::Any envelope;
        envelope.PackFrom(RawCaller::request("r" + std::to_string(asked++), RawCaller::body("EG_r")));
        caller.loop.on_loop([&] { caller.redis->publish(RawCaller::kRequests, envelope.SerializeAsString(), [&](Result<int> count) { heard.set_value(count.value_or(0) == 1); }); });
        if (heard.get_future().get()) claimed = caller.waiter.wait([&] { return !caller.claims.empty(); }, 2s);
        else std::this_thread::sleep_for(50ms);
    }
    CHECK(claimed);
}

TEST_CASE("a final update whose hearing is unclear is looked up before it is sent again") {
    test::RedisServer redis;
    Recorder recorder(redis);
    // The server's side of it: what it has is asked for before it is told again.
    test::LiveLoop loop;
    test::Waiter waiter;
    std::vector<std::string> asked;
    proto::EgressInfo record;
    int answers_unclear = 0, ready = 0;
    std::unique_ptr<net::Redis> its_redis;
    std::unique_ptr<Psrpc> rpc;
    std::vector<std::unique_ptr<Psrpc::Served>> served;
    loop.on_loop([&] {
        its_redis = std::make_unique<net::Redis>(loop.get(), at(redis));
        rpc = std::make_unique<Psrpc>(loop.get(), *its_redis);
        const auto serve = [&](const char* name, std::function<RpcResult<std::string>(const std::string&)> answer) {
            RpcMethod method;
            method.service = "IOInfo";
            method.method = name;
            method.run = [&, name, answer](const std::string&, const std::string& body, std::function<void(RpcResult<std::string>)> done) {
                waiter.change([&] { asked.emplace_back(name); });
                done(answer(body));
            };
            served.push_back(rpc->serve(std::move(method), [&] { waiter.change([&] { ++ready; }); }));
        };
        serve("UpdateEgress", [&](const std::string& body) -> RpcResult<std::string> {
            if (answers_unclear != 2) record.ParseFromString(body);  // 2: it was not heard
            if (answers_unclear-- > 0) return std::unexpected(RpcFault{"deadline_exceeded", "request timed out"});
            return std::string();
        });
        serve("GetEgress", [&](const std::string&) -> RpcResult<std::string> { return record.SerializeAsString(); });
    });
    REQUIRE(waiter.wait([&] { return ready == 2; }));
    EgressRequest job;
    job.egress_id = "EG_1";
    const auto told = [&](proto::EgressStatus status, int unclear) {
        loop.on_loop([&] {
            asked.clear();
            answers_unclear = unclear;
        });
        CHECK(*recorder.report(Recorder::record_of(job, status)));
        return loop.on_loop([&] { return asked; });
    };
    using Names = std::vector<std::string>;
    CHECK(told(proto::EGRESS_COMPLETE, 0) == Names{"UpdateEgress"});
    CHECK(told(proto::EGRESS_COMPLETE, 1) == Names{"UpdateEgress", "GetEgress"});
    CHECK(told(proto::EGRESS_ACTIVE, 1) == Names{"UpdateEgress", "UpdateEgress"});  // twice does no harm
    // Not heard, then unclear again but heard.
    CHECK(told(proto::EGRESS_FAILED, 2) == Names{"UpdateEgress", "GetEgress", "UpdateEgress", "GetEgress"});
    // What is refused is dropped.
    loop.on_loop([&] {
        served.erase(served.begin());
        RpcMethod refuse;
        refuse.service = "IOInfo";
        refuse.method = "UpdateEgress";
        refuse.run = [](const std::string&, const std::string&, std::function<void(RpcResult<std::string>)> done) {
            done(std::unexpected(RpcFault{"invalid_argument", "no"}));
        };
        served.push_back(rpc->serve(std::move(refuse), [&] { waiter.change([&] { ++ready; }); }));
    });
    REQUIRE(waiter.wait([&] { return ready == 3; }));
    CHECK_FALSE(*recorder.report(Recorder::record_of(job, proto::EGRESS_COMPLETE)));
    loop.on_loop([&] {
        served.clear();
        rpc.reset();
        its_redis.reset();
    });
}
