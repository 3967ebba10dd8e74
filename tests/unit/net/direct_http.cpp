// DirectHttp on real sockets. Where HttpClient promises the same, both are asked: whoever takes one for the other must not notice.
#include "voicectl/net/direct_http.h"

#include <boost/asio/ssl/stream.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <latch>

#include "self_signed.h"
#include "small_server.h"
#include "support/live_loop.h"

using namespace voicectl;
using namespace std::chrono_literals;
using net::HttpRequest;
using test::SmallServer;
using test::tcp;

namespace {

enum class By { Direct, Curl };
constexpr std::array kBoth{By::Direct, By::Curl};

struct Reply {
    net::HttpResponse head;
    std::string body;
    int heads = 0, ends = 0;
    bool off_loop = false, within = false;  // within stream() itself
    Result<void> result;
};

/// A client on a loop of its own.
class Asker {
 public:
    explicit Asker(By by) : by_(by) {
        loop_.on_loop([this] { direct_ = std::make_unique<net::DirectHttp>(loop_.get(), curl_); });
    }
    ~Asker() {
        loop_.on_loop([this] {
            streams_.clear();
            direct_.reset();
        });
    }

    /// Waits for its end.
    Reply ask(HttpRequest request) { return std::move(ask_together({std::move(request)}).front()); }

    /// All on their way at once.
    std::vector<Reply> ask_together(std::vector<HttpRequest> requests) {
        std::vector<Reply> replies(requests.size());
        std::size_t ended = 0;
        loop_.on_loop([&] {
            streams_.clear();
            for (std::size_t i = 0; i < requests.size(); ++i) {
                streams_.push_back(begin(std::move(requests[i]), handlers_into(replies[i], ended)));
                replies[i].within = replies[i].heads + replies[i].ends != 0;
            }
        });
        const bool all = waiter_.wait([&] { return ended == replies.size(); }, 40s);
        REQUIRE(all);
        return replies;
    }

    std::unique_ptr<net::HttpStream> begin(HttpRequest request, net::HttpStreamHandlers handlers) {
        if (by_ == By::Direct) return direct_->stream(std::move(request), std::move(handlers));
        return curl_.stream(std::move(request), loop_.get(), std::move(handlers));
    }
    test::LiveLoop& loop() { return loop_; }

 private:
    net::HttpStreamHandlers handlers_into(Reply& reply, std::size_t& ended) {
        const auto note = [this, &reply](auto change) {
            waiter_.change([&] {
                reply.off_loop = reply.off_loop || !loop_.get().is_current();
                change();
            });
        };
        return {[&reply, note](const net::HttpResponse& head) {
                    note([&] {
                        ++reply.heads;
                        reply.head = head;
                    });
                },
                [&reply, note](std::string_view chunk) { note([&] { reply.body += chunk; }); },
                [&reply, &ended, note](const Result<void>& result) {
                    note([&] {
                        ++reply.ends;
                        reply.result = result;
                        ++ended;
                    });
                }};
    }

    By by_;
    net::HttpClient curl_;
    test::LiveLoop loop_;
    test::Waiter waiter_;
    std::unique_ptr<net::DirectHttp> direct_;
    std::vector<std::unique_ptr<net::HttpStream>> streams_;
};

HttpRequest post(const std::string& url, std::string body = "{}") {
    HttpRequest out;
    out.method = "POST";
    out.url = url;
    out.headers = {{"Content-Type", "application/webhook+json"}, {"Authorization", "abc"}};
    out.body = std::move(body);
    return out;
}

/// The next request of this connection: its head, then as much body as it says. Throws at the end of the connection.
struct Incoming {
    std::string head, body;
};
class Requests {
 public:
    explicit Requests(tcp::socket& socket) : socket_(socket) {}
    Incoming next() {
        const auto end = test::asio::read_until(socket_, test::asio::dynamic_buffer(text_), "\r\n\r\n");
        Incoming out{text_.substr(0, end), {}};
        text_.erase(0, end);
        constexpr std::string_view kLength = "Content-Length: ";
        const auto at = out.head.find(kLength);
        const auto size = at == std::string::npos ? 0 : std::stoul(out.head.substr(at + kLength.size()));
        if (text_.size() < size) test::asio::read(socket_, test::asio::dynamic_buffer(text_), test::asio::transfer_exactly(size - text_.size()));
        out.body = text_.substr(0, size);
        text_.erase(0, size);
        return out;
    }

