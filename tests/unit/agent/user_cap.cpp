#include "voicectl/agent/user_cap.h"

#include <doctest/doctest.h>

#include "support/fake_loop.h"
#include "support/temp_folder.h"

using namespace voicectl;
using namespace voicectl::agent;
using namespace std::chrono_literals;

namespace {

struct Machine {
    Machine(const std::string& path, store::SystemTime& now) : store(std::move(*store::Store::open(path)), loop), cap(store, 3, [&now] { return now; }) {}
    bool ask(const std::string& job, const std::string& user = "ann") {
        std::optional<bool> out;
        cap.ask(job, user, [&](const Result<bool>& free) {
            REQUIRE(free);
            out = *free;
        });
        while (!out) {
            REQUIRE(loop.await_post());
            loop.settle();
        }
        return *out;
    }
    test::FakeLoop loop;
    store::AsyncStore store;
    UserCap cap;
};

}  // namespace

TEST_CASE("a user is who the dispatch says, and nobody else") {
    CHECK(user_of(R"({"userId":"0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a11","x":1})") == "0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a11");
    for (const std::string odd : {"", "{", "[]", "7", "{}", R"({"userId":7})", R"({"userId":""})", R"({"userId":null})", R"({"user":{"userId":"ann"}})"}) CHECK(user_of(odd) == "");
    CHECK(user_of(R"({"userId":")" + std::string(129, 'x') + "\"}") == "");
    CHECK(user_of(R"({"userId":"ann","more":")" + std::string(100'000, 'x') + "\"}") == "");
}

TEST_CASE("three calls of a user over two machines, and places that come back") {
    test::TempFolder folder;
    store::SystemTime now{1'760'000'000s};
    Machine one(folder.file("s.db"), now), other(folder.file("s.db"), now);
    CHECK(one.ask("AJ_1"));
    CHECK(other.ask("AJ_2"));
    CHECK(one.ask("AJ_3"));
    CHECK_FALSE(other.ask("AJ_4"));
    CHECK(other.ask("AJ_5", "bob"));
    one.cap.give_back("AJ_1");
    CHECK(one.ask("AJ_6"));
    CHECK_FALSE(other.ask("AJ_4"));
}

TEST_CASE("who is told that a place came back finds it free on any machine") {
    test::TempFolder folder;
    store::SystemTime now{1'760'000'000s};
    Machine one(folder.file("s.db"), now), other(folder.file("s.db"), now);
    for (const auto* job : {"AJ_1", "AJ_2", "AJ_3"}) CHECK(one.ask(job));
    bool told = false;
    one.cap.give_back("AJ_1", [&] { told = true; });
    CHECK_FALSE(told);
    while (!told) {
        REQUIRE(one.loop.await_post());
        one.loop.settle();
    }
    CHECK(other.ask("AJ_4"));
}

TEST_CASE("what a crashed machine held is free after its time; who renews keeps it") {
    test::TempFolder folder;
    store::SystemTime now{1'760'000'000s};
    Machine alive(folder.file("s.db"), now);
    {
        Machine crashed(folder.file("s.db"), now);
        for (const auto* job : {"AJ_1", "AJ_2"}) CHECK(crashed.ask(job));
    }
    CHECK(alive.ask("AJ_3"));
    for (auto gone = 0s; gone < kPlaceLife - kPlaceRenewal; gone += kPlaceRenewal) {
        now += kPlaceRenewal;
        alive.cap.renew({{"AJ_3", "ann"}});
        CHECK_FALSE(alive.ask("AJ_4"));
    }
    now += kPlaceRenewal;
    CHECK(alive.ask("AJ_4"));
    CHECK(alive.ask("AJ_5"));
    CHECK_FALSE(alive.ask("AJ_6"));
}

TEST_CASE("no limit, and no user: nothing is counted") {
    test::TempFolder folder;
    test::FakeLoop loop;
    store::AsyncStore store(std::move(*store::Store::open(folder.file("s.db"))), loop);
    CHECK_FALSE(UserCap(store, 0).counts("ann"));
    CHECK_FALSE(UserCap(store, 3).counts(""));
    CHECK(UserCap(store, 3).counts("ann"));
}
