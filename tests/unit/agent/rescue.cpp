#include "voicectl/agent/rescue.h"

#include <doctest/doctest.h>

#include "support/fake_loop.h"
#include "support/temp_folder.h"
#include "voicectl/base/process.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

/// Of a process that was here and is gone.
std::string dead() {
    auto process = Process::start({"true", {}, {}, {}, {}});
    REQUIRE(process);
    const auto identity = process_identity((*process)->pid());
    REQUIRE((*process)->wait_for(20s));
    return identity.ends_with('/') ? identity + "1" : identity;
}

struct Host {
    explicit Host(const std::string& path) : store(std::move(*store::Store::open(path)), loop), rescue(loop, store, "desk", handlers()) {}

    Rescue::Handlers handlers() {
        return {.has_room = [this] { return room; },
                .holds = [this](const std::string& job) { return job == held; },
                .somebody_waits = [this](const store::Call&, std::function<void(Result<bool>)> done) { done(waits); },
                .take = [this](const store::Call& call) { taken.push_back(call.job_id); }};
    }
    /// One look around, to its end.
    void look() {
        bool over = false;
        loop.advance(kCarryRenewal);
        // Three rounds of the store: what it finds, who gets it, and then nothing more is under way.
        for (int round = 0; round < 3; ++round) {
            over = false;
            store.run<void>([](store::Store&) -> Result<void> { return {}; }, [&](const Result<void>&) { over = true; });
            while (!over) {
                REQUIRE(loop.await_post());
                loop.settle();
            }
        }
    }
    test::FakeLoop loop;
    bool room = true;
    Result<bool> waits = true;
    std::string held;
    std::vector<std::string> taken;
    store::AsyncStore store;
    Rescue rescue;
};

struct Abandoned {
    explicit Abandoned(const std::string& carrier, std::chrono::seconds left = 20s) {
        auto open = store::Store::open(path);
        REQUIRE(open);
        store::Call call;
        call.room = "room";
        call.job_id = "AJ_1";
        call.agent_name = "desk";
        REQUIRE((*open)->begin_call(call));
        REQUIRE((*open)->carry({{"room", "AJ_1"}}, carrier, std::chrono::system_clock::now() + left));
    }
    std::string status() { return (*store::Store::open(path))->find("room")->status; }
    test::TempFolder folder;
    std::string path = folder.file("s.db");
};

}  // namespace

TEST_CASE("a call whose processes are all gone is taken, once") {
    Abandoned call(dead() + " " + dead());
    Host host(call.path), other(call.path);
    host.rescue.start();
    host.look();
    CHECK(host.taken == std::vector<std::string>{"AJ_1"});
    other.rescue.start();
    other.look();
    CHECK(other.taken.empty());  // it is the first one's: that lives
    CHECK(call.status() == "active");
}

TEST_CASE("a call that somebody carries, or that is ours, stays where it is") {
    Abandoned alive(dead() + " " + process_identity(), -1s);  // its supervisor lives, and stands in for it
    Host host(alive.path);
    host.rescue.start();
    host.look();
    CHECK(host.taken.empty());

    Abandoned elsewhere("another-machine/4/5");
    Host here(elsewhere.path);
    here.rescue.start();
    here.look();
    CHECK(here.taken.empty());

    Abandoned gone(dead());
    Host full(gone.path);
    full.room = false;
    full.rescue.start();
    full.look();
    CHECK(full.taken.empty());
    full.room = true;
    full.held = "AJ_1";
    full.look();
    CHECK(full.taken.empty());
    full.held.clear();
    full.waits = fail(Errc::Unreachable, "no server");
    full.look();
    CHECK(full.taken.empty());
    CHECK(gone.status() == "active");
    full.waits = true;
    full.look();
    CHECK(full.taken.size() == 1);
}

TEST_CASE("what lies on another machine is abandoned when nobody has spoken of it for long") {
    Abandoned call("another-machine/4/5", -1s);
    Host host(call.path);
    host.rescue.start();
    host.look();
    CHECK(host.taken.size() == 1);
}

TEST_CASE("a call in which nobody waits is closed") {
    Abandoned call(dead());
    Host host(call.path);
    host.waits = false;
    host.rescue.start();
    host.look();
    CHECK(host.taken.empty());
    CHECK(call.status() == "failed");
}
