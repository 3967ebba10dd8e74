// The server's side of a WebSocket, met by our own client and by hand-made frames.
#include "voicectl/net/websocket_server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "support/live_loop.h"
#include "voicectl/net/websocket.h"

namespace voicectl::net {
namespace {

using namespace std::chrono_literals;

/// Frames by hand.
class RawClient {
 public:
    explicit RawClient(int port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        if (receive_buffer > 0) setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(port));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0);
        const timeval limit{10, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    }
    ~RawClient() { ::close(socket_); }
    void say(const std::string& bytes) const { CHECK(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())); }
    /// The head of the answer.
    std::string upgrade(const std::string& path = "/ws", const std::string& more = {}) {
        say(request(path, more));
        return until("\r\n\r\n");
    }
    static std::string request(const std::string& path, const std::string& more = {}) {
        return "GET " + path + " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + more + "\r\n";
    }
    std::string until(const std::string& needle) {
        while (heard_.find(needle) == std::string::npos && more()) {
        }
        const auto end = std::min(heard_.size(), heard_.find(needle) + needle.size());
        auto out = heard_.substr(0, end);
        heard_.erase(0, end);
        return out;
    }
    struct Frame {
        int opcode = -1;  // -1: the connection has ended
        std::string payload;
        int code() const { return payload.size() < 2 ? 0 : static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]); }
    };
    /// The next one; lengths up to 125.
    Frame frame() {
        while (heard_.size() < 2 || heard_.size() < 2 + static_cast<std::size_t>(heard_[1] & 0x7f))
            if (!more()) return {};
        const auto length = static_cast<std::size_t>(heard_[1] & 0x7f);
        Frame out{heard_[0] & 0x0f, heard_.substr(2, length)};
        heard_.erase(0, 2 + length);
        return out;
    }
    static std::string masked(int first, const std::string& payload) {
        std::string out{static_cast<char>(first)};
        if (payload.size() < 126) out += static_cast<char>(0x80 | payload.size());
        else out += {static_cast<char>(0x80 | 126), static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size() & 0xff)};
        out += std::string(4, '\0');  // a mask of zeros
        return out + payload;
    }
    bool ended() {
        while (more()) {
        }
        return ended_;
    }

 private:
    bool more() {
        char piece[4096];
        const auto size = recv(socket_, piece, sizeof(piece), 0);
        if (size > 0) heard_.append(piece, static_cast<std::size_t>(size));
        ended_ = size == 0 || (size < 0 && errno == ECONNRESET);
        return size > 0;
    }
    int socket_;
    std::string heard_;
    bool ended_ = false;
};

/// Accepts what comes at /ws and says everything back.
struct Sockets {
    explicit Sockets(ServerSocketOptions socket = {}, HttpServerOptions options = {}) {
        options.upgrades = [](const ServedRequest& request) { return request.path.starts_with("/ws"); };
        options.on_upgrade = [this, socket](const ServedRequest& request, std::unique_ptr<Upgrade> upgrade) {
            if (request.path == "/ws/no") return upgrade->refuse({403, "not you\n"});
            if (request.path == "/ws/later") return kept.push_back(std::move(upgrade));
            if (request.path == "/ws/never") return;
            accept(*upgrade, socket);
        };
        loop.on_loop([&] {
            auto made = HttpServer::listen(loop.get(), options, [](const ServedRequest&, const HttpServer::Respond& respond) { respond({200, "plain\n"}); });
            REQUIRE(made);
            server = std::move(*made);
            port = server->port();
        });
    }
    ~Sockets() {
        loop.on_loop([&] {
            kept.clear();
            open.clear();
            server.reset();
        });
    }
    void accept(Upgrade& upgrade, const ServerSocketOptions& options) {
        const auto at = open.size();
        open.push_back(upgrade.accept(options, {.on_message =
                                                    [this, at](const std::string& message, bool binary) {
                                                        waiter.change([&] { heard.push_back(message); });
                                                        if (open[at]) open[at]->send(message, binary);
                                                    },
                                                .on_close = [this](const SocketEnd& end) { waiter.change([&] { ends.push_back(end); }); }}));
        waiter.change([&] { ++accepted; });
    }
    SocketEnd end() {
        REQUIRE(waiter.wait([&] { return !ends.empty(); }));
        return waiter.look([&] { return ends.front(); });
    }
    void wait_open() { REQUIRE(waiter.wait([&] { return accepted > 0; })); }

