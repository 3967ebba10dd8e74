#include "voicectl/net/url.h"

#include <doctest/doctest.h>

using namespace voicectl;
using net::parse_url;
using net::percent_encode;

TEST_CASE("a URL gives scheme, host, port and path, with the scheme's port when none is named") {
    const auto url = parse_url("WSS://Voice.Example.com/rtc?x=1#top");
    REQUIRE(url);
    CHECK(url->scheme == "wss");
    CHECK(url->host == "Voice.Example.com");
    CHECK(url->port == 443);
    CHECK(url->path == "/rtc?x=1");
    CHECK(url->secure());
    CHECK(parse_url("ws://localhost")->port == 80);
    CHECK(parse_url("http://localhost?x=1")->path == "/?x=1");
    CHECK(parse_url("http://10.0.0.1:7880")->to_string() == "http://10.0.0.1:7880/");
}

TEST_CASE("IPv6 hosts lose their brackets and get them back") {
    const auto url = parse_url("ws://[::1]:7880/agent");
    REQUIRE(url);
    CHECK(url->host == "::1");
    CHECK(url->port == 7880);
    CHECK(url->authority() == "[::1]:7880");
    CHECK(url->to_string() == "ws://[::1]:7880/agent");
}

TEST_CASE("what is no server URL is refused as usage with an example") {
    for (const char* text : {"", "localhost:7880", "ftp://host", "ws://", "ws://:7880", "ws://host:0", "ws://host:65536", "ws://host:",
                             "ws://host:78x", "ws://ho st", "ws://host\n", "ws://[::1", "ws://[::1]x", "ws://[host]", "ws://a:1:2",
                             "http://host\r\nX: y", "://host"}) {
        CAPTURE(text);
        const auto url = parse_url(text);
        REQUIRE_FALSE(url);
        CHECK(url.error().code == Errc::Usage);
        CHECK_FALSE(url.error().hint.empty());
    }
}

TEST_CASE("a password in a URL is refused and not repeated") {
    const auto url = parse_url("https://ann:geheim123@host/");
    REQUIRE_FALSE(url);
    CHECK(url.error().message.find("geheim123") == std::string::npos);
}

TEST_CASE("percent encoding leaves unreserved characters alone") {
    CHECK(percent_encode("a-z_.~09") == "a-z_.~09");
    CHECK(percent_encode("a b/ü?") == "a%20b%2F%C3%BC%3F");
}

TEST_CASE("percent decoding gives back what was encoded, and leaves alone what is no code") {
    CHECK(net::percent_decode("a%20b%2F%C3%BC%3F") == "a b/ü?");
    CHECK(net::percent_decode("%41%4a%4A") == "AJJ");
    for (const auto* text : {"", "%", "100%", "%4", "%zz", "%4g", "%-1", "% 1"}) CHECK(net::percent_decode(text) == text);
}
