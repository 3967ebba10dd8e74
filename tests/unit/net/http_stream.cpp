#include <doctest/doctest.h>

#include <future>

#include "small_server.h"
#include "support/live_loop.h"
#include "voicectl/net/http.h"

using namespace voicectl;
using namespace std::chrono_literals;
using net::HttpClient;
using net::HttpRequest;
using test::SmallServer;
using test::tcp;

namespace {

struct Heard {
    test::Waiter waiter;
    int status = 0;
    std::string body;
    int done = 0;
    Result<void> result;
    bool off_loop = false;
};

net::HttpStreamHandlers handlers_into(Heard& heard, Loop& loop) {
    const auto note = [&](auto change) {
        heard.waiter.change([&] {
            heard.off_loop = heard.off_loop || !loop.is_current();
            change();
        });
    };
    return {[&heard, note](const net::HttpResponse& head) { note([&] { heard.status = head.status; }); },
            [&heard, note](std::string_view chunk) { note([&] { heard.body += chunk; }); },
            [&heard, note](Result<void> result) {
                note([&] {
                    ++heard.done;
                    heard.result = result;
                });
            }};
}

HttpRequest request_of(const std::string& url) {
    HttpRequest request;
    request.url = url;
    return request;
}

}  // namespace

TEST_CASE("a stream gives head, pieces as they come, and the end, all on its loop") {
    std::promise<void> first_seen;
    SmallServer server([&](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
        first_seen.get_future().wait();  // the client has it before the rest is sent
        SmallServer::write(socket, "two");
    });
    test::LiveLoop loop;
    Heard heard;
    HttpClient client;
    auto stream = loop.on_loop([&] { return client.stream(request_of(server.url()), loop.get(), handlers_into(heard, loop.get())); });
    CHECK(heard.waiter.wait([&] { return heard.status == 200 && heard.body == "one"; }));
    first_seen.set_value();
    CHECK(heard.waiter.wait([&] { return heard.done == 1; }));
    CHECK(heard.result);
    CHECK(heard.body == "onetwo");
    CHECK_FALSE(heard.off_loop);
    loop.on_loop([&] { stream.reset(); });
}

TEST_CASE("dropping a stream hangs up and calls nothing afterwards") {
    std::promise<void> hung_up;
    SmallServer server([&](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\none");
        SmallServer::wait_for_end(socket);
        hung_up.set_value();
    });
    test::LiveLoop loop;
    Heard heard;
    HttpClient client;
    auto stream = loop.on_loop([&] { return client.stream(request_of(server.url()), loop.get(), handlers_into(heard, loop.get())); });
    CHECK(heard.waiter.wait([&] { return heard.body == "one"; }));
    loop.on_loop([&] { stream.reset(); });
    CHECK(hung_up.get_future().wait_for(10s) == std::future_status::ready);
    loop.on_loop([] {});
    CHECK(heard.done == 0);
}

TEST_CASE("a stream may be dropped by its own handler, and its loop may end right after") {
    SmallServer server([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n");
        while (true) SmallServer::write(socket, std::string(1000, 'x'));
    });
    HttpClient client;
    for (int round = 0; round < 20; ++round) {
        test::Waiter waiter;
        bool dropped = false;
        std::unique_ptr<net::HttpStream> stream;
        test::LiveLoop loop;
        loop.on_loop([&] {
            stream = client.stream(request_of(server.url()), loop.get(), {{}, [&](std::string_view) {
                stream.reset();
                waiter.change([&] { dropped = true; });
            }, {}});
        });
        CHECK(waiter.wait([&] { return dropped; }));
    }
}

TEST_CASE("a stream that cannot begin says so once, on the loop") {
    test::LiveLoop loop;
    HttpClient client;
    for (const char* url : {"http://127.0.0.1:1", "nonsense"}) {
        CAPTURE(url);
        Heard heard;
        auto stream = loop.on_loop([&] { return client.stream(request_of(url), loop.get(), handlers_into(heard, loop.get())); });
        CHECK(heard.waiter.wait([&] { return heard.done == 1; }));
        CHECK_FALSE(heard.result);
        CHECK_FALSE(heard.off_loop);
        loop.on_loop([&] { stream.reset(); });
    }
}

TEST_CASE("a silent stream ends by its idle time even without a total one") {
    SmallServer server([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\n\r\nhello");
        SmallServer::wait_for_end(socket);
    });
    test::LiveLoop loop;
    Heard heard;
    HttpClient client;
    auto request = request_of(server.url());
    request.total_timeout = 0ms;
    request.idle_timeout = 80ms;
    auto stream = loop.on_loop([&] { return client.stream(request, loop.get(), handlers_into(heard, loop.get())); });
    CHECK(heard.waiter.wait([&] { return heard.done == 1; }));
    CHECK(heard.body == "hello");
    REQUIRE_FALSE(heard.result);
    CHECK(heard.result.error().code == Errc::Timeout);
    loop.on_loop([&] { stream.reset(); });
}

TEST_CASE("the end of the client ends its streams with Cancelled") {
    SmallServer server([](tcp::socket& socket) { SmallServer::wait_for_end(socket); });
    test::LiveLoop loop;
    Heard heard;
    auto client = std::make_unique<HttpClient>();
    auto stream = loop.on_loop([&] { return client->stream(request_of(server.url()), loop.get(), handlers_into(heard, loop.get())); });
    client.reset();
    CHECK(heard.waiter.wait([&] { return heard.done == 1; }));
    REQUIRE_FALSE(heard.result);
    CHECK(heard.result.error().code == Errc::Cancelled);
    loop.on_loop([&] { stream.reset(); });
}
