#include "voicectl/net/http_server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "support/live_loop.h"

namespace voicectl::net {
namespace {

using namespace std::chrono_literals;

/// A socket to the server; everything that it says until it closes, or for a second.
class Client {
 public:
    explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(port));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0);
        const timeval limit{2, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    }
    ~Client() { close(socket_); }
    void hang_up() const { shutdown(socket_, SHUT_RDWR); }
    /// False when the other side would not take all of it.
    bool say(const std::string& text) const { return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()); }
    /// Until `needle` came, the other side closed (closed() is true), or 2 s of silence.
    std::string hear(const std::string& needle = "\x01never\x01") {
        while (heard_.find(needle) == std::string::npos) {
            char piece[4096];
            const auto size = recv(socket_, piece, sizeof(piece), 0);
            if (size <= 0) {
                closed_ = size == 0;
                break;
            }
            heard_.append(piece, static_cast<std::size_t>(size));
        }
        return std::exchange(heard_, {});
    }
    bool closed() const { return closed_; }

 private:
    int socket_;
    std::string heard_;
    bool closed_ = false;
};

struct Served {
    explicit Served(HttpServerOptions options = {}, HttpServer::Handler handler = {}) {
        if (!handler) {
            handler = [this](const ServedRequest& request, const HttpServer::Respond& respond) {
                seen.push_back(request);
                respond({200, "you said " + request.body + "\n"});
            };
        }
        loop.on_loop([&] {
            auto made = HttpServer::listen(loop.get(), options, handler);
            REQUIRE(made);
            server = std::move(*made);
            port = server->port();
        });
    }
    ~Served() {
        loop.on_loop([&] { server.reset(); });
    }
    test::LiveLoop loop;
    std::unique_ptr<HttpServer> server;
    std::vector<ServedRequest> seen;
    int port = 0;
};

}  // namespace

TEST_CASE("a request arrives in parts and whole, and is answered") {
    Served served;
    Client client(served.port);
    client.say("POST /hook/x?a=1&b=%20 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\nContent-Length: 5\r\n\r\n");
    client.say("hello");
    const auto answer = client.hear("hello\n");
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.find("Content-Length: 15\r\n") != std::string::npos);
    CHECK(answer.find("Cache-Control: no-store\r\n") != std::string::npos);
    REQUIRE(served.seen.size() == 1);
    CHECK(served.seen[0].method == "POST");
    CHECK(served.seen[0].path == "/hook/x");
    CHECK(served.seen[0].query == "a=1&b=%20");
    CHECK(served.seen[0].header("authorization") == "Bearer t");
    CHECK(served.seen[0].header("absent").empty());
    CHECK(served.seen[0].peer.starts_with("127.0.0.1:"));
}

