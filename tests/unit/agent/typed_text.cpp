#include "core/agent/typed_text.h"

#include <doctest/doctest.h>

using voicectl::agent::to_typed_text;

TEST_CASE("typed text keeps what people see") {
    CHECK(to_typed_text("Grüße, 世界! 👍", 100) == "Grüße, 世界! 👍");
    CHECK(to_typed_text("one\ntwo", 100) == "one\ntwo");
    CHECK(to_typed_text(" \t blanks \n", 100) == "blanks");
    CHECK(to_typed_text("", 100).empty());
}

TEST_CASE("typed text loses what steers or hides") {
    CHECK(to_typed_text(std::string("a\0b\x1b[31mc\x7f", 10), 100) == "ab[31mc");
    CHECK(to_typed_text("a\u202Eb\u2066c\u200Fd", 100) == "abcd");
    CHECK(to_typed_text("a\r\nb\rc\u2028d", 100) == "a\nb\nc\nd");
    CHECK(to_typed_text("hi\U000E0041\U000E0042\uFEFF", 100) == "hi");
    CHECK(to_typed_text("caf\xC3", 100) == "caf\uFFFD");
}

TEST_CASE("typed text is cut between characters") {
    CHECK(to_typed_text("üüüüü", 3) == "üüü");
    CHECK(to_typed_text(std::string(100000, 'x'), 4000).size() == 4000);
    CHECK(to_typed_text("👍👍👍", 2) == "👍👍");
}
