#include "core/agent/channel.h"
#include "core/agent/process_messages.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/live_loop.h"

namespace voicectl::agent {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

/// A channel on a loop, and the bare other end.
struct Line {
    Line() {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        other = ends[1];
        loop.on_loop([&] {
            channel = Channel::open(loop.get(), ends[0],
                                    {.on_message = [this](const Json& message) { waiter.change([&] { heard.push_back(message); }); },
                                     .on_closed = [this](const Error& why) { waiter.change([&] { closed = why; }); }});
        });
    }
    ~Line() {
        loop.on_loop([&] { channel.reset(); });
        if (other >= 0) close(other);
    }
    void say(const std::string& bytes) const { REQUIRE(write(other, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())); }
    template<class Condition>
    bool wait(Condition condition) {
        return waiter.wait(condition, 5s);
    }

    test::Waiter waiter;
    std::vector<Json> heard;
    std::optional<Error> closed;
    test::LiveLoop loop;
    std::unique_ptr<Channel> channel;
    int other = -1;
};

}  // namespace

TEST_CASE("messages arrive whole and in order, however they are cut") {
    Line line;
    line.say("{\"a\":1}\n{\"b\"");
    REQUIRE(line.wait([&] { return line.heard.size() == 1; }));
    line.say(":2}\n");
    REQUIRE(line.wait([&] { return line.heard.size() == 2; }));
    CHECK(line.heard[1] == Json{{"b", 2}});
    CHECK_FALSE(line.closed);
}

TEST_CASE("what is sent is one line each, text of any kind within") {
    Line line;
    line.loop.on_loop([&] {
        line.channel->send({{"text", "line\nbreak \xff"}});
        line.channel->send({{"n", 2}});
    });
    std::string got;
    while (std::count(got.begin(), got.end(), '\n') < 2) {
        char piece[256];
        const auto size = read(line.other, piece, sizeof(piece));
        REQUIRE(size > 0);
        got.append(piece, static_cast<std::size_t>(size));
    }
    CHECK(got == "{\"text\":\"line\\nbreak \xEF\xBF\xBD\"}\n{\"n\":2}\n");
}

TEST_CASE("the end of the other side is told once") {
    Line line;
    close(std::exchange(line.other, -1));
    REQUIRE(line.wait([&] { return line.closed.has_value(); }));
    CHECK(line.closed->code == Errc::Unreachable);
    line.loop.on_loop([&] { line.channel->send({{"late", true}}); });
}

TEST_CASE("what is no message ends the talk") {
    for (const std::string bytes : {"nonsense\n", "[1]\n", "\n"}) {
        CAPTURE(bytes);
        Line line;
        line.say(bytes);
        REQUIRE(line.wait([&] { return line.closed.has_value(); }));
        CHECK(line.closed->code == Errc::Protocol);
        CHECK(line.heard.empty());
    }
}

TEST_CASE("a message of the wrong form ends the talk, not the process") {
    for (const Json& message : {Json{{"type", 7}}, Json{{"type", "notReady"}, {"message", Json::array()}}, Json{{"type", "ended"}, {"good", "yes"}}}) {
        CAPTURE(message);
        Line line;
        line.loop.on_loop([&] {
            int ends[2];
            REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
            close(std::exchange(line.other, ends[1]));
            line.channel = Channel::open(line.loop.get(), ends[0],
                                         {.on_message = [](const Json& given) {
                                              if (messages::type_of(given) == "notReady") messages::to_error(given);
                                              else messages::to_outcome(given);
                                          },
                                          .on_closed = [&line](const Error& why) { line.waiter.change([&] { line.closed = why; }); }});
        });
        line.say(message.dump() + "\n");
        REQUIRE(line.wait([&] { return line.closed.has_value(); }));
        CHECK(line.closed->code == Errc::Protocol);
    }
}

TEST_CASE("numbers that are none of ours are read as none") {
    CHECK(messages::to_outcome({{"type", "ended"}, {"turns", 1e300}}).turns == 0);
    CHECK(messages::to_outcome({{"type", "ended"}, {"turns", 5'000'000'000}}).turns == 0);
    for (const auto code : {-1, 1000}) CHECK(messages::to_error({{"type", "notReady"}, {"code", code}}).code == Errc::Other);
    CHECK(messages::to_error(messages::not_ready({Errc::Terminated, "m", "h"})).code == Errc::Terminated);
}

TEST_CASE("a message without end is cut off") {
    Line line;
    const std::string piece(64 * 1024, 'x');
    for (int i = 0; i < 65; ++i)
        if (::send(line.other, piece.data(), piece.size(), MSG_NOSIGNAL) < 0) break;
    REQUIRE(line.wait([&] { return line.closed.has_value(); }));
}

TEST_CASE("a channel that its own message destroys is quiet") {
    Line line;
    line.loop.on_loop([&] {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        close(std::exchange(line.other, ends[1]));
        line.channel = Channel::open(line.loop.get(), ends[0],
                                     {.on_message = [&line](const Json& message) {
                                          line.channel.reset();
                                          line.waiter.change([&] { line.heard.push_back(message); });
                                      },
                                      .on_closed = {}});
    });
    line.say("{\"a\":1}\n{\"b\":2}\n");
    REQUIRE(line.wait([&] { return line.heard.size() == 1; }));
    CHECK_FALSE(line.waiter.wait([&] { return line.heard.size() > 1; }, 100ms));
}

}  // namespace voicectl::agent
