#include "voicectl/serve/rate_limit.h"

#include <doctest/doctest.h>

namespace voicectl::serve {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{1h};

}  // namespace

TEST_CASE("a burst is there at once, then one more at each step; what is not had is not paid for") {
    RateLimiter limiter({3, 10s});
    for (int i = 0; i < 3; ++i) CHECK(limiter.take("ann", kStart) == 0ms);
    CHECK(limiter.take("ann", kStart) == 10s);
    CHECK(limiter.take("ann", kStart + 4s) == 6s);
    CHECK(limiter.wait("ann", kStart + 4s) == 6s);
    CHECK(limiter.take("ann", kStart + 9999ms + 500us) == 1ms);
    CHECK(limiter.take("ben", kStart) == 0ms);
    CHECK(limiter.take("ann", kStart + 10s) == 0ms);
    CHECK(limiter.take("ann", kStart + 10s) == 10s);
    // An hour of silence fills the bucket, and no more than that.
    for (int i = 0; i < 3; ++i) CHECK(limiter.take("ann", kStart + 1h) == 0ms);
    CHECK(limiter.take("ann", kStart + 1h) == 10s);
    CHECK(limiter.wait("nobody", kStart) == 0ms);
    CHECK(limiter.size() == 2);
}

TEST_CASE("over a long time no more is had than the rate allows, however it is asked") {
    RateLimiter limiter({5, 100ms});
    int had = 0;
    for (auto at = 0ms; at < 60s; at += 7ms) had += limiter.take("ann", kStart + at) == 0ms;
    CHECK(had == 5 + 599);
}

TEST_CASE("a million peers cost no more than the entries there may be, and the one that asks on is not forgotten") {
    RateLimiter limiter({1, 1h}, 1000);
    CHECK(limiter.take("ann", kStart) == 0ms);
    int forgotten = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        limiter.take("peer " + std::to_string(i), kStart);
        if (i % 500 == 0) forgotten += limiter.take("ann", kStart) == 0ms;
    }
    CHECK(forgotten == 0);
    CHECK(limiter.size() == 1000);
    CHECK(limiter.take("ann", kStart) == 1h);
    CHECK(limiter.take("peer 0", kStart) == 0ms);
}

TEST_CASE("long keys are told apart") {
    RateLimiter limiter({1, 1h});
    CHECK(limiter.take(std::string(1000, 'a'), kStart) == 0ms);
    CHECK(limiter.take(std::string(1000, 'a') + "b", kStart) == 0ms);
    CHECK(limiter.take(std::string(1000, 'a'), kStart) == 1h);
}

TEST_CASE("a peer counts by its address, of IPv6 by its network") {
    CHECK(peer_network("192.0.2.1:5000") == "192.0.2.1");
    CHECK(peer_network("192.0.2.1") == "192.0.2.1");
    CHECK(peer_network("[2001:db8:1:2:3:4:5:6]:443") == "2001:db8:1:2::/64");
    CHECK(peer_network("2001:db8:1:2::9") == "2001:db8:1:2::/64");
    CHECK(peer_network("[2001:db8:1:3::9]:1") == "2001:db8:1:3::/64");
    CHECK(peer_network("[fe80::1%eth0]:1") == "fe80::/64");
    CHECK(peer_network("[::ffff:192.0.2.1]:5000") == "192.0.2.1");
    CHECK(peer_network("[::1]:80") == "::/64");
    CHECK(peer_network("") == "");
    CHECK(peer_network("[") == "");
}

TEST_CASE("behind a proxy the client is who the proxy says, not who the client says") {
    net::ServedRequest request;
    request.peer = "10.0.0.1:1";
    CHECK(client_of(request, true) == "10.0.0.1:1");
    request.headers = {{"x-forwarded-for", "1.1.1.1"}, {"x-forwarded-for", "2.2.2.2, 3.3.3.3 "}};
    CHECK(client_of(request, true) == "3.3.3.3");
    CHECK(client_of(request, false) == "10.0.0.1:1");
    request.headers = {{"x-forwarded-for", " "}};
    CHECK(client_of(request, true) == "10.0.0.1:1");
}

}  // namespace voicectl::serve
