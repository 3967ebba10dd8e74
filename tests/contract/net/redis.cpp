#include "voicectl/net/redis.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "support/live_loop.h"
#include "support/redis_server.h"
#include "unit/net/self_signed.h"

using namespace voicectl;
using namespace voicectl::net;
using namespace std::chrono_literals;

namespace {

RedisOptions options_for(const std::string& address) {
    RedisOptions options;
    auto parsed = parse_redis_address(address);
    REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().message));
    options.address = *parsed;
    return options;
}

/// A Redis on a loop of its own and all that it told.
struct Peer {
    test::LiveLoop loop;
    test::Waiter waiter;
    std::vector<bool> states;
    std::vector<std::pair<std::string, std::string>> heard;
    std::vector<std::string> confirmed;
    std::unique_ptr<Redis> redis;
    std::map<std::string, std::unique_ptr<Redis::Subscription>> subscriptions;

    explicit Peer(RedisOptions options) {
        loop.on_loop([&] {
            redis = std::make_unique<Redis>(loop.get(), std::move(options));
            redis->on_state = [this](bool up) { waiter.change([&] { states.push_back(up); }); };
        });
    }
    explicit Peer(const std::string& address) : Peer(options_for(address)) {}
    ~Peer() {
        loop.on_loop([this] {
            subscriptions.clear();
            redis.reset();
        });
    }

    bool up(std::size_t changes = 1) {
        return waiter.wait([&] { return states.size() >= changes && states.back(); });
    }
    void listen(const std::string& channel) {
        loop.on_loop([&] {
            subscriptions[channel].reset();
            subscriptions[channel] = redis->subscribe(channel, [this, channel](const std::string& payload) { waiter.change([&] { heard.emplace_back(channel, payload); }); },
                                                      [this, channel] { waiter.change([&] { confirmed.push_back(channel); }); });
        });
    }
    bool listens(std::size_t count = 1) {
        return waiter.wait([&] { return confirmed.size() >= count; });
    }
    Result<int> publish(const std::string& channel, const std::string& payload) {
        std::promise<Result<int>> answer;
        loop.on_loop([&] { redis->publish(channel, payload, [&](Result<int> result) { answer.set_value(std::move(result)); }); });
        return answer.get_future().get();
    }
    Result<bool> set(const std::string& key, std::chrono::seconds life = 60s) {
        std::promise<Result<bool>> answer;
        loop.on_loop([&] { redis->set_if_absent(key, "1", life, [&](Result<bool> result) { answer.set_value(std::move(result)); }); });
        return answer.get_future().get();
    }
    std::optional<Error> last_error() {
        return loop.on_loop([&] { return redis->last_error(); });
    }
    bool fails_with(Errc code) {
        for (int i = 0; i < 2000; ++i) {
            if (const auto why = last_error()) return why->code == code;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    }
};

}  // namespace

TEST_CASE("what one publishes another hears, bytes as they are, and the number of hearers comes back") {
    test::RedisServer server;
    Peer talker(server.address()), hearer("redis://" + server.address());
    hearer.listen("a|b");
    REQUIRE(hearer.listens());
    REQUIRE(talker.up());
    const std::string bytes("\0\r\n$5\r\n\xff", 9);
    const auto count = talker.publish("a|b", bytes);
    REQUIRE(count);
    CHECK(*count == 1);
    CHECK(*talker.publish("nobody", "x") == 0);
    const std::string large(1'000'000, 'x');
    REQUIRE(talker.publish("a|b", large));
    REQUIRE(hearer.waiter.wait([&] { return hearer.heard.size() == 2; }));
    CHECK(hearer.heard[0] == std::pair{std::string("a|b"), bytes});
    CHECK(hearer.heard[1].second == large);
}