 private:
    tcp::socket& socket_;
    std::string text_;
};

/// Answers every request of every connection with `answer`, as it stands.
SmallServer::Script always(std::string answer) {
    return [answer = std::move(answer)](tcp::socket& socket) {
        for (Requests requests(socket);;) {
            requests.next();
            SmallServer::write(socket, answer);
        }
    };
}

std::string ok(const std::string& body = "") { return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body; }

void check_answered(const Reply& reply, int status, const std::string& body) {
    if (!reply.result) FAIL_CHECK(reply.result.error().message);
    CHECK(reply.head.status == status);
    CHECK(reply.body == body);
    CHECK(reply.heads == 1);
    CHECK(reply.ends == 1);
    CHECK_FALSE(reply.off_loop);
    CHECK_FALSE(reply.within);
}

void check_failed(const Reply& reply, Errc code, const std::string& message) {
    REQUIRE_FALSE(reply.result);
    CHECK(reply.result.error().code == code);
    CHECK(reply.result.error().message == message);
    CHECK(reply.ends == 1);
    CHECK_FALSE(reply.off_loop);
    CHECK_FALSE(reply.within);
}

}  // namespace

TEST_CASE("direct: the wire has the same bytes as libcurl's, and one connection serves one after the other") {
    std::vector<std::string> seen;
    for (const auto by : kBoth) {
        std::string heads, bodies;
        SmallServer server([&](tcp::socket& socket) {
            for (Requests requests(socket);;) {
                const auto one = requests.next();
                heads += one.head;
                bodies += one.body + "|";
                SmallServer::answer(socket, "fine");
            }
        });
        Asker client(by);
        for (int i = 0; i < 20; ++i) check_answered(client.ask(post(server.url() + "/hook?x=1", "p\xC3\xBC\r\n" + std::to_string(i))), 200, "fine");
        check_answered(client.ask(post(server.url() + "/hook?x=1", "")), 200, "fine");
        auto bare = post(server.url() + "/hook?x=1");
        bare.headers = {{"X-Empty", ""}};
        check_answered(client.ask(bare), 200, "fine");
        CHECK(server.accepted() == 1);
        CHECK(bodies.starts_with("p\xC3\xBC\r\n0|p\xC3\xBC\r\n1|"));
        for (const auto port = std::to_string(server.port()); heads.find(port) != std::string::npos;) heads.replace(heads.find(port), port.size(), "PORT");
        seen.push_back(heads + bodies);
    }
    CHECK(seen[0] == seen[1]);
}

TEST_CASE("direct: as many connections as requests at once, kept for the next ones") {
    std::latch all_there(16);
    SmallServer server([&](tcp::socket& socket) {
        Requests requests(socket);
        requests.next();
        all_there.arrive_and_wait();  // none is answered before all have come
        SmallServer::answer(socket, "");
        while (true) {
            requests.next();
            SmallServer::answer(socket, "");
        }
    });
    Asker client(By::Direct);
    for (int round = 0; round < 5; ++round)
        for (const auto& one : client.ask_together(std::vector<HttpRequest>(16, post(server.url())))) check_answered(one, 200, "");
    CHECK(server.accepted() == 16);
}

TEST_CASE("direct: a kept connection that ends before any of the answer is replaced once; a new one is not") {
    for (const auto by : kBoth) {
        CAPTURE(static_cast<int>(by));
        std::atomic<int> connections = 0;
        std::vector<std::string> bodies;
        SmallServer server([&](tcp::socket& socket) {
            Requests requests(socket);
            const int number = ++connections;
            bodies.push_back(requests.next().body);
            if (number >= 3) return;  // closes unanswered
            SmallServer::answer(socket, "");
            bodies.push_back(requests.next().body);  // and closes: as a server whose idle time ends as the request arrives
        });
        Asker client(by);
        check_answered(client.ask(post(server.url(), "1")), 200, "");
        check_answered(client.ask(post(server.url(), "2")), 200, "");
        CHECK(bodies == std::vector<std::string>{"1", "2", "2"});
        check_failed(client.ask(post(server.url(), "3")), Errc::Unreachable, server.authority() + " closed the connection without an answer");
        CHECK(bodies == std::vector<std::string>{"1", "2", "2", "3", "3"});  // on the kept one, and once on a new one
        CHECK(server.accepted() == 3);
        check_failed(client.ask(post(server.url(), "4")), Errc::Unreachable, server.authority() + " closed the connection without an answer");
        CHECK(server.accepted() == 4);
    }
}

TEST_CASE("direct: a server that closes after each answer, told or not, costs no request") {
    for (const std::string said : {"", "Connection: close\r\n"}) {
        SmallServer server([&](tcp::socket& socket) {
            Requests requests(socket);
            requests.next();
            SmallServer::write(socket, "HTTP/1.1 200 OK\r\n" + said + "Content-Length: 2\r\n\r\nok");
        });
        Asker client(By::Direct);
        for (int i = 0; i < 10; ++i) check_answered(client.ask(post(server.url())), 200, "ok");
        CHECK(server.accepted() == 10);
    }
}

