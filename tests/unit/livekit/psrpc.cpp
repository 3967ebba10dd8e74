#include "voicectl/livekit/psrpc.h"

#include <doctest/doctest.h>

using namespace voicectl;
using namespace voicectl::livekit;

TEST_CASE("channels have their parts escaped, and leave out the empty ones") {
    CHECK(rpc_channel({"EgressInternal", "StartEgress", "", "REQ"}) == "EgressInternal|StartEgress|REQ");
    CHECK(rpc_channel({"EgressHandler", "StopEgress", "EG_a1Z", "RCLAIM"}) == "EgressHandler|StopEgress|EG_a1Z|RCLAIM");
    CHECK(rpc_channel({"S", "a-b|c", "RES"}) == "S|au+002dbu+007cc|RES");
    CHECK(rpc_channel({"S", "ü€𝄞"}) == "S|u+00fcu+20acU+0001d11e");
}

TEST_CASE("a fault has a cause, and its words come without control characters") {
    CHECK(to_error({"not_found", "egress does not exist"}).code == Errc::NotFound);
    CHECK(to_error({"unavailable", "no response from servers"}).code == Errc::Unreachable);
    CHECK(to_error({"deadline_exceeded", "x"}).code == Errc::Timeout);
    CHECK(to_error({"unknown", "x"}).code == Errc::Other);
    CHECK(to_error({"unknown", "a\x1b[2Jb"}).message.find('\x1b') == std::string::npos);
}
