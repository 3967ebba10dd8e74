#include <doctest/doctest.h>

#include <map>

#include "voicectl/livekit/api.h"

namespace voicectl::livekit {

TEST_CASE("a refused RPC is read into code, message and data") {
    const auto own = parse_rpc_refusal("PerformRpc: RpcError 1234: not today: {\"a\": 1}");
    REQUIRE(own);
    CHECK(own->code == 1234);
    CHECK(own->message == "not today");
    CHECK(own->data == "{\"a\": 1}");
    CHECK(explain(*own).code == Errc::Other);
    CHECK(parse_rpc_refusal("RpcError 1400: Method not supported at destination")->data.empty());
    CHECK_FALSE(parse_rpc_refusal("no response from servers"));
    CHECK_FALSE(parse_rpc_refusal("RpcError x"));
}

TEST_CASE("the protocol's own refusals have a cause and a hint") {
    for (const auto& [code, cause] : std::map<int, Errc>{{1400, Errc::NotFound}, {1401, Errc::NotFound}, {1402, Errc::Rejected},
                                                         {1501, Errc::Timeout}, {1502, Errc::Timeout}, {1504, Errc::Rejected}}) {
        const auto error = explain(RpcRefusal{code, "x", ""});
        CHECK(error.code == cause);
        CHECK(error.message.find(std::to_string(code)) != std::string::npos);
        CHECK_FALSE(error.hint.empty());
    }
}

}  // namespace voicectl::livekit
