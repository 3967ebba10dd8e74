#include "voicectl/speech/sentences.h"

#include <doctest/doctest.h>

using namespace voicectl::speech;
using Pieces = std::vector<std::string>;

TEST_CASE("texts are cut into sentences, not at every dot") {
    CHECK(split_for_speech("One. Two! Three?") == Pieces{"One.", "Two!", "Three?"});
    CHECK(split_for_speech("It costs 3.50 at example.com. Yes.") == Pieces{"It costs 3.50 at example.com.", "Yes."});
    CHECK(split_for_speech("Dr. Smith is in from 9 a.m. to noon.") == Pieces{"Dr. Smith is in from 9 a.m. to noon."});
    CHECK(split_for_speech("Really?! Yes...") == Pieces{"Really?!", "Yes..."});
    CHECK(split_for_speech("line one\nline two") == Pieces{"line one", "line two"});
    CHECK(split_for_speech(" \n ").empty());
}

TEST_CASE("long sentences are cut at a comma, a space, or hard but between characters") {
    CHECK(split_for_speech("aaaa bbbb, cccc dddd", 12) == Pieces{"aaaa bbbb,", "cccc dddd"});
    CHECK(split_for_speech("aaaa bbbb cccc", 10) == Pieces{"aaaa bbbb", "cccc"});
    std::string umlauts;
    for (int i = 0; i < 11; ++i) umlauts += "\xC3\xA4";
    const auto pieces = split_for_speech(umlauts, 5);
    std::string joined;
    for (const auto& piece : pieces) {
        CHECK(piece.size() <= 5);
        CHECK(piece.size() % 2 == 0);
        joined += piece;
    }
    CHECK(joined == umlauts);
    CHECK(split_for_speech(std::string(10, '\x80'), 4).size() >= 3);  // broken UTF-8 ends too
}

TEST_CASE("engines that know ASCII only get the plain form of what has one") {
    CHECK(to_plain_ascii("caf\xC3\xA9 na\xC3\xAFve \xC3\x9F") == "cafe naive ss");
    CHECK(to_plain_ascii("\u201CHi\u201D \u2014 it\u2019s 5\u20AC\u2026") == "\"Hi\" ,  it's 5 euros ...");
    CHECK(to_plain_ascii("a\xF0\x9F\x98\x80z") == "a z");
    for (const char c : to_plain_ascii("\xFF\x01\x1B[0m\xC3\x97")) CHECK((c >= ' ' && c < 0x7F));
}
