#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "../net/small_server.h"
#include "voicectl/livekit/api.h"

using namespace voicectl;
using namespace voicectl::livekit;
using namespace std::chrono_literals;

namespace {

const ApiKey kSipKey{"devkey", "a_secret_of_at_least_thirty_two_chars"};

/// One transfer against a server that answers so; what it was asked.
Result<void> transfer_against(const std::string& status, const std::string& body, std::string* asked = nullptr) {
    test::SmallServer server([&](test::tcp::socket& socket) {
        auto text = test::SmallServer::read_head(socket);
        char piece[1024];
        while (text.find('}') == std::string::npos) text.append(piece, socket.read_some(test::asio::buffer(piece)));
        if (asked != nullptr) *asked = text;
        test::SmallServer::write(socket, "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    });
    net::HttpClient http;
    TwirpClient twirp(http, {server.url("ws"), kSipKey});
    return SipApi(twirp).transfer("room", "ann", "tel:+49301234", 5s);
}

}  // namespace

TEST_CASE("a transfer is asked for with the grants that it needs, and no others") {
    std::string asked;
    REQUIRE(transfer_against("200 OK", "{}", &asked));
    CHECK(asked.starts_with("POST /twirp/livekit.SIP/TransferSIPParticipant HTTP/1.1"));
    const auto body = nlohmann::json::parse(asked.substr(asked.find("\r\n\r\n") + 4));
    CHECK(body == nlohmann::json{{"room_name", "room"}, {"participant_identity", "ann"}, {"transfer_to", "tel:+49301234"}, {"play_dialtone", true}, {"ringing_timeout", "5s"}});
    const auto at = asked.find("Bearer ") + 7;
    const auto claims = verify(kSipKey, asked.substr(at, asked.find("\r\n", at) - at)).claims;
    CHECK(claims.sip_call);
    CHECK_FALSE(claims.sip_admin);
    VideoGrant grant;
    grant.room_admin = true;
    grant.room = "room";
    CHECK(claims.video == grant);
}

TEST_CASE("why a transfer failed is told in words") {
    const auto stranger = transfer_against("400 Bad Request", R"({"code":"invalid_argument","msg":"no SIP session associated with participant"})");
    REQUIRE_FALSE(stranger);
    CHECK(stranger.error().code == Errc::Rejected);
    CHECK(stranger.error().message.find("does not come over LiveKit's SIP service") != std::string::npos);
    const auto nobody = transfer_against("503 Service Unavailable", R"({"code":"unavailable","msg":"no response from servers"})");
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().code == Errc::Unreachable);
    CHECK(nobody.error().message.find("no SIP service holds this call") != std::string::npos);
}
