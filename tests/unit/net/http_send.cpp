#include <boost/asio/ssl/stream.hpp>
#include <doctest/doctest.h>

#include <cstdlib>

#include "self_signed.h"
#include "small_server.h"
#include "voicectl/net/http.h"

using namespace voicectl;
using namespace std::chrono_literals;
using net::HttpClient;
using net::HttpRequest;
using test::SmallServer;
using test::tcp;

namespace {

HttpRequest get(const std::string& url) {
    HttpRequest request;
    request.url = url;
    return request;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// The port of a server that is no more.
int dead_port() { return SmallServer([](tcp::socket&) {}).port(); }

}  // namespace

TEST_CASE("an answer comes with status, lower-case headers and body, whatever the status") {
    SmallServer server([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 418 Teapot\r\nX-Kind:  short \r\nContent-Length: 5\r\n\r\nstout");
    });
    HttpClient client;
    const auto response = client.send(get(server.url()));
    REQUIRE(response);
    CHECK(response->status == 418);
    CHECK(response->header("x-kind") == "short");
    CHECK(response->header("absent").empty());
    CHECK(response->body == "stout");
}

TEST_CASE("a body goes out as it is, with the headers given and none invented") {
    std::string seen;
    SmallServer server([&](tcp::socket& socket) {
        seen = SmallServer::read_head(socket);
        while (!seen.ends_with("p\xC3\xBC" + std::string("\0q", 2))) {
            char more[64];
            seen.append(more, socket.read_some(test::asio::buffer(more)));
        }
        SmallServer::answer(socket, "");
    });
    HttpRequest request = get(server.url() + "/x?y=z");
    request.method = "POST";
    request.body = "p\xC3\xBC" + std::string("\0q", 2);
    request.headers = {{"Authorization", "Bearer abc"}, {"X-Empty", ""}};
    HttpClient client;
    REQUIRE(client.send(request));
    CHECK(seen.starts_with("POST /x?y=z HTTP/1.1\r\n"));
    CHECK(has(seen, "Authorization: Bearer abc\r\n"));
    CHECK(has(seen, "X-Empty:\r\n"));
    CHECK(has(seen, "Content-Length: 5\r\n"));
    CHECK_FALSE(has(seen, "Content-Type"));
    CHECK_FALSE(has(seen, "Expect"));
}

TEST_CASE("DELETE and HEAD keep their names") {
    std::string seen;
    SmallServer server([&](tcp::socket& socket) {
        for (int i = 0; i < 2; ++i) {
            seen += SmallServer::read_head(socket);
            SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    HttpClient client;
    for (const char* method : {"DELETE", "HEAD"}) {
        auto request = get(server.url());
        request.method = method;
        CHECK(client.send(request));
    }
    CHECK(has(seen, "DELETE / HTTP/1.1"));
    CHECK(has(seen, "HEAD / HTTP/1.1"));
}

TEST_CASE("a connection is used again for the next request") {
    SmallServer server([](tcp::socket& socket) {
        while (true) {
            SmallServer::read_head(socket);
            SmallServer::answer(socket, "ok");
        }
    });
    HttpClient client;
    for (int i = 0; i < 3; ++i) REQUIRE(client.send(get(server.url())));
    CHECK(server.accepted() == 1);
}

TEST_CASE("a kept connection that the server has closed meanwhile is replaced without a word") {
    SmallServer server([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::answer(socket, "ok");
    });
    HttpClient client;
    for (int i = 0; i < 3; ++i) REQUIRE(client.send(get(server.url())));
    CHECK(server.accepted() == 3);
}

TEST_CASE("nobody listening is Unreachable and names the address") {
    const int port = dead_port();
    HttpClient client;
    const auto response = client.send(get("http://127.0.0.1:" + std::to_string(port)));
    REQUIRE_FALSE(response);
    CHECK(response.error().code == Errc::Unreachable);
    CHECK(response.error().message == "connection refused by 127.0.0.1:" + std::to_string(port));
    CHECK_FALSE(response.error().hint.empty());
}

TEST_CASE("a name that does not exist is Unreachable and is named") {
    HttpClient client;
    const auto response = client.send(get("http://nowhere.invalid:7880"));
    REQUIRE_FALSE(response);
    CHECK(response.error().code == Errc::Unreachable);
    CHECK(response.error().message == "cannot resolve host nowhere.invalid");
}

TEST_CASE("a server that accepts and says nothing is a Timeout, by silence and by total time") {
    SmallServer server([](tcp::socket& socket) { SmallServer::wait_for_end(socket); });
    HttpClient client;
    auto request = get(server.url());
    request.idle_timeout = 50ms;
    const auto silent = client.send(request);
    REQUIRE_FALSE(silent);
    CHECK(silent.error().code == Errc::Timeout);
    CHECK(silent.error().message == server.authority() + " said nothing for 50 ms");

    request.idle_timeout = 30s;
    request.total_timeout = 50ms;
    const auto late = client.send(request);
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Errc::Timeout);
    CHECK(has(late.error().message, "no complete answer from " + server.authority()));
}

TEST_CASE("a server that dribbles is not idle but still meets the total time") {
    std::atomic<bool> over = false;
    SmallServer server([&](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        test::asio::io_context context;
        test::asio::steady_timer pace(context);
        while (!over) {
            SmallServer::write(socket, "x");
            pace.expires_after(10ms);
            pace.wait();
        }
    });
    HttpClient client;
    auto request = get(server.url());
    request.idle_timeout = 200ms;
    request.total_timeout = 500ms;
    const auto response = client.send(request);
    over = true;
    REQUIRE_FALSE(response);
    CHECK(response.error().code == Errc::Timeout);
    CHECK(has(response.error().message, "no complete answer"));
}

TEST_CASE("a connection closed before the answer, and one closed midway, are told apart from an answer") {
    HttpClient client;
    SmallServer mute([](tcp::socket& socket) { SmallServer::read_head(socket); });
    const auto nothing = client.send(get(mute.url()));
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().code == Errc::Unreachable);
    CHECK(has(nothing.error().message, "without an answer"));

    SmallServer half([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    });
    const auto part = client.send(get(half.url()));
    REQUIRE_FALSE(part);
    CHECK(part.error().code == Errc::Protocol);
    CHECK(has(part.error().message, "ended its answer too early"));
}

TEST_CASE("a body that is larger than wanted ends the transfer") {
    SmallServer server([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::answer(socket, std::string(2000, 'x'));
    });
    HttpClient client;
    auto request = get(server.url());
    request.max_body = 1999;
    const auto response = client.send(request);
    REQUIRE_FALSE(response);
    CHECK(response.error().code == Errc::Protocol);
    CHECK(has(response.error().message, "larger than 1999 bytes"));
    request.max_body = 2000;
    CHECK(client.send(request));
}

TEST_CASE("what does not answer in HTTP is Protocol") {
    HttpClient client;
    for (const char* garbage : {"\x16\x03\x01\x02rubbish\r\n\r\n", "HTTP/9.9 xyz\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
        CAPTURE(garbage);
        SmallServer server([garbage](tcp::socket& socket) {
            SmallServer::read_head(socket);
            SmallServer::write(socket, garbage);
        });
        const auto response = client.send(get(server.url()));
        REQUIRE_FALSE(response);
        CHECK(response.error().code == Errc::Protocol);
    }
}

TEST_CASE("interim answers and trailers are not mistaken for the answer's head") {
    SmallServer server([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n");
    });
    HttpClient client;
    const auto response = client.send(get(server.url()));
    REQUIRE(response);
    CHECK(response->status == 200);
    CHECK(response->body == "ok");
    CHECK(response->header("x-early").empty());
}

TEST_CASE("a request that would break the wire is refused before anything is sent") {
    HttpClient client;
    auto request = get("http://127.0.0.1:1");
    request.headers = {{"X-A", "b\r\nX-B: c"}};
    CHECK(client.send(request).error().code == Errc::Usage);
    request.headers = {{"X-A\n", "b"}};
    CHECK(client.send(request).error().code == Errc::Usage);
    request.headers = {};
    request.method = "GET / HTTP/1.1\r\n";
    CHECK(client.send(request).error().code == Errc::Usage);
    CHECK(client.send(get("ws://127.0.0.1:1")).error().code == Errc::Usage);
    CHECK(client.send(get("file:///etc/passwd")).error().code == Errc::Usage);
}

TEST_CASE("a certificate that nobody vouches for is refused, and accepted once SSL_CERT_FILE names it") {
    const auto identity = test::SelfSigned::create();
    SmallServer server([&](tcp::socket& plain) {
        auto context = identity.server();
        boost::asio::ssl::stream<tcp::socket&> tls(plain, context);
        tls.handshake(boost::asio::ssl::stream_base::server);
        std::string request;
        test::asio::read_until(tls, test::asio::dynamic_buffer(request), "\r\n\r\n");
        test::asio::write(tls, test::asio::buffer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")));
    });
    HttpClient client;
    const auto refused = client.send(get(server.url("https")));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Unreachable);
    CHECK(has(refused.error().message, "the TLS certificate of " + server.authority() + " is not trusted"));
    const test::TrustedFor trusted(identity.certificate);
    const auto accepted = client.send(get(server.url("https")));
    REQUIRE(accepted);
    CHECK(accepted->body == "ok");
}

TEST_CASE("TLS to a server without TLS is Unreachable; to a mute one, a Timeout") {
    HttpClient client;
    SmallServer plain([](tcp::socket& socket) { SmallServer::write(socket, "HTTP/1.1 400 Bad Request\r\n\r\n"); });
    const auto wrong = client.send(get(plain.url("https")));
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code == Errc::Unreachable);
    CHECK(has(wrong.error().message, "no TLS connection"));

    SmallServer mute([](tcp::socket& socket) { SmallServer::wait_for_end(socket); });
    auto request = get(mute.url("https"));
    request.connect_timeout = 100ms;
    const auto late = client.send(request);
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Errc::Timeout);
    CHECK(has(late.error().message, "no TLS handshake"));
}

TEST_CASE("a proxy from the environment is used, and named when it is not there") {
    std::string seen;
    SmallServer proxy([&](tcp::socket& socket) {
        seen = SmallServer::read_head(socket);
        SmallServer::answer(socket, "by proxy");
    });
    const int gone = dead_port();
    HttpClient client;
    setenv("http_proxy", proxy.url().c_str(), 1);
    const auto response = client.send(get("http://somewhere.invalid/x"));
    setenv("http_proxy", ("http://127.0.0.1:" + std::to_string(gone)).c_str(), 1);
    const auto refused = client.send(get("http://somewhere.invalid/x"));
    unsetenv("http_proxy");
    REQUIRE(response);
    CHECK(response->body == "by proxy");
    CHECK(seen.starts_with("GET http://somewhere.invalid/x HTTP/1.1"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "connection refused by 127.0.0.1:" + std::to_string(gone));
}

TEST_CASE("the version names libcurl and its TLS library") {
    const auto text = HttpClient::version();
    CHECK(has(text, "."));
    CHECK(has(text, "OpenSSL"));
}

TEST_CASE("a request for S3 is signed over what is sent and nothing else, and holds no secret") {
    std::string seen;
    SmallServer server([&](tcp::socket& socket) {
        seen = SmallServer::read_head(socket);
        SmallServer::answer(socket, "");
    });
    HttpRequest request = get(server.url() + "/bucket/a.txt");
    request.method = "PUT";
    request.body = "hello";
    request.headers = {{"Content-Type", "text/plain"}};
    request.sigv4 = net::SigV4{"eu-central-1", "s3", "AKtest", "a:secret/with+signs"};
    HttpClient client;
    REQUIRE(client.send(request));
    CHECK(seen.starts_with("PUT /bucket/a.txt HTTP/1.1\r\n"));
    CHECK(has(seen, "Authorization: AWS4-HMAC-SHA256 Credential=AKtest/"));
    CHECK(has(seen, "/eu-central-1/s3/aws4_request"));
    CHECK(has(seen, "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date,"));
    CHECK_FALSE(has(seen, "a:secret"));
}