TEST_CASE("a connection is used again, and closed when the client wants it") {
    Served served;
    Client client(served.port);
    client.say("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(client.hear("you said \n").starts_with("HTTP/1.1 200"));
    client.say("GET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(client.hear().find("you said \n") != std::string::npos);
    CHECK(client.closed());
    CHECK(served.seen.size() == 2);
}

TEST_CASE("HEAD gets the length and no body") {
    Served served;
    Client client(served.port);
    client.say("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const auto answer = client.hear();
    CHECK(answer.find("Content-Length: 10\r\n") != std::string::npos);
    CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("what is too large or no HTTP is refused, and nobody is asked") {
    Served served({.max_body = 100});
    struct Case {
        std::string sent, status;
    };
    for (const auto& [sent, status] : {Case{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", "413"},
                                       Case{"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20000, 'x') + "\r\n\r\n", "431"},
                                       Case{"nonsense\r\n\r\n", "400"}, Case{"\x16\x03\x01\x02", "400"}}) {
        CAPTURE(status);
        Client client(served.port);
        client.say(sent);
        CHECK(client.hear().find(status) == std::string("HTTP/1.1 ").size());
        CHECK(client.closed());
    }
    CHECK(served.seen.empty());
}

TEST_CASE("what two servers could read in two ways is refused, and what hides behind it is never asked") {
    const std::string hidden = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string length = std::to_string(hidden.size());
    const std::vector<std::pair<std::string, std::string>> doubtful{
        {"CL.TE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden},
        {"TE.CL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: " + length + "\r\n\r\n0\r\n\r\n" + hidden},
        {"TE.TE", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden},
        {"TE not chunked at its end", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + hidden},
        {"TE of another spelling", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden},
        {"TE with a blank before the colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden},
        {"TE with a vertical tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n" + hidden},
        {"TE of HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden},
        {"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: " + length + "\r\n\r\n" + hidden},
        {"the same length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n" + hidden},
        {"a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n" + hidden},
        {"a list of two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, " + length + "\r\n\r\n" + hidden},
        {"a length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n" + hidden},
        {"a negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n" + hidden},
        {"a length in hexadecimal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n" + hidden},
        {"a length past 64 bits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n" + hidden},
        {"a chunk's size with a sign", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + hidden},
        {"a chunk's size past 64 bits", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n" + hidden},
        {"a trailer", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n" + hidden},
        {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + hidden},
        {"no host", "GET / HTTP/1.1\r\n\r\n" + hidden},
        {"a whole URL", "GET http://b/admin HTTP/1.1\r\nHost: a\r\n\r\n" + hidden},
        {"lines that end in LF alone", "GET / HTTP/1.1\nHost: a\n\n" + hidden},
        {"a NUL in a header", std::string("GET / HTTP/1.1\r\nHost: a\r\nX: ") + '\0' + "\r\n\r\n" + hidden},
        {"a carriage return in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n" + hidden},
        {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden},
        {"HTTP/1.7", "GET / HTTP/1.7\r\nHost: a\r\n\r\n" + hidden},
        {"HTTP/0.9", "GET /\r\n" + hidden},
    };
    for (const auto& [name, sent] : doubtful) {
        CAPTURE(name);
        Served served;
        Client client(served.port);
        client.say(sent);
        const auto heard = client.hear();
        CHECK(client.closed());
        CHECK_MESSAGE((heard.starts_with("HTTP/1.1 400") || heard.starts_with("HTTP/1.1 413") || heard.empty()), heard);
        CHECK(served.seen.empty());
    }
}

TEST_CASE("bodies together have a bound, each path has its own, and a client may ask first") {
    HttpServerOptions options;
    options.max_body = 1000;
    options.max_bodies = 1500;
    options.body_limit = [](const ServedRequest& head) { return head.path == "/small" ? 10U : 5000U; };
    Served served(options);
    const auto post = [](const char* path, int size, const char* more = "") {
        return fmt::format("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n{}\r\n", path, size, more);
    };
    Client small(served.port), first(served.port), second(served.port), asking(served.port), chunked(served.port);
    small.say(post("/small", 11));
    CHECK(small.hear().starts_with("HTTP/1.1 413"));
    chunked.say("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n");
    CHECK(chunked.hear().starts_with("HTTP/1.1 413"));
    first.say(post("/", 1000, "Expect: 100-continue\r\n"));
    CHECK(first.hear("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    second.say(post("/", 1000));
    const auto refused = second.hear();
    CHECK(refused.starts_with("HTTP/1.1 503"));
    CHECK(refused.find("Retry-After:") != std::string::npos);
    first.say(std::string(1000, 'a'));
    CHECK(first.hear("aaa\n").find("you said aaa") != std::string::npos);
    asking.say(post("/", 1000) + std::string(1000, 'b'));
    CHECK(asking.hear("bbb\n").find("you said bbb") != std::string::npos);
}

TEST_CASE("a client that takes its time is let go") {
    Served served({.request_timeout = 200ms});
    Client client(served.port);
    client.say("GET / HTTP/1.1\r\nHo");
    CHECK(client.hear().empty());
    CHECK(client.closed());
}

TEST_CASE("an idle connection is closed after its time") {
    Served served({.request_timeout = 5s, .idle_timeout = 200ms});
    Client client(served.port);
    client.say("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(client.hear("you said \n").starts_with("HTTP/1.1 200"));
    CHECK(client.hear().empty());
    CHECK(client.closed());
}

TEST_CASE("of more connections than agreed the one that kept us waiting longest is closed") {
    Served served({.max_connections = 2});
    Client one(served.port), two(served.port);
    one.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(one.hear("you said \n").starts_with("HTTP/1.1 200"));
    two.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(two.hear("you said \n").starts_with("HTTP/1.1 200"));
    Client three(served.port);
    three.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(three.hear("you said \n").starts_with("HTTP/1.1 200"));
    CHECK(one.hear().empty());
    CHECK(one.closed());
    two.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(two.hear("you said \n").starts_with("HTTP/1.1 200"));
}

TEST_CASE("while every connection is being answered, more are closed at once") {
    test::Waiter waiter;
    std::vector<HttpServer::Respond> later;
    Served served({.max_connections = 1}, [&](const ServedRequest&, HttpServer::Respond respond) { waiter.change([&] { later.push_back(std::move(respond)); }); });
    Client one(served.port);
    one.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(waiter.wait([&] { return later.size() == 1; }));
    Client two(served.port);
    CHECK(two.hear().empty());
    CHECK(two.closed());
    served.loop.on_loop([&] { return later[0]({200, "late\n"}), 0; });
    CHECK(one.hear("late\n").starts_with("HTTP/1.1 200"));
}

TEST_CASE("a server that drains answers what was asked and takes no more") {
    test::Waiter waiter;
    std::vector<HttpServer::Respond> later;
    bool drained = false;
    Served served({}, [&](const ServedRequest&, HttpServer::Respond respond) { waiter.change([&] { later.push_back(std::move(respond)); }); });
    Client idle(served.port), asks(served.port);
    asks.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(waiter.wait([&] { return later.size() == 1; }));
    served.loop.on_loop([&] { return served.server->drain([&] { waiter.change([&] { drained = true; }); }), 0; });
    CHECK(idle.hear().empty());
    CHECK(idle.closed());
    CHECK_FALSE(waiter.wait([&] { return drained; }, std::chrono::milliseconds(50)));
    served.loop.on_loop([&] { return later[0]({200, "last\n"}), 0; });
    const auto answer = asks.hear("last\n");
    CHECK(answer.starts_with("HTTP/1.1 200"));
    CHECK(answer.find("Connection: close") != std::string::npos);
    asks.hang_up();
    CHECK(waiter.wait([&] { return drained; }));
}

TEST_CASE("whoever is still sending too much reads why") {
    Served served({.max_body = 1000});
    Client client(served.port);
    client.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n");
    CHECK(client.say(std::string(3'000'000, 'x')));
    CHECK(client.hear("too large\n").starts_with("HTTP/1.1 413"));
}

TEST_CASE("an answer may come later, once, and after the server is gone nothing happens") {
    HttpServer::Respond later;
    test::Waiter waiter;
    Served served({}, [&](const ServedRequest&, HttpServer::Respond respond) { waiter.change([&] { later = std::move(respond); }); });
    Client client(served.port);
    client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(waiter.wait([&] { return later != nullptr; }, 5s));
    served.loop.on_loop([&] {
        later({201, "late\n"});
        later({500, "twice\n"});
    });
    const auto answer = client.hear("late\n");
    CHECK(answer.starts_with("HTTP/1.1 201"));
    CHECK(answer.find("twice") == std::string::npos);

    later = nullptr;
    client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(waiter.wait([&] { return later != nullptr; }, 5s));
    served.loop.on_loop([&] {
        served.server.reset();
        later({200, "too late\n"});
        later = nullptr;
    });
    CHECK(client.hear().empty());
    CHECK(client.closed());
}

TEST_CASE("a port that is taken and a host that is none are told") {
    Served served;
    served.loop.on_loop([&] {
        const auto again = HttpServer::listen(served.loop.get(), {.port = served.port}, {});
        REQUIRE_FALSE(again);
        CHECK(again.error().code == Errc::Conflict);
        CHECK(again.error().message.find(std::to_string(served.port)) != std::string::npos);
        const auto nowhere = HttpServer::listen(served.loop.get(), {.host = "not-an-address"}, {});
        REQUIRE_FALSE(nowhere);
        CHECK(nowhere.error().code == Errc::Usage);
    });
}

}  // namespace voicectl::net
