#include "voicectl/net/redis.h"

#include <doctest/doctest.h>

#include "support/fake_loop.h"
#include "voicectl/base/redact.h"

namespace voicectl::net {

TEST_CASE("the address of a Redis in each of its forms") {
    const auto plain = parse_redis_address("redis.example.com:6380");
    REQUIRE(plain);
    CHECK(plain->host == "redis.example.com");
    CHECK(plain->port == 6380);
    CHECK_FALSE(plain->tls);
    CHECK(parse_redis_address("localhost")->port == 6379);
    CHECK(parse_redis_address("localhost:80")->port == 80);
    CHECK(parse_redis_address("[::1]:6380")->shown() == "[::1]:6380");

    const auto full = parse_redis_address("rediss://ann:p%40ss%2Fword1@redis.example.com/3");
    REQUIRE(full);
    CHECK(full->tls);
    CHECK(full->user == "ann");
    CHECK(full->password == "p@ss/word1");
    CHECK(full->db == 3);
    CHECK(full->shown() == "redis.example.com:6379");
    CHECK(redact("say p@ss/word1") == "say ***");
    CHECK(parse_redis_address("redis://:only-a-password@h")->user.empty());
    CHECK(parse_redis_address("redis://h/")->db == 0);

    const auto local = parse_redis_address("unix:///run/redis/redis.sock");
    REQUIRE(local);
    CHECK(local->path == "/run/redis/redis.sock");
    CHECK(local->shown() == "/run/redis/redis.sock");
}

TEST_CASE("an address that is none is refused without a word of it") {
    for (const auto* text : {"", "http://hidden", "redis://", "hidden:port", "hidden:0", "hidden:65536", "redis://hidden/x", "redis://hidden/-1", "redis://u:hidden@",
                             "redis://u:hidden@h?db=1", "hidden h", "unix://hidden", "redis://hidden@h", "redis://u:hidden@h/1/2"}) {
        CAPTURE(text);
        const auto refused = parse_redis_address(text);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::Usage);
        CHECK(refused.error().message.find("hidden") == std::string::npos);
        CHECK_FALSE(refused.error().hint.empty());
    }
}

TEST_CASE("on a loop without sockets there is no Redis, and whoever asks is told") {
    test::FakeLoop loop;
    Redis redis(loop, {.address = {.host = "localhost"}});
    const auto seat = redis.subscribe("c", [](const std::string&) {}, [] { FAIL("confirmed"); });
    std::optional<Errc> published;
    redis.publish("c", "x", [&](Result<int> result) { published = result.error().code; });
    CHECK_FALSE(published);  // never within the call
    loop.settle();
    CHECK(published == Errc::Unreachable);
    CHECK_FALSE(redis.connected());
    CHECK(redis.last_error()->code == Errc::Unreachable);
}

}  // namespace voicectl::net