TEST_CASE("a channel that is dropped and taken again at once is heard, and told ready once") {
    test::RedisServer server;
    Peer peer(server.address());
    REQUIRE(peer.up());
    peer.loop.on_loop([&] {  // in one turn of the loop: the confirmations of the first two come after the third was sent
        for (int i = 0; i < 3; ++i) {
            peer.subscriptions["c"].reset();
            peer.subscriptions["c"] = peer.redis->subscribe("c", [&](const std::string& text) { peer.waiter.change([&] { peer.heard.emplace_back("c", text); }); },
                                                            [&peer, i] { peer.waiter.change([&] { peer.confirmed.push_back(std::to_string(i)); }); });
        }
    });
    REQUIRE(peer.listens());
    CHECK(peer.waiter.look([&] { return peer.confirmed; }) == std::vector<std::string>{"2"});
    CHECK(*peer.publish("c", "x") == 1);
    REQUIRE(peer.waiter.wait([&] { return !peer.heard.empty(); }));
    peer.loop.on_loop([&] { peer.subscriptions.clear(); });
    CHECK(peer.set("after"));  // on the other connection; the unsubscription is done once nobody is counted
    bool gone = false;
    for (int i = 0; i < 1000 && !gone; ++i) gone = *peer.publish("c", "y") == 0;
    CHECK(gone);
    CHECK(peer.waiter.look([&] { return peer.heard.size(); }) >= 1);
}

TEST_CASE("a key is set once, for as long as was said") {
    test::RedisServer server;
    Peer one(server.address()), other(server.address());
    REQUIRE(one.up());
    REQUIRE(other.up());
    CHECK(*one.set("lock", 1s));
    CHECK_FALSE(*other.set("lock", 1s));
    bool again = false;
    for (int i = 0; i < 200 && !again; ++i) {
        std::this_thread::sleep_for(50ms);
        again = *other.set("lock", 1s);
    }
    CHECK(again);
}

TEST_CASE("a login is sent, a wrong one is Auth and shows no password, and a database of its own is used") {
    test::RedisServer server({"--requirepass", "open:sesame/1", "--user", "ann", "on", ">an@other/secret", "~*", "&*", "+@all"});
    const auto at = "@" + server.address();
    Peer root("redis://:open%3Asesame%2F1" + at), ann("redis://ann:an%40other%2Fsecret" + at + "/2");
    REQUIRE(root.up());
    REQUIRE(ann.up());
    CHECK(*root.set("key"));
    CHECK(*ann.set("key"));  // not the same one
    Peer wrong("redis://ann:open%3Asesame%2F2" + at), none(server.address());
    for (auto* peer : {&wrong, &none}) {
        REQUIRE(peer->fails_with(Errc::Auth));
        const auto why = *peer->last_error();
        CHECK(why.message.find("sesame") == std::string::npos);
        CHECK(why.message.find(server.address()) != std::string::npos);
        CHECK_FALSE(why.hint.empty());
        CHECK_FALSE(peer->loop.on_loop([&] { return peer->redis->connected(); }));
        CHECK(peer->publish("c", "x").error().code == Errc::Unreachable);
    }
}

TEST_CASE("who may not subscribe learns it by the error") {
    test::RedisServer server({"--user", "ann", "on", ">another-secret", "~*", "resetchannels", "&mine", "+@all"});
    Peer ann("redis://ann:another-secret@" + server.address());
    ann.listen("other");
    REQUIRE(ann.fails_with(Errc::Auth));
    CHECK(ann.last_error()->message.find("NOPERM") != std::string::npos);
}

TEST_CASE("a Unix socket does, too") {
    test::RedisServer server;
    Peer peer("unix://" + server.socket_path());
    REQUIRE(peer.up());
    CHECK(*peer.set("key"));
}

TEST_CASE("no Redis there: the cause is told, and it is found once it comes") {
    test::RedisServer server;
    server.kill();
    Peer peer(server.address());
    peer.listen("c");
    REQUIRE(peer.fails_with(Errc::Unreachable));
    CHECK(peer.last_error()->message.find("refused") != std::string::npos);
    server.start();
    REQUIRE(peer.up());
    CHECK(*peer.publish("c", "x") == 1);
}

