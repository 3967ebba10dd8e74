#include "core/rtc/errors.h"

#include <doctest/doctest.h>

namespace voicectl::rtc {

namespace proto = ::livekit::proto;

TEST_CASE("texts of the core become causes, without its layers") {
    struct Case {
        const char* text;
        Errc code;
    };
    for (const auto& each : {
             Case{"engine: signal failure: transport connection error: IO error: Connection refused (os "
                  "error 111)",
                  Errc::Unreachable},
             Case{"engine: signal failure: transport connection error: IO error: failed to lookup address "
                  "information: Name or service not known",
                  Errc::Unreachable},
             Case{"engine: signal failure: transport timed out", Errc::Timeout},
             Case{"engine: signal failure: failed to parse the url: relative URL without a base",
                  Errc::Usage},
             Case{"engine: signal failure: client error: 401 - no permissions to access the room",
                  Errc::Auth},
             Case{"engine: signal failure: client error: 404 - requested room does not exist",
                  Errc::NotFound},
             Case{"something never seen", Errc::Protocol},
         }) {
        CAPTURE(each.text);
        const auto error = join_error(each.text);
        CHECK(error.code == each.code);
        CHECK(error.message.find("engine") == std::string::npos);
        CHECK_FALSE(error.message.empty());
    }
}

TEST_CASE("a token echoed by the server is not in the error") {
    const std::string token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
    for (const auto* reason : {"token signature is invalid", "something new"}) {
        const auto error = join_error("engine: signal failure: client error: 401 - invalid token: " + token +
                                      ", error: " + reason);
        CHECK(error.code == Errc::Auth);
        CHECK(error.message.find("eyJ") == std::string::npos);
        CHECK(error.message.find("c2ln") == std::string::npos);
    }
}

TEST_CASE("only what another try cannot heal ends a room for good") {
    CHECK(final_error(proto::DUPLICATE_IDENTITY)->code == Errc::Conflict);
    CHECK(final_error(proto::PARTICIPANT_REMOVED)->code == Errc::Conflict);
    CHECK(final_error(proto::ROOM_DELETED)->code == Errc::NotFound);
    CHECK(final_error(proto::CLIENT_INITIATED)->code == Errc::Cancelled);
    for (const auto reason :
         {proto::UNKNOWN_REASON, proto::SERVER_SHUTDOWN, proto::STATE_MISMATCH, proto::JOIN_FAILURE,
          proto::SIGNAL_CLOSE, proto::CONNECTION_TIMEOUT, proto::MEDIA_FAILURE, proto::MIGRATION})
        CHECK_FALSE(final_error(reason));
}

}  // namespace voicectl::rtc