TEST_CASE("direct: answers in every form that HTTP/1.1 has") {
    struct Form {
        std::string answer, body;
        int status = 200;
        bool kept = true;
    };
    const std::vector<Form> forms{
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n5;x=y\r\n two \r\n0\r\nX-Trailer: z\r\n\r\n", "one two "},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\nx", "x", 202},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", 204},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "", 302},
        {"HTTP/1.1 410 Gone\r\nContent-Length: 2\r\n\r\nno", "no", 410},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false},
    };
    for (const auto by : kBoth) {
        for (const auto& form : forms) {
            CAPTURE(form.answer);
            SmallServer server(always(form.answer));
            Asker client(by);
            for (int i = 0; i < 3; ++i) check_answered(client.ask(post(server.url())), form.status, form.body);
            CHECK(server.accepted() == (form.kept ? 1 : 3));
        }
        SmallServer until_closed([](tcp::socket& socket) {
            Requests(socket).next();
            SmallServer::write(socket, "HTTP/1.1 200 OK\r\n\r\nall of it");
        });
        Asker client(by);
        for (int i = 0; i < 2; ++i) check_answered(client.ask(post(until_closed.url())), 200, "all of it");
        SmallServer bodiless(always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
        auto head = post(bodiless.url(), "");
        head.method = "HEAD";
        for (int i = 0; i < 2; ++i) check_answered(client.ask(head), 200, "");
        CHECK(bodiless.accepted() == 1);
    }
}

TEST_CASE("direct: words nobody asked for are no answer to the next request") {
    for (const bool at_once : {true, false}) {
        CAPTURE(at_once);
        SmallServer server([&](tcp::socket& socket) {
            Requests requests(socket);
            requests.next();
            if (at_once) SmallServer::write(socket, ok("mine") + ok("stray"));
            else SmallServer::write(socket, ok("mine"));
            if (!at_once) SmallServer::write(socket, ok("stray"));
            SmallServer::wait_for_end(socket);
        });
        Asker client(By::Direct);
        check_answered(client.ask(post(server.url())), 200, "mine");
        if (at_once) check_answered(client.ask(post(server.url())), 200, "mine");
        if (at_once) CHECK(server.accepted() == 2);
    }
}

TEST_CASE("direct: an answer before the body has gone out counts, and the connection is not used again") {
    SmallServer server([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::answer(socket, "enough", "413 Content Too Large");
        SmallServer::wait_for_end(socket);
    });
    Asker client(By::Direct);
    for (int i = 0; i < 2; ++i) check_answered(client.ask(post(server.url(), std::string(32 * 1024 * 1024, 'x'))), 413, "enough");
    CHECK(server.accepted() == 2);
}

TEST_CASE("direct: a large body goes out whole") {
    std::string got;
    SmallServer server([&](tcp::socket& socket) {
        got = Requests(socket).next().body;
        SmallServer::answer(socket, "");
        SmallServer::wait_for_end(socket);
    });
    std::string body;
    for (int i = 0; body.size() < 3'000'000; ++i) body += std::to_string(i);
    Asker client(By::Direct);
    check_answered(client.ask(post(server.url(), body)), 200, "");
    CHECK(got == body);
}

TEST_CASE("direct: heads and bodies beyond all measure end the exchange") {
    Asker client(By::Direct);
    SmallServer endless_head([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\n");
        while (true) SmallServer::write(socket, "X-More: " + std::string(1000, 'x') + "\r\n");
    });
    check_failed(client.ask(post(endless_head.url())), Errc::Protocol, endless_head.authority() + ": the head of the answer is larger than 262144 bytes");
    SmallServer endless_body([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\n\r\n");
        while (true) SmallServer::write(socket, std::string(1000, 'x'));
    });
    auto request = post(endless_body.url());
    request.max_body = 5000;
    const auto reply = client.ask(request);
    check_failed(reply, Errc::Protocol, endless_body.authority() + ": the answer is larger than 5000 bytes");
    CHECK(reply.head.status == 200);  // known before
    CHECK(reply.body.size() <= 5000);
}

