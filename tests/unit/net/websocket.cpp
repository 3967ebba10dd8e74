#include "voicectl/net/websocket.h"

#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <doctest/doctest.h>

#include <future>

#include "self_signed.h"
#include "small_server.h"
#include "support/live_loop.h"

using namespace voicectl;
using namespace std::chrono_literals;
namespace beast = boost::beast;
using test::SmallServer;
using test::tcp;

namespace {

using ServerSocket = beast::websocket::stream<tcp::socket&>;

void echo(ServerSocket& ws) {
    while (true) {
        beast::flat_buffer buffer;
        ws.read(buffer);
        ws.text(ws.got_text());
        ws.write(buffer.data());
    }
}

/// A client on a loop of its own, and all that it heard.
struct Client {
    test::LiveLoop loop;
    test::Waiter waiter;
    int opened = 0, closed = 0;
    std::vector<std::pair<std::string, bool>> messages;
    Error why;
    std::unique_ptr<net::WebSocket> socket;

    explicit Client(net::WebSocketOptions options) {
        loop.on_loop([&] {
            socket = net::WebSocket::open(loop.get(), std::move(options),
                                          {[this] { waiter.change([&] { ++opened; }); },
                                           [this](std::string message, bool binary) {
                                               waiter.change([&] { messages.emplace_back(std::move(message), binary); });
                                           },
                                           [this](Error error) {
                                               waiter.change([&] {
                                                   ++closed;
                                                   why = std::move(error);
                                               });
                                           }});
        });
    }
    ~Client() {
        loop.on_loop([this] { socket.reset(); });
    }
    bool ended() {
        return waiter.wait([this] { return closed == 1; });
    }
    void send(const std::string& text, bool binary) {
        loop.on_loop([&] { socket->send(text, binary); });
    }
};

net::WebSocketOptions to(const SmallServer& server, const std::string& scheme = "ws") {
    net::WebSocketOptions options;
    options.url = server.url(scheme) + "/agent?protocol=1";
    return options;
}

bool has_part(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("messages go both ways in order, text and binary, also those sent before it was open") {
    SmallServer server([](tcp::socket& socket) {
        ServerSocket ws(socket);
        ws.accept();
        echo(ws);
    });
    Client client(to(server));
    client.send("first", false);
    client.send(std::string("\0\x01\x02", 3), true);
    client.send(std::string(200'000, 'x'), true);
    CHECK(client.waiter.wait([&] { return client.messages.size() == 3; }));
    CHECK(client.opened == 1);
    CHECK(client.messages[0] == std::pair<std::string, bool>{"first", false});
    CHECK(client.messages[1] == std::pair<std::string, bool>{std::string("\0\x01\x02", 3), true});
    CHECK(client.messages[2].first.size() == 200'000);
    CHECK(client.closed == 0);
}

TEST_CASE("the upgrade carries path, host and headers") {
    std::promise<std::string> seen;
    SmallServer server([&](tcp::socket& socket) { seen.set_value(SmallServer::read_head(socket)); });
    auto options = to(server);
    options.headers = {{"Authorization", "Bearer abc"}};
    Client client(options);
    CHECK(client.ended());
    const auto head = seen.get_future().get();
    CHECK(head.starts_with("GET /agent?protocol=1 HTTP/1.1\r\n"));
    CHECK(has_part(head, "Host: " + server.authority() + "\r\n"));
    CHECK(has_part(head, "Authorization: Bearer abc\r\n"));
    CHECK(client.why.code == Errc::Unreachable);
}

TEST_CASE("a refused upgrade tells status and text without the token in it") {
    const std::string token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlc2lnbmF0dXJl";
    const std::vector<std::pair<std::string, Errc>> cases{{"401 Unauthorized", Errc::Auth},
                                                          {"403 Forbidden", Errc::Auth},
                                                          {"404 Not Found", Errc::NotFound},
                                                          {"503 Service Unavailable", Errc::Unreachable},
                                                          {"200 OK", Errc::Protocol}};
    for (const auto& [status, code] : cases) {
        CAPTURE(status);
        SmallServer server([&](tcp::socket& socket) {
            SmallServer::read_head(socket);
            SmallServer::answer(socket, "invalid token: " + token + ", error: bad\x1b[31m signature", status);
        });
        Client client(to(server));
        REQUIRE(client.ended());
        CHECK(client.why.code == code);
        CHECK(has_part(client.why.message, "status " + status.substr(0, 3) + ": invalid token: ***"));
        CHECK_FALSE(has_part(client.why.message, "eyJ"));
        CHECK_FALSE(has_part(client.why.message, "\x1b"));
        CHECK(client.opened == 0);
    }
}

TEST_CASE("nobody there, a mute server and a garbling one are told apart") {
    {
        const auto gone = to(SmallServer([](tcp::socket&) {}));
        Client client(gone);
        REQUIRE(client.ended());
        CHECK(client.why.code == Errc::Unreachable);
        CHECK(has_part(client.why.message, "connection refused by 127.0.0.1:"));
    }
    {
        SmallServer mute([](tcp::socket& socket) { SmallServer::wait_for_end(socket); });
        auto options = to(mute);
        options.connect_timeout = 100ms;
        Client client(options);
        REQUIRE(client.ended());
        CHECK(client.why.code == Errc::Timeout);
        CHECK(has_part(client.why.message, "no WebSocket answer from " + mute.authority() + " within 100 ms"));
    }
    {
        SmallServer garbling([](tcp::socket& socket) {
            SmallServer::read_head(socket);
            SmallServer::write(socket, "\x16\x03\x01 what?\r\n\r\n");
        });
        Client client(to(garbling));
        REQUIRE(client.ended());
        CHECK(client.why.code == Errc::Protocol);
    }
    {
        net::WebSocketOptions options;
        options.url = "ws://nowhere.invalid:7880";
        Client client(options);
        REQUIRE(client.ended());
        CHECK(client.why.message == "cannot resolve host nowhere.invalid");
    }
    {
        net::WebSocketOptions options;
        options.url = "http://127.0.0.1:1";
        Client client(options);
        REQUIRE(client.ended());
        CHECK(client.why.code == Errc::Usage);
    }
}

TEST_CASE("a close by the server tells its code and reason; a break of the line does not look like one") {
    {
        SmallServer polite([](tcp::socket& socket) {
            ServerSocket ws(socket);
            ws.accept();
            ws.close({beast::websocket::close_code::going_away, "maintenance"});
        });
        Client client(to(polite));
        REQUIRE(client.ended());
        CHECK(client.why.code == Errc::Unreachable);
        CHECK(has_part(client.why.message, "code 1001: maintenance"));
    }
    {
        SmallServer rude([](tcp::socket& socket) {
            ServerSocket ws(socket);
            ws.accept();
        });
        Client client(to(rude));
        REQUIRE(client.ended());
        CHECK(client.opened == 1);
        CHECK(has_part(client.why.message, "broke"));
    }
}

TEST_CASE("a message larger than allowed ends the connection") {
    SmallServer server([](tcp::socket& socket) {
        ServerSocket ws(socket);
        ws.accept();
        ws.write(test::asio::buffer(std::string(1001, 'x')));
        SmallServer::wait_for_end(socket);
    });
    auto options = to(server);
    options.max_message = 1000;
    Client client(options);
    REQUIRE(client.ended());
    CHECK(client.why.code == Errc::Protocol);
    CHECK(has_part(client.why.message, "larger than 1000 bytes"));
    CHECK(client.messages.empty());
}

TEST_CASE("silence ends the connection; a peer that answers pings keeps it") {
    {
        SmallServer silent([](tcp::socket& socket) {
            ServerSocket ws(socket);
            ws.accept();
            SmallServer::wait_for_end(socket);  // reads the pings and answers none
        });
        auto options = to(silent);
        options.idle_timeout = 300ms;
        Client client(options);
        REQUIRE(client.ended());
        CHECK(client.opened == 1);
        CHECK(client.why.code == Errc::Timeout);
    }
    {
        std::promise<void> pinged;
        SmallServer alive([&](tcp::socket& socket) {
            ServerSocket ws(socket);
            ws.accept();
            int pings = 0;
            ws.control_callback([&](beast::websocket::frame_type kind, beast::string_view) {
                if (kind == beast::websocket::frame_type::ping && ++pings == 4) pinged.set_value();
            });
            echo(ws);  // a read answers pings
        });
        auto options = to(alive);
        options.idle_timeout = 200ms;
        Client client(options);
        CHECK(pinged.get_future().wait_for(10s) == std::future_status::ready);  // 400 ms of silence but for pings
        CHECK(client.closed == 0);
    }
}

TEST_CASE("close says goodbye after what was sent, and on_close comes once") {
    std::promise<std::string> got;
    std::promise<beast::websocket::close_reason> reason;
    SmallServer server([&](tcp::socket& socket) {
        ServerSocket ws(socket);
        ws.accept();
        beast::flat_buffer buffer;
        ws.read(buffer);
        got.set_value(beast::buffers_to_string(buffer.data()));
        beast::error_code ended;
        ws.read(buffer, ended);
        reason.set_value(ws.reason());
    });
    Client client(to(server));
    REQUIRE(client.waiter.wait([&] { return client.opened == 1; }));
    client.loop.on_loop([&] {
        client.socket->send("last words", false);
        client.socket->close();
        client.socket->close();
    });
    REQUIRE(client.ended());
    CHECK(client.why.code == Errc::Cancelled);
    CHECK(got.get_future().get() == "last words");
    CHECK(reason.get_future().get().code == beast::websocket::close_code::normal);
    client.loop.on_loop([] {});
    CHECK(client.closed == 1);
}

TEST_CASE("a socket dropped at any moment, also by its own handler, calls nothing afterwards") {
    SmallServer server([](tcp::socket& socket) {
        ServerSocket ws(socket);
        ws.accept();
        ws.write(test::asio::buffer(std::string("hello")));
        SmallServer::wait_for_end(socket);
    });
    for (int round = 0; round < 3; ++round) {
        test::LiveLoop loop;
        test::Waiter waiter;
        bool dropped = false;
        int late = 0;
        std::unique_ptr<net::WebSocket> socket;
        const auto drop = [&](int when) {
            late += dropped;
            if (round != when) return;
            socket.reset();
            waiter.change([&] { dropped = true; });
        };
        loop.on_loop([&] {
            socket = net::WebSocket::open(loop.get(), to(server), {[&] { drop(1); }, [&](std::string, bool) { drop(2); }, [&](Error) { ++late; }});
            drop(0);
        });
        CHECK(waiter.wait([&] { return dropped; }));
        loop.on_loop([] {});
        CHECK(late == 0);
    }
}

TEST_CASE("wss refuses a certificate that nobody vouches for, or for another name, and takes a known one") {
    const auto identity = test::SelfSigned::create();
    SmallServer server([&](tcp::socket& plain) {
        auto context = identity.server();
        beast::websocket::stream<beast::ssl_stream<tcp::socket&>> ws(plain, context);
        ws.next_layer().handshake(boost::asio::ssl::stream_base::server);
        ws.accept();
        ws.write(test::asio::buffer(std::string("safe")));
        beast::flat_buffer buffer;
        ws.read(buffer);
    });
    {
        Client client(to(server, "wss"));
        REQUIRE(client.ended());
        CHECK(client.why.code == Errc::Unreachable);
        CHECK(has_part(client.why.message, "self-signed certificate"));
    }
    const test::TrustedFor trusted(identity.certificate);
    {
        auto options = to(server, "wss");
        options.url = "wss://localhost:" + std::to_string(server.port());
        Client client(options);
        REQUIRE(client.ended());
        CHECK(client.why.code == Errc::Unreachable);
        CHECK(has_part(client.why.message, "hostname mismatch"));
    }
    Client client(to(server, "wss"));
    CHECK(client.waiter.wait([&] { return client.messages.size() == 1; }));
    CHECK(client.opened == 1);
}
