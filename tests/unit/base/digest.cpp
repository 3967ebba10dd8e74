#include "voicectl/base/digest.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "voicectl/base/jws.h"
#include "voicectl/base/text.h"

namespace voicectl {
namespace {

std::string in_hex(std::string_view bytes) {
    std::string out;
    for (const auto byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return out;
}

}  // namespace

TEST_CASE("digests are those of the standards' examples") {
    CHECK(in_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, B.1
    CHECK(in_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    // RFC 4231, case 2
    CHECK(in_hex(hmac_sha256("Jefe", "what do ya want for nothing?")) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("secrets are the same when every byte is") {
    CHECK(same_secret("", ""));
    CHECK(same_secret("abc", "abc"));
    CHECK(!same_secret("abc", "abd"));
    CHECK(!same_secret("abc", "xbc"));
    CHECK(!same_secret("abc", "ab"));
    CHECK(!same_secret("", "a"));
    CHECK(same_secret(std::string_view("a\0b", 3), std::string_view("a\0b", 3)));
    CHECK(!same_secret(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

TEST_CASE("a token's outer form has three parts; unused bits are refused where they are") {
    const auto whole = base64url_encode("{}") + "." + base64url_encode("{\"a\":1}") + "." + base64url_encode("sign");
    const auto parts = parse_jws(whole, UnusedBits::Refused);
    REQUIRE(parts);
    CHECK(parts->header == "{}");
    CHECK(parts->payload == "{\"a\":1}");
    CHECK(parts->signature == "sign");
    CHECK(parts->signed_text == whole.substr(0, whole.rfind('.')));
    CHECK(whole.ends_with("c2lnbg"));
    const auto other = whole.substr(0, whole.size() - 1) + "h";
    CHECK(parse_jws(other, UnusedBits::Ignored)->signature == "sign");
    CHECK(!parse_jws(other, UnusedBits::Refused));
    for (const auto* bad : {"", ".", "a.b", "e30.e30.e30.e30", "e30.e30.x", "e3 0.e30.e30", "e30=.e30.e30"}) CHECK(!parse_jws(bad, UnusedBits::Ignored));
}

}  // namespace voicectl