TEST_CASE("direct: silence, dribbling and answers cut short have the same words as libcurl's") {
    for (const auto by : kBoth) {
        CAPTURE(static_cast<int>(by));
        Asker client(by);
        SmallServer mute([](tcp::socket& socket) { SmallServer::wait_for_end(socket); });
        auto request = post(mute.url());
        request.idle_timeout = 150ms;
        check_failed(client.ask(request), Errc::Timeout, mute.authority() + " said nothing for 150 ms");
        request.idle_timeout = 30s;
        request.total_timeout = 200ms;
        check_failed(client.ask(request), Errc::Timeout, "no complete answer from " + mute.authority() + " within 200 ms");
        SmallServer dribbling([](tcp::socket& socket) {
            SmallServer::read_head(socket);
            SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            for (;; std::this_thread::sleep_for(20ms)) SmallServer::write(socket, "x");
        });
        request.url = dribbling.url();
        request.idle_timeout = 10s;
        request.total_timeout = 400ms;
        const auto dribbled = client.ask(request);
        check_failed(dribbled, Errc::Timeout, "no complete answer from " + dribbling.authority() + " within 400 ms");
        CHECK(dribbled.head.status == 200);
        SmallServer midway([](tcp::socket& socket) {
            SmallServer::read_head(socket);
            SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        });
        check_failed(client.ask(post(midway.url())), Errc::Protocol, midway.authority() + " ended its answer too early");
        CHECK(midway.accepted() == 1);  // what was begun is not asked for again
        SmallServer junk([](tcp::socket& socket) {
            SmallServer::read_head(socket);
            SmallServer::write(socket, "SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n");
        });
        check_failed(client.ask(post(junk.url())), Errc::Protocol, junk.authority() + " does not answer in HTTP");
    }
}

TEST_CASE("direct: one limit after the other on the same connection") {
    std::atomic<bool> answers = true;
    SmallServer server([&](tcp::socket& socket) {
        for (Requests requests(socket);;) {
            requests.next();
            if (answers) SmallServer::answer(socket, "");
        }
    });
    Asker client(By::Direct);
    auto patient = post(server.url());
    patient.connect_timeout = patient.idle_timeout = patient.total_timeout = 10min;  // the timer that it leaves behind
    check_answered(client.ask(patient), 200, "");
    answers = false;
    auto brief = post(server.url());
    brief.total_timeout = 150ms;
    check_failed(client.ask(brief), Errc::Timeout, "no complete answer from " + server.authority() + " within 150 ms");
    CHECK(server.accepted() == 1);
}

TEST_CASE("direct: what comes in pieces is not silent") {
    SmallServer server([](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        for (;; std::this_thread::sleep_for(20ms)) SmallServer::write(socket, "x");
    });
    Asker client(By::Direct);
    auto request = post(server.url());
    request.idle_timeout = 3s;
    request.total_timeout = 4s;
    check_failed(client.ask(request), Errc::Timeout, "no complete answer from " + server.authority() + " within 4.0 s");
}

TEST_CASE("direct: nobody there, no such name, and requests that cannot be sent, as libcurl has them") {
    const int dead_port = SmallServer([](tcp::socket&) {}).port();
    for (const auto by : kBoth) {
        CAPTURE(static_cast<int>(by));
        Asker client(by);
        const auto refused = client.ask(post("http://127.0.0.1:" + std::to_string(dead_port)));
        check_failed(refused, Errc::Unreachable, "connection refused by 127.0.0.1:" + std::to_string(dead_port));
        CHECK_FALSE(refused.result.error().hint.empty());
        check_failed(client.ask(post("http://no-such-host.invalid")), Errc::Unreachable, "cannot resolve host no-such-host.invalid");
        auto broken = post("http://127.0.0.1:1");
        broken.headers.emplace_back("X", "a\r\nY: b");
        check_failed(client.ask(broken), Errc::Usage, "header 'X' cannot be sent: it breaks the line");
        check_failed(client.ask(post("ws://127.0.0.1:1")), Errc::Usage, "'ws://127.0.0.1:1' is not an http or https URL");
    }
}

TEST_CASE("direct: a name is looked up; IPv6") {
    SmallServer server(always(ok("v4")));
    Asker client(By::Direct);
    check_answered(client.ask(post("http://localhost:" + std::to_string(server.port()))), 200, "v4");
    std::unique_ptr<SmallServer> six;
    try {
        six = std::make_unique<SmallServer>(always(ok("v6")), "::1");
    } catch (const boost::system::system_error&) {
        MESSAGE("this machine has no IPv6");
        return;
    }
    check_answered(client.ask(post(six->url())), 200, "v6");
}

