#include <doctest/doctest.h>

#include "voicectl/net/url.h"

using voicectl::net::is_public_address;

TEST_CASE("addresses of private networks, this machine and its link are not public, in any of their forms") {
    for (const char* address :
         {"0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.0.8",
          "198.18.0.1", "198.19.255.255", "224.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::",
          "fc00::1", "fdff::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "", "localhost", "1.2.3", "1.2.3.4.5"}) {
        CAPTURE(address);
        CHECK_FALSE(is_public_address(address));
    }
}

TEST_CASE("other addresses are public, also those next to private ones") {
    for (const char* address : {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "172.15.255.255",
                                "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00::1",
                                "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"}) {
        CAPTURE(address);
        CHECK(is_public_address(address));
    }
}