TEST_CASE("a Redis killed and started anew: what was asked fails, everything is subscribed again") {
    test::RedisServer server;
    Peer peer(server.address());
    for (const auto* name : {"a", "b", "c"}) peer.listen(name);
    REQUIRE(peer.listens(3));
    REQUIRE(peer.up());
    server.freeze();  // so that something is surely under way at the cut
    std::promise<Result<int>> cut;
    peer.loop.on_loop([&] { peer.redis->publish("a", "lost", [&](Result<int> result) { cut.set_value(std::move(result)); }); });
    server.kill();
    auto answer = cut.get_future();
    REQUIRE(answer.wait_for(20s) == std::future_status::ready);
    const auto lost = answer.get();
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code == Errc::Unreachable);
    REQUIRE(peer.waiter.wait([&] { return peer.states.size() == 2; }));
    CHECK_FALSE(peer.loop.on_loop([&] { return peer.redis->connected(); }));
    peer.listen("d");  // while nobody is there
    server.start();
    REQUIRE(peer.up(3));
    REQUIRE(peer.listens(4));
    for (const auto* name : {"a", "b", "c", "d"}) CHECK(*peer.publish(name, "back") == 1);
    REQUIRE(peer.waiter.wait([&] { return peer.heard.size() == 4; }));
    CHECK(peer.states == std::vector<bool>{true, false, true});
    CHECK(peer.confirmed.size() == 4);  // told once, not again
}

TEST_CASE("a Redis that says nothing any more is given up, and taken back when it speaks") {
    test::RedisServer server;
    auto options = options_for(server.address());
    options.ping_every = 200ms;
    options.connect_timeout = 500ms;
    Peer peer(options);
    peer.listen("a");
    REQUIRE(peer.up());
    server.freeze();
    REQUIRE(peer.waiter.wait([&] { return peer.states.size() == 2; }));
    CHECK(peer.last_error()->code == Errc::Timeout);
    server.thaw();
    REQUIRE(peer.up(3));
    CHECK(*peer.publish("a", "back") == 1);
}

TEST_CASE("a quiet Redis is not given up: it answers PINGs, with and without channels") {
    test::RedisServer server;
    auto options = options_for(server.address());
    options.ping_every = 500ms;
    Peer silent(options), listening(options);
    listening.listen("a");
    REQUIRE(silent.up());
    REQUIRE(listening.up());
    for (auto* peer : {&silent, &listening}) CHECK_FALSE(peer->waiter.wait([&] { return peer->states.size() > 1; }, 2500ms));  // five beats
}

TEST_CASE("what is no Redis is named as that") {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener, 8) == 0);
    REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    std::jthread web([&] {
        for (int i = 0; i < 2; ++i) {
            const int peer = accept(listener, nullptr, nullptr);
            const std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
            CHECK(write(peer, text.data(), text.size()) > 0);
            shutdown(peer, SHUT_WR);
            char rest[64];
            while (read(peer, rest, sizeof(rest)) > 0) {
            }
            close(peer);
        }
        close(listener);
    });
    Peer peer("127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
    CHECK(peer.fails_with(Errc::Protocol));
    CHECK(peer.last_error()->message.find("no Redis") != std::string::npos);
}

TEST_CASE("TLS is verified: a certificate that nobody vouches for, or of another name, is refused, one of an authority that is known is not") {
    test::TempFolder folder;
    const auto made = test::SelfSigned::create();
    std::ofstream(folder.file("cert.pem")) << made.certificate;
    std::ofstream(folder.file("key.pem")) << made.key;
    const auto tls_port = std::to_string(test::free_port());
    test::RedisServer server({"--tls-port", tls_port, "--tls-cert-file", folder.file("cert.pem"), "--tls-key-file", folder.file("key.pem"), "--tls-ca-cert-file", folder.file("cert.pem"),
                              "--tls-auth-clients", "no"});
    const auto address = "rediss://127.0.0.1:" + tls_port;
    {
        Peer stranger(address);
        REQUIRE(stranger.fails_with(Errc::Unreachable));
        CHECK(stranger.last_error()->message.find("TLS") != std::string::npos);
    }
    setenv("SSL_CERT_FILE", folder.file("cert.pem").c_str(), 1);
    {
        Peer peer(address);
        peer.listen("c");
        REQUIRE(peer.up());
        REQUIRE(peer.listens());
        CHECK(*peer.publish("c", "x") == 1);
    }
    {
        Peer other("rediss://localhost:" + tls_port);  // it is for 127.0.0.1
        REQUIRE(other.fails_with(Errc::Unreachable));
        CHECK(other.last_error()->message.find("TLS") != std::string::npos);
    }
    unsetenv("SSL_CERT_FILE");
}