TEST_CASE("direct: TLS is verified, by authority and by name, and kept as any connection") {
    const auto identity = test::SelfSigned::create();
    auto context = identity.server();
    std::atomic<int> shaken = 0;
    SmallServer server([&](tcp::socket& socket) {
        test::asio::ssl::stream<tcp::socket&> tls(socket, context);
        tls.handshake(test::asio::ssl::stream_base::server);
        ++shaken;
        while (true) {
            std::string text;
            test::asio::read_until(tls, test::asio::dynamic_buffer(text), "\r\n\r\n{}");
            test::asio::write(tls, test::asio::buffer(ok("sealed")));
        }
    });
    for (const auto by : kBoth) {
        CAPTURE(static_cast<int>(by));
        {
            Asker stranger(by);
            const auto reply = stranger.ask(post(server.url("https")));
            REQUIRE_FALSE(reply.result);
            CHECK(reply.result.error().message.starts_with("the TLS certificate of " + server.authority() + " is not trusted: "));
            CHECK(reply.result.error().message.find("self-signed certificate") != std::string::npos);
            CHECK(reply.result.error().code == Errc::Unreachable);
            CHECK(reply.heads == 0);
        }
        test::TrustedFor trusted(identity.certificate);
        Asker client(by);
        shaken = 0;
        for (int i = 0; i < 5; ++i) check_answered(client.ask(post(server.url("https"))), 200, "sealed");
        CHECK(shaken == 1);
        const auto named = client.ask(post("https://localhost:" + std::to_string(server.port())));
        REQUIRE_FALSE(named.result);
        CHECK(named.result.error().code == Errc::Unreachable);
        CHECK(named.heads == 0);
    }
    Asker client(By::Direct);
    SmallServer plain([](tcp::socket& socket) {
        SmallServer::write(socket, "HTTP/1.1 400 Bad Request\r\n\r\n");
        SmallServer::wait_for_end(socket);
    });
    const auto no_tls = client.ask(post(plain.url("https")));
    REQUIRE_FALSE(no_tls.result);
    CHECK(no_tls.result.error().message.starts_with("no TLS connection to " + plain.authority()));
    SmallServer mute([](tcp::socket& socket) { SmallServer::wait_for_end(socket); });
    auto request = post(mute.url("https"));
    request.connect_timeout = 200ms;
    const auto unshaken = client.ask(request);
    REQUIRE_FALSE(unshaken.result);
    CHECK(unshaken.result.error().code == Errc::Timeout);
    CHECK(unshaken.result.error().message.starts_with("no TLS handshake with " + mute.authority() + " within "));
}

TEST_CASE("direct: a stream dropped at any point hangs up and calls nothing afterwards") {
    for (const std::string where : {"before", "head", "chunk", "done"}) {
        CAPTURE(where);
        std::promise<void> hung_up;
        SmallServer server([&](tcp::socket& socket) {
            Requests requests(socket);
            requests.next();
            SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nonetwo");
            SmallServer::wait_for_end(socket);
            hung_up.set_value();
        });
        {
            Asker client(By::Direct);
            std::unique_ptr<net::HttpStream> stream;
            std::string calls;
            test::Waiter waiter;
            const auto at = [&](const std::string& point) {
                waiter.change([&] { calls += point + " "; });
                if (where == point) stream.reset();
            };
            client.loop().on_loop([&] {
                stream = client.begin(post(server.url()), {[&](const net::HttpResponse&) { at("head"); }, [&](std::string_view) { at("chunk"); }, [&](const Result<void>&) { at("done"); }});
            });
            if (where == "before") client.loop().on_loop([&] { stream.reset(); });
            else CHECK(waiter.wait([&] { return calls.ends_with(where + " "); }));
            if (where != "before" && where != "done") CHECK(hung_up.get_future().wait_for(20s) == std::future_status::ready);
            client.loop().on_loop([] {});  // what was on its way has come
            const std::string all = "head chunk done ";
            const auto last = all.find(where);
            if (where != "before") CHECK(calls == all.substr(0, last + where.size() + 1));
            client.loop().on_loop([&] { stream.reset(); });
        }
        if (where == "done") CHECK(hung_up.get_future().wait_for(20s) == std::future_status::ready);  // kept until the client goes
    }
}

TEST_CASE("direct: with a proxy in the environment libcurl does the work") {
    std::string seen;
    SmallServer proxy([&](tcp::socket& socket) {
        seen = SmallServer::read_head(socket);
        SmallServer::answer(socket, "by the proxy");
        SmallServer::wait_for_end(socket);
    });
    setenv("http_proxy", proxy.url().c_str(), 1);
    {
        Asker client(By::Direct);
        check_answered(client.ask(post("http://behind.invalid/hook")), 200, "by the proxy");
    }
    unsetenv("http_proxy");
    CHECK(seen.starts_with("POST http://behind.invalid/hook HTTP/1.1\r\n"));
}
