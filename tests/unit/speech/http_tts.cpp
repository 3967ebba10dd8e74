#include "core/speech/http_tts.h"

#include <doctest/doctest.h>

#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::speech;

TEST_CASE("a text is cut at ends of sentences into the fewest parts that fit") {
    using Parts = std::vector<std::string>;
    CHECK(pieces_of("", 10).empty());
    CHECK(pieces_of("  \n ", 10).empty());
    CHECK(pieces_of(" One. Two. ", 20) == Parts{"One. Two."});
    CHECK(pieces_of("One. Two. Three.", 10) == Parts{"One. Two.", "Three."});
    CHECK(pieces_of("One sentence, which is long. Two.", 15) == Parts{"One sentence,", "which is long.", "Two."});
    CHECK(pieces_of("aaaaaaaaaaaaaaaaaaaaaaaaa", 10) == Parts{"aaaaaaaaaa", "aaaaaaaaaa", "aaaaa"});
    std::string umlauts;
    for (int i = 0; i < 25; ++i) umlauts += "\xC3\xA4";
    const auto parts = pieces_of(umlauts, 10);
    CHECK(parts.size() == 3);
    for (const auto& part : parts) {
        CHECK(utf8_length(part) <= 10);
        CHECK(valid_utf8(part) == part);
    }
}

TEST_CASE("words are letters and digits of any script, not signs and pictures") {
    for (const std::string text : {"a", " 7 ", "\xC3\xA9", "\xE4\xBD\xA0", "\xD0\xB4", "... a"}) CHECK(has_words(text));
    for (const std::string text : {"", " \n", "...", "\xE2\x80\xA6", "\xF0\x9F\x98\x80", "\xE2\x9D\xA4\xEF\xB8\x8F", "\xC2\xA0", "-\xE2\x80\x93-"}) CHECK(!has_words(text));
}