    test::LiveLoop loop;
    test::Waiter waiter;
    std::vector<std::string> heard;
    std::vector<SocketEnd> ends;
    int accepted = 0;
    std::vector<std::unique_ptr<ServerSocket>> open;
    std::vector<std::unique_ptr<Upgrade>> kept;
    std::unique_ptr<HttpServer> server;
    int port = 0;
};

constexpr int kText = 0x81, kBinary = 0x82, kClose = 0x88, kPing = 0x89, kPong = 0x8a;

}  // namespace

TEST_CASE("a request for a WebSocket becomes one, and both sides are heard") {
    Sockets sockets({.protocol = "chat.v1"});
    test::Waiter waiter;
    std::vector<std::pair<std::string, bool>> heard;
    std::optional<Error> closed;
    std::unique_ptr<WebSocket> client;
    sockets.loop.on_loop([&] {
        WebSocketHandlers handlers;
        handlers.on_message = [&](const std::string& message, bool binary) { waiter.change([&] { heard.emplace_back(message, binary); }); };
        handlers.on_close = [&](const Error& why) { waiter.change([&] { closed = why; }); };
        client = WebSocket::open(sockets.loop.get(), {.url = "ws://127.0.0.1:" + std::to_string(sockets.port) + "/ws?x=1", .headers = {{"Sec-WebSocket-Protocol", "other, chat.v1"}}}, std::move(handlers));
        client->send("hello", false);
        client->send(std::string(60'000, '\x01'), true);
    });
    REQUIRE(waiter.wait([&] { return heard.size() == 2; }));
    CHECK(heard[0] == std::pair{std::string("hello"), false});
    CHECK(heard[1] == std::pair{std::string(60'000, '\x01'), true});
    sockets.loop.on_loop([&] { sockets.open[0]->close(4001, "that is all"); });
    REQUIRE(waiter.wait([&] { return closed.has_value(); }));
    CHECK(closed->message.find("4001: that is all") != std::string::npos);
    CHECK(sockets.end().code == 4001);
    sockets.loop.on_loop([&] { client.reset(); });
}

TEST_CASE("the agreed subprotocol stands in the answer, compression does not") {
    Sockets sockets({.protocol = "chat.v1"});
    RawClient client(sockets.port);
    const auto head = client.upgrade("/ws", "Sec-WebSocket-Protocol: chat.v1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
    CHECK(head.starts_with("HTTP/1.1 101 "));
    CHECK(head.find("Sec-WebSocket-Protocol: chat.v1\r\n") != std::string::npos);
    CHECK(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != std::string::npos);  // RFC 6455 section 1.3
    CHECK(head.find("xtensions") == std::string::npos);
}

TEST_CASE("who is refused gets the answer of a request, and may be answered later") {
    Sockets sockets;
    RawClient refused(sockets.port);
    CHECK(refused.upgrade("/ws/no").starts_with("HTTP/1.1 403 "));
    CHECK(refused.ended());
    RawClient dropped(sockets.port);
    dropped.say(RawClient::request("/ws/never"));
    CHECK(dropped.ended());
    RawClient later(sockets.port);
    later.say(RawClient::request("/ws/later"));
    RawClient plain(sockets.port);  // comes after it, so that the other has come
    CHECK(plain.upgrade("/ws").starts_with("HTTP/1.1 101"));
    while (sockets.loop.on_loop([&] { return sockets.kept.empty(); })) std::this_thread::yield();
    sockets.loop.on_loop([&] { sockets.accept(*sockets.kept[0], {}); });
    CHECK(later.until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    CHECK(sockets.loop.on_loop([&] { return sockets.kept[0]->accept({}, {}) == nullptr; }));  // once
}

TEST_CASE("what is no request for a WebSocket goes the way of requests") {
    Sockets sockets;
    for (const std::string request : {"GET /ws HTTP/1.1\r\nHost: h\r\n\r\n", "GET /other HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                                      "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
                                      "POST /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n"}) {
        CAPTURE(request);
        RawClient client(sockets.port);
        client.say(request);
        CHECK(client.until("plain\n").starts_with("HTTP/1.1 200 "));
    }
    RawClient old(sockets.port);
    old.say("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    CHECK(old.until("\r\n\r\n").starts_with("HTTP/1.1 426 "));
}

TEST_CASE("nothing may follow the request before it is answered") {
    Sockets sockets;
    RawClient body(sockets.port);
    body.say(RawClient::request("/ws", "Content-Length: 5\r\n") + "hello");
    CHECK(body.until("\r\n\r\n").starts_with("HTTP/1.1 400 "));
    RawClient pipelined(sockets.port);
    pipelined.say(RawClient::request("/ws") + "GET /ws HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(pipelined.until("\r\n\r\n").starts_with("HTTP/1.1 400 "));
    CHECK(sockets.accepted == 0);
}

TEST_CASE("a message comes whole, in however many frames, with pings between them") {
    Sockets sockets;
    RawClient client(sockets.port);
    client.upgrade();
    client.say(RawClient::masked(0x01, "one "));
    client.say(RawClient::masked(kPing, "beat"));
    client.say(RawClient::masked(0x00, "two "));
    client.say(RawClient::masked(0x80, "three"));
    auto frame = client.frame();
    CHECK(frame.opcode == 0x0a);
    CHECK(frame.payload == "beat");
    frame = client.frame();
    CHECK(frame.opcode == 0x01);
    CHECK(frame.payload == "one two three");
}

TEST_CASE("whoever breaks the protocol is closed with the code for it") {
    struct Case {
        const char* what;
        std::string bytes;
        int code;
    };
    const std::string unmasked{'\x81', '\x02', 'h', 'i'};
    for (const auto& [what, bytes, code] : {
             Case{"unmasked", unmasked, 1002},
             Case{"a reserved opcode", RawClient::masked(0x83, "x"), 1002},
             Case{"a reserved bit", RawClient::masked(0xc1, "x"), 1002},
             Case{"a ping in parts", RawClient::masked(0x09, "x"), 1002},
             Case{"a rest without a beginning", RawClient::masked(0x80, "x"), 1002},
             Case{"text that is no UTF-8", RawClient::masked(kText, "\xff\xfe"), 1007},
             Case{"too large", RawClient::masked(kBinary, std::string(1001, 'x')), 1009},
             Case{"too large in parts", RawClient::masked(0x02, std::string(600, 'x')) + RawClient::masked(0x80, std::string(600, 'x')), 1009},
         }) {
        CAPTURE(what);
        Sockets sockets({.max_message = 1000, .close_timeout = 1s});
        RawClient client(sockets.port);
        client.upgrade();
        client.say(bytes);
        const auto frame = client.frame();
        CHECK(frame.opcode == 0x08);
        CHECK(frame.code() == code);
        client.say(RawClient::masked(kClose, frame.payload));
        CHECK(client.ended());
        const auto end = sockets.end();
        CHECK(end.code == (code == 1007 ? kCloseProtocol : code));
        CHECK(sockets.waiter.look([&] { return sockets.heard.empty(); }));
    }
}

TEST_CASE("noise does not keep a socket") {
    for (unsigned seed = 1; seed <= 30; ++seed) {
        Sockets sockets({.close_timeout = 200ms});
        RawClient client(sockets.port);
        client.upgrade();
        std::string noise;
        unsigned state = seed;
        for (int i = 0; i < 400; ++i) noise += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
        client.say(noise);
        CAPTURE(seed);
        CHECK(client.ended());
        sockets.end();
    }
}

TEST_CASE("how the peer closed is told") {
    Sockets sockets;
    RawClient client(sockets.port);
    client.upgrade();
    sockets.wait_open();
    client.say(RawClient::masked(kClose, "\x0f\xa5" "bye"));  // 4005
    CHECK(client.frame().code() == 4005);
    const auto end = sockets.end();
    CHECK(end.code == 4005);
    CHECK(end.reason == "bye");
    Sockets other;
    {
        RawClient gone(other.port);
        gone.upgrade();
        other.wait_open();
    }
    CHECK(other.end().code == kCloseBroken);
    Sockets third;
    RawClient terse(third.port);
    terse.upgrade();
    terse.say(RawClient::masked(kClose, ""));
    CHECK(third.end().code == kCloseNoCode);
}

TEST_CASE("pings come on a beat, and who answers none is let go") {
    Sockets sockets({.ping_every = 100ms});
    RawClient client(sockets.port);
    client.upgrade();
    for (int i = 0; i < 5; ++i) {  // longer than silence is allowed
        CHECK(client.frame().opcode == 0x09);
        client.say(RawClient::masked(kPong, ""));
    }
    CHECK(sockets.waiter.look([&] { return sockets.ends.empty(); }));
    CHECK(client.frame().opcode == 0x09);
    CHECK(client.ended());
    const auto end = sockets.end();
    CHECK(end.code == kCloseBroken);
    CHECK(end.reason == "the peer fell silent");
}

TEST_CASE("a peer who does not read is closed, and what waits for it is known") {
    Sockets sockets({.max_waiting = 200'000});
    RawClient client(sockets.port, 4096);
    client.upgrade();
    sockets.wait_open();
    std::size_t most = 0;
    for (int i = 0; i < 2000 && sockets.waiter.look([&] { return sockets.ends.empty(); }); ++i) {
        sockets.loop.on_loop([&] {
            sockets.open[0]->send(std::string(10'000, 'x'), true);
            most = std::max(most, sockets.open[0]->waiting());
        });
    }
    const auto end = sockets.end();
    CHECK(end.code == kClosePolicy);
    CHECK(most > 100'000);
    CHECK(most <= 210'000);
}

TEST_CASE("a peer who reads is sent any number of bytes, however few may wait") {
    constexpr std::size_t kPiece = 60'000;
    Sockets sockets({.max_waiting = kPiece * 3 / 2});
    RawClient client(sockets.port);
    client.upgrade();
    sockets.wait_open();
    for (int i = 0; i < 20; ++i) {
        const auto last = "<" + std::to_string(i) + ">";
        sockets.loop.on_loop([&] { sockets.open[0]->send(std::string(kPiece - last.size(), 'x') + last, true); });
        REQUIRE(client.until(last).ends_with(last));
        const auto waiting = [&] { return sockets.loop.on_loop([&] { return sockets.open[0]->waiting(); }); };
        for (int tries = 0; tries < 10'000 && waiting() > 0; ++tries) std::this_thread::sleep_for(1ms);
        REQUIRE(waiting() == 0);  // it has come; that it was sent is told a moment later
    }
    CHECK(sockets.waiter.look([&] { return sockets.ends.empty(); }));
}

TEST_CASE("a reason that is too long for a close is cut, and between letters") {
    std::string letters = "xx";
    while (letters.size() < 200) letters += "\xc3\xa4";
    for (const auto& [reason, kept] : {std::pair<std::string, std::size_t>{std::string(300, 'x'), 123}, {letters, 122}}) {
        Sockets sockets;
        RawClient client(sockets.port);
        client.upgrade();
        sockets.wait_open();
        sockets.loop.on_loop([&, &text = reason] { sockets.open[0]->close(4001, text); });
        const auto frame = client.frame();
        CHECK(frame.code() == 4001);
        REQUIRE(frame.payload.size() > 2);
        CHECK(frame.payload.substr(2) == reason.substr(0, kept));
    }
}

TEST_CASE("a peer who never agrees to a close is dropped after its time") {
    Sockets sockets({.close_timeout = 100ms});
    RawClient client(sockets.port);
    client.upgrade();
    sockets.wait_open();
    sockets.loop.on_loop([&] { sockets.open[0]->close(1000, "done"); });
    CHECK(client.frame().code() == 1000);
    CHECK(client.ended());
    CHECK(sockets.end().code == 1000);
}

TEST_CASE("a drain closes sockets with 1001 and waits for them, and so does the server's end") {
    for (const bool drains : {true, false}) {
        CAPTURE(drains);
        Sockets sockets;
        RawClient client(sockets.port);
        client.upgrade();
        sockets.wait_open();
        bool drained = false;
        sockets.loop.on_loop([&] {
            if (drains) sockets.server->drain([&] { sockets.waiter.change([&] { drained = true; }); });
            else sockets.server.reset();
        });
        const auto frame = client.frame();
        CHECK(frame.opcode == 0x08);
        CHECK(frame.code() == 1001);
        CHECK_FALSE(sockets.waiter.look([&] { return drained; }));
        client.say(RawClient::masked(kClose, frame.payload));
        CHECK(sockets.end().code == kCloseGoingAway);
        CHECK(client.ended());
        if (drains) CHECK(sockets.waiter.wait([&] { return drained; }));
    }
}

TEST_CASE("a socket is bound by no request's time, and is not closed for other connections") {
    Sockets sockets({}, {.max_connections = 2, .request_timeout = 200ms, .idle_timeout = 200ms});
    RawClient client(sockets.port);
    client.upgrade();
    RawClient idle(sockets.port);
    CHECK(idle.ended());
    std::vector<std::unique_ptr<RawClient>> others;  // each closes the one before it
    for (int i = 0; i < 5; ++i) others.push_back(std::make_unique<RawClient>(sockets.port));
    others.back()->say("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(others.back()->until("plain\n").starts_with("HTTP/1.1 200 "));
    client.say(RawClient::masked(kText, "still here"));
    CHECK(client.frame().payload == "still here");
}

TEST_CASE("who drops a socket is told nothing more") {
    Sockets sockets;
    RawClient client(sockets.port);
    client.upgrade();
    sockets.wait_open();
    sockets.loop.on_loop([&] { sockets.open[0].reset(); });
    CHECK(client.ended());
    sockets.loop.on_loop([] {});
    CHECK(sockets.ends.empty());
}

}  // namespace voicectl::net
