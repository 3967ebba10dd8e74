#include <doctest/doctest.h>

#include "voicectl/agent/host.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

struct NoCalls final : CallHost {
    void start(const CallTicket&) override {}
    void stop(const std::string&, const std::string&) override {}
    void stop_all(const std::string&) override {}
    int active() const override { return 0; }
};

}  // namespace

TEST_CASE("a server that is never reached ends the desk, with --once as without") {
    for (const bool once : {false, true}) {
        AsioLoop loop;
        AgentConfig config;
        config.name = "test";
        NoCalls host;
        std::vector<std::string> events;
        Result<void> ended;
        DeskOptions options{{"ws://127.0.0.1:1", {"devkey", "a_secret_of_at_least_thirty_two_chars"}}, once, ""};
        CHECK(options.reach_within == 20s);
        options.reach_within = 300ms;
        std::unique_ptr<JobDesk> desk;
        loop.post([&] {
            desk = JobDesk::create(
                loop, config, options, host, [&](const WorkerEvent& event) { events.push_back(event.kind); },
                [&](const Result<void>& why) {
                    ended = why;
                    loop.stop();
                });
        });
        loop.run_until(Clock::now() + 5s);
        desk.reset();
        REQUIRE_FALSE(ended);
        CHECK(ended.error().code == Errc::Unreachable);
        CHECK(ended.error().message.find("no registration at the server within 300 ms") != std::string::npos);
        CHECK_FALSE(ended.error().hint.empty());
        REQUIRE_FALSE(events.empty());
        CHECK(events.front() == "lost");
        CHECK(events.back() == "stopped");
    }
}
