#include <doctest/doctest.h>

#include <cstdlib>

#include "voicectl/rtc/room.h"

namespace voicectl::rtc {

TEST_CASE("a core that is not there is Missing, and the hint says what installs it") {
    const auto found = Core::find("/nowhere/liblivekit_ffi.so");
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Errc::Missing);
    CHECK(found.error().message.find("/nowhere/liblivekit_ffi.so") != std::string::npos);
    CHECK(found.error().hint ==
          "./scripts/setup fetches it, or set VOICECTL_LIVEKIT_CORE to liblivekit_ffi.so");
    CHECK(Core::load("/nowhere/liblivekit_ffi.so").error().code == Errc::Missing);
}

TEST_CASE("a file that is no core is refused") {
    const auto loaded = Core::load(VC_SOURCE_DIR "/CMakeLists.txt");
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == Errc::Missing);
}

TEST_CASE("the variable names the core, and a path given goes before it") {
    const char* before = std::getenv("VOICECTL_LIVEKIT_CORE");
    const std::string kept = before ? before : "";
    ::setenv("VOICECTL_LIVEKIT_CORE", VC_SOURCE_DIR "/CMakeLists.txt", 1);
    CHECK(Core::find()->path == VC_SOURCE_DIR "/CMakeLists.txt");
    CHECK(Core::find(VC_SOURCE_DIR "/LICENSE")->path == VC_SOURCE_DIR "/LICENSE");
    ::setenv("VOICECTL_LIVEKIT_CORE", "/nowhere", 1);
    CHECK(Core::find().error().message.find("VOICECTL_LIVEKIT_CORE") != std::string::npos);
    if (before) {
        ::setenv("VOICECTL_LIVEKIT_CORE", kept.c_str(), 1);
    } else {
        ::unsetenv("VOICECTL_LIVEKIT_CORE");
    }
}

}  // namespace voicectl::rtc
