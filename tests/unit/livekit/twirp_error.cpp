#include "voicectl/livekit/api.h"

#include <doctest/doctest.h>

#include "../net/small_server.h"
#include "voicectl/base/redact.h"

using namespace voicectl;
using namespace voicectl::livekit;
using namespace std::chrono_literals;
using test::SmallServer;
using test::tcp;

namespace {

const ApiKey kTwirpKey{"devkey", "a_secret_of_at_least_thirty_two_chars"};

struct Answer {
    std::string status, type, body;
};

// What ListRooms makes of an answer.
Error error_for(const Answer& answer, const std::string& extra_header = {}) {
    SmallServer server([&](tcp::socket& socket) {
        SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 " + answer.status + "\r\nContent-Type: " + answer.type + "\r\n" + extra_header +
                                       "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body);
    });
    net::HttpClient http;
    TwirpClient twirp(http, {server.url("ws"), kTwirpKey}, 5s);
    const auto rooms = RoomApi(twirp).list();
    REQUIRE_FALSE(rooms);
    return rooms.error();
}

Error twirp_error(const std::string& status, const std::string& code, const std::string& text) {
    return error_for({status, "application/json", R"({"code":")" + code + R"(","msg":")" + text + R"("})"});
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("each Twirp code becomes a cause that a script can act on") {
    CHECK(twirp_error("401 Unauthorized", "unauthenticated", "permissions denied").code == Errc::Auth);
    CHECK(twirp_error("403 Forbidden", "permission_denied", "x").code == Errc::Auth);
    CHECK(twirp_error("404 Not Found", "not_found", "requested room does not exist").code == Errc::NotFound);
    CHECK(twirp_error("404 Not Found", "bad_route", "no handler").code == Errc::Protocol);
    CHECK(twirp_error("400 Bad Request", "invalid_argument", "x").code == Errc::Rejected);
    CHECK(twirp_error("409 Conflict", "already_exists", "x").code == Errc::Conflict);
    CHECK(twirp_error("412 Precondition Failed", "failed_precondition", "x").code == Errc::Conflict);
    CHECK(twirp_error("503 Service Unavailable", "unavailable", "x").code == Errc::Unreachable);
    CHECK(twirp_error("429 Too Many", "resource_exhausted", "x").code == Errc::Unreachable);
    CHECK(twirp_error("408 Request Timeout", "deadline_exceeded", "x").code == Errc::Timeout);
    CHECK(twirp_error("500 Internal", "internal", "Internal service panic").code == Errc::Other);
    CHECK(twirp_error("500 Internal", "internal", "egress not connected (redis required)").code == Errc::Unreachable);
    CHECK(twirp_error("500 Internal", "something_new", "x").code == Errc::Other);
}

TEST_CASE("the server's noise is stripped and the call is named") {
    const auto error = twirp_error("503 Service Unavailable", "unavailable", "twirp error unknown: no response from servers");
    CHECK(error.message == "ListRooms: no response from servers");
    CHECK_FALSE(error.hint.empty());
}

TEST_CASE("a plain-text 401 keeps its reason and loses the token that it echoes") {
    const std::string token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlc2lnbmF0dXJl";
    const auto signature = error_for({"401 Unauthorized", "text/plain", "invalid token: " + token + ", error: token signature is invalid: signature is invalid"});
    CHECK(signature.code == Errc::Auth);
    CHECK(signature.message == "ListRooms: the API secret is not the one of this API key (token signature is invalid)");
    CHECK(has(signature.hint, "LIVEKIT_API_SECRET"));

    const auto clock = error_for({"401 Unauthorized", "text/plain", "invalid token: " + token + ", error: token has invalid claims: token is expired"});
    CHECK(has(clock.message, "expired"));
    CHECK(has(clock.hint, "clocks"));

    const auto key = error_for({"401 Unauthorized", "text/plain", "invalid API key: devkey"});
    CHECK(has(key.message, "does not know this API key"));

    const auto unknown = error_for({"401 Unauthorized", "text/plain", "go away " + token + " and " + token});
    CHECK(unknown.message == "ListRooms: go away *** and ***");
}

TEST_CASE("what a proxy says in place of the server is not taken for the server's word") {
    const auto page = error_for({"404 Not Found", "text/html", "<html><body>nginx</body></html>"});
    CHECK(page.code == Errc::Protocol);  // not NotFound: a script would believe that the room is gone
    CHECK(has(page.hint, "server URL"));
    const auto gateway = error_for({"502 Bad Gateway", "text/html", "\n<!DOCTYPE html><p>secret page</p>"});
    CHECK(gateway.code == Errc::Unreachable);
    CHECK(gateway.message == "ListRooms: status 502 from the server or a proxy before it");
    CHECK(error_for({"503 Service Unavailable", "text/plain", ""}).code == Errc::Unreachable);
    const auto moved = error_for({"301 Moved", "text/html", "<html>"}, "Location: https://voice.example.com/\r\n");
    CHECK(moved.code == Errc::Protocol);
    CHECK(has(moved.message, "https://voice.example.com/"));
    const auto login = error_for({"200 OK", "text/html", "<html>please log in</html>"});
    CHECK(login.code == Errc::Protocol);
    CHECK(has(login.message, "not LiveKit's"));
    const auto garbage = error_for({"200 OK", "application/protobuf", "\xFF\xFF\xFF"});
    CHECK(garbage.code == Errc::Protocol);
    const auto broken = error_for({"500 Internal", "application/json", "{\"code\":"});
    CHECK(broken.code == Errc::Other);
}

TEST_CASE("text of the server cannot steer a terminal and is cut when long") {
    const auto error = error_for({"400 Bad Request", "text/plain", "\x1b[2J" + std::string(5000, 'x')});
    CHECK_FALSE(has(error.message, "\x1b"));
    CHECK(error.message.size() < 400);
}

TEST_CASE("a call carries a protobuf body, a short token with its one grant, and leaves a trace") {
    std::string seen;
    SmallServer server([&](tcp::socket& socket) {
        seen = SmallServer::read_head(socket);
        SmallServer::write(socket, "HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\nContent-Length: 0\r\n\r\n");
    });
    net::HttpClient http;
    TwirpClient twirp(http, {server.url("ws") + "/base/", kTwirpKey}, 5s);
    REQUIRE(RoomApi(twirp).participants("demo"));
    CHECK(seen.starts_with("POST /base/twirp/livekit.RoomService/ListParticipants HTTP/1.1\r\n"));
    CHECK(has(seen, "Content-Type: application/protobuf\r\n"));
    const auto begin = seen.find("Bearer ") + 7;
    const auto verdict = verify(kTwirpKey, seen.substr(begin, seen.find("\r\n", begin) - begin));
    REQUIRE(verdict.fault == TokenFault::None);
    VideoGrant expected;
    expected.room_admin = true;
    expected.room = "demo";
    CHECK(verdict.claims.video == expected);
    CHECK(*verdict.claims.expires - *verdict.claims.not_before <= 5min);
    REQUIRE(twirp.last());
    CHECK(twirp.last()->method == "ListParticipants");
    CHECK(twirp.last()->status == 200);
}

TEST_CASE("a server URL becomes the base of the HTTP API") {
    CHECK(http_base("ws://localhost:7880").value() == "http://localhost:7880");
    CHECK(http_base("wss://a.example.com/").value() == "https://a.example.com:443");
    CHECK(http_base("https://a.example.com/voice//?x=1").value() == "https://a.example.com:443/voice");
    CHECK(http_base("a.example.com").error().code == Errc::Usage);
}
