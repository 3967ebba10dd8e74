#include "voicectl/webhook/intake.h"

#include <doctest/doctest.h>

#include "support/live_loop.h"
#include "support/temp_folder.h"
#include "voicectl/webhook/forwarder.h"

namespace voicectl::webhook {
namespace {

const livekit::ApiKey kKey{"APItest", "a_secret_of_at_least_thirty_two_chars"};

/// An intake on a loop and a store of its own; requests are handed to it as the server would.
struct Taking {
    explicit Taking(IntakeOptions options = {}) {
        options.keys = {{kKey.key, kKey.secret}};
        auto opened = store::Store::open(folder.file("s.db"));
        REQUIRE(opened);
        store = std::make_unique<store::AsyncStore>(std::move(*opened), live.get());
        live.on_loop([&] {
            intake = std::make_unique<Intake>(live.get(), *store, options);
            intake->on_handled = [this](const Handled& one) { handled.push_back(one); };
        });
    }
    ~Taking() {
        live.on_loop([&] { intake.reset(); });  // it writes what is left to the store's queue
        store.reset();
    }
    net::ServedResponse ask(net::ServedRequest request) {
        std::optional<net::ServedResponse> answer;
        live.on_loop([&] {
            intake->handle(request, [&](net::ServedResponse given) { waiter.change([&] { answer = std::move(given); }); });
        });
        REQUIRE(waiter.wait([&] { return answer.has_value(); }));
        live.on_loop([] {});  // what follows the answer is done too
        return *answer;
    }
    net::ServedResponse post(const std::string& body) {
        return ask({"POST", "/", "", {{"authorization", livekit::sign_delivery(kKey, body)}}, body, "127.0.0.1:1"});
    }
    test::TempFolder folder;
    test::LiveLoop live;
    test::Waiter waiter;
    std::unique_ptr<store::AsyncStore> store;
    std::unique_ptr<Intake> intake;
    std::vector<Handled> handled;
};

TEST_CASE("what is signed and cannot be read is kept under its hash, once") {
    Taking taking;
    CHECK(taking.post("no JSON \xff").status == 200);
    CHECK(taking.post("no JSON \xff").status == 200);
    REQUIRE(taking.handled.size() == 2);
    CHECK(taking.handled[0].event.id.starts_with("sha256:"));
    CHECK(taking.handled[0].event.event == "unknown");
    CHECK(taking.handled[0].outcome == Outcome::Stored);
    CHECK(taking.handled[1].outcome == Outcome::Repeated);
}

TEST_CASE("other methods, paths and, unverified, what is no event get no 2xx") {
    Taking taking({.verify = false, .path = "/hook"});
    CHECK(taking.ask({"GET", "/hook"}).status == 405);
    CHECK(taking.ask({"POST", "/"}).status == 404);
    CHECK(taking.ask({"POST", "/hook", "", {}, "{}"}).status == 400);
    CHECK(taking.ask({"POST", "/hook", "", {}, R"({"id":"EV_1","event":"x"})"}).status == 200);
}

TEST_CASE("what is refused is in the log, with the sender's words for it and not under an event's id; a flood of it is counted") {
    Taking taking;
    const std::string body = R"({"id":"EV_1","event":"room_started","room":{"name":"demo"}})";
    CHECK(taking.ask({"POST", "/", "", {{"authorization", "nonsense"}}, body, "127.0.0.1:1"}).status == 401);
    for (int i = 0; i < 500; ++i) CHECK(taking.ask({"POST", "/", "", {}, "x", "127.0.0.1:1"}).status == 401);
    taking.live.on_loop([&] { taking.intake.reset(); });
    taking.store.reset();
    auto store = *store::Store::open(taking.folder.file("s.db"));
    const auto all = *store->webhooks().deliveries({.refused = true});
    // Ten for each second that the flood took, and a count of the others.
    REQUIRE(all.size() >= 11);
    CHECK(all.size() < 250);
    const auto& first = all.back();
    CHECK(std::tuple(first.event, first.room, first.event_id, first.outcome, first.status) == std::tuple("room_started", "demo", "", "refused", 401));
    CHECK_FALSE(first.reason.empty());
    int counted = 0;
    for (const auto& one : all)
        if (const auto end = one.reason.find(" more in the same second"); end != std::string::npos) counted += std::stoi(one.reason) - 1;
    CHECK(counted + static_cast<int>(all.size()) == 501);
    CHECK(store->webhooks().deliveries({.event_id = "EV_1"})->empty());
}

TEST_CASE("the key that signed is remembered, and only a checked one") {
    Taking checked;
    checked.post(R"({"id":"EV_1","event":"x"})");
    CHECK(checked.handled[0].event.key == "APItest");
    Taking unchecked({.verify = false});
    unchecked.post(R"({"id":"EV_1","event":"x"})");
    CHECK(unchecked.handled[0].event.key.empty());
}

TEST_CASE("a target's answer says what becomes of the event") {
    for (const int status : {200, 201, 204}) CHECK(judge_reply(status) == Reply::Delivered);
    for (const int status : {0, 408, 425, 429, 500, 502, 503, 504}) CHECK(judge_reply(status) == Reply::Again);
    for (const int status : {301, 302, 307, 400, 401, 404, 413}) CHECK(judge_reply(status) == Reply::Refused);
    CHECK(judge_reply(410) == Reply::Gone);
}

}  // namespace
}  // namespace voicectl::webhook
