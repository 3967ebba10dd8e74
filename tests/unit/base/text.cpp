#include "voicectl/base/text.h"

#include <doctest/doctest.h>

#include <set>

namespace voicectl {
namespace {

TEST_CASE("base64 follows the vectors of RFC 4648, both ways") {
    const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},  {"foob", "Zm9vYg=="},  {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : vectors) {
        CHECK(base64_encode(plain) == encoded);
        CHECK(*base64_decode(encoded) == plain);
        const auto bare = encoded.substr(0, encoded.find('='));
        CHECK(base64url_encode(plain) == bare);
        CHECK(*base64url_decode(bare) == plain);
    }
    const std::string bytes("\xfb\xff\xfe\x00", 4);
    CHECK(base64_encode(bytes) == "+//+AA==");
    CHECK(base64url_encode(bytes) == "-__-AA");
    CHECK(*base64url_decode("-__-AA") == bytes);
}

TEST_CASE("what is not exactly base64 is refused") {
    for (const std::string bad : {"Zg", "Zg=", "Zg===", "=Zg=", "Z===", "====", "Zm9v=", "Zm 9v", "Zm9v\n", "Zh==", "Zm9=", "-__-", "Zg==Zg=="})
        CHECK_MESSAGE(base64_decode(bad).error().code == Errc::Protocol, bad);
    for (const std::string bad : {"Z", "Zg==", "Zh", "Zm9", "+//+", "Zm9v ", "Zm9vY"})
        CHECK_MESSAGE(base64url_decode(bad).error().code == Errc::Protocol, bad);
    CHECK_FALSE(base64_decode(std::string("Zm9\0", 4)));
}

TEST_CASE("random ids have their length, their letters, and do not repeat") {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random_id(12));
    CHECK(seen.size() == 1000);
    std::set<char> letters;
    for (const char c : random_id(20'000)) letters.insert(c);
    CHECK(letters.size() == 62);
    CHECK(random_id(0).empty());
}

TEST_CASE("invalid UTF-8 is replaced, valid text is left alone") {
    for (const std::string good : {"", "plain", "Grüße 世界 🙂", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) CHECK(valid_utf8(good) == good);
    const std::string mark = "\xEF\xBF\xBD";
    CHECK(valid_utf8("a\xff") == "a" + mark);
    CHECK(valid_utf8("\xc0\xaf") == mark + mark);              // overlong
    CHECK(valid_utf8("\xe0\x80\xaf") == mark + mark + mark);   // overlong
    CHECK(valid_utf8("\xed\xa0\x80") == mark + mark + mark);   // surrogate
    CHECK(valid_utf8("\xf4\x90\x80\x80").starts_with(mark));   // past the end of Unicode
    CHECK(valid_utf8("x\xe4\xb8") == "x" + mark + mark);       // cut off
    CHECK(valid_utf8("\xe4\xb8z") == mark + mark + "z");
    CHECK(utf8_length("Grüße 🙂") == 7);
}

TEST_CASE("text of others cannot steer a terminal") {
    CHECK(terminal_safe("plain Grüße 🙂") == "plain Grüße 🙂");
    CHECK(terminal_safe("a\x1b[31mb") == "a\\u001b[31mb");
    CHECK(terminal_safe("a\nb\tc\rd") == "a\\nb\\tc\\u000dd");
    CHECK(terminal_safe("\x7f") == "\\u007f");
    CHECK(terminal_safe("\xc2\x9b") == "\\u009b");           // CSI as a C1 character
    CHECK(terminal_safe("\x9b") == "\\x9b");                 // and as a bare byte
    CHECK(terminal_safe("\xe2\x80\xae") == "\\u202e");       // right-to-left override
    CHECK(terminal_safe("\xe2\x81\xa6") == "\\u2066");
    CHECK(terminal_safe("\xe2\x80\xa8") == "\\u2028");       // line separator
    CHECK(terminal_safe(std::string("a\0b", 3)) == "a\\u0000b");
}

TEST_CASE("splitting, trimming, lower case") {
    CHECK(split("a,b,,c", ',') == std::vector<std::string>{"a", "b", "", "c"});
    CHECK(split("", ',') == std::vector<std::string>{""});
    CHECK(split(",", ',') == std::vector<std::string>{"", ""});
    CHECK(trim(" \t a b \r\n") == "a b");
    CHECK(trim(" \n ").empty());
    CHECK(to_lower_ascii("ABC xyz Ä") == "abc xyz Ä");
}

}  // namespace
}  // namespace voicectl

TEST_CASE("text of others becomes a value that neither steers nor hides anything") {
    CHECK(voicectl::plain_text("a\nb\tc\x1b[0m", 100) == "a b c [0m");
    CHECK(voicectl::plain_text("a\r\nb\tc\x07", 100, true) == "a\nb\tc ");
    CHECK(voicectl::plain_text("a\u202eb\u200bc\ufeff\U000e0041", 100) == "abc");
    CHECK(voicectl::plain_text("a\u2028b", 100, true) == "a\nb");
    CHECK(voicectl::plain_text("\xff\xc3", 100) == "\ufffd\ufffd");
    CHECK(voicectl::plain_text("äöüäöü", 3) == "äöü");
    CHECK(voicectl::plain_text("", 3).empty());
}

TEST_CASE("a UUID is 32 hexadecimal digits in their five groups") {
    CHECK(voicectl::is_uuid("0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a11"));
    CHECK(voicectl::is_uuid("0B1F6C2E-7A53-4C3E-9D1C-2F6D0C7F1A11"));
    for (const char* text : {"", "0b1f6c2e7a534c3e9d1c2f6d0c7f1a11", "0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a1", "0b1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a111",
                             "gb1f6c2e-7a53-4c3e-9d1c-2f6d0c7f1a11", "0b1f6c2e-7a53-4c3e-9d1c_2f6d0c7f1a11"})
        CHECK_FALSE(voicectl::is_uuid(text));
}
