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
        store.reset();
        live.on_loop([&] { intake.reset(); });
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
