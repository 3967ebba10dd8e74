#include "voicectl/speech/compare.h"

#include <doctest/doctest.h>

#include <fmt/ranges.h>

using namespace voicectl::speech;

namespace {

std::string words(std::string_view text) { return fmt::format("{}", fmt::join(to_words(text), " ")); }

bool part(std::string_view expected, std::string_view heard) {
    return compare_words(expected, heard, Extent::Part).score >= 0.7;
}

}  // namespace

TEST_CASE("words are lower case and without punctuation") {
    CHECK(words("Hello, World! (It's a \"test\"...)") == "hello world it's a test");
    CHECK(words("  \n\t ").empty());
    CHECK(words("...!?").empty());
    CHECK(words("twenty-one — yes") == "twenty one yes");
    CHECK(words("We\u2019re \u201Chere\u201D") == "we're here");
    CHECK(words("'quoted'") == "quoted");
}

TEST_CASE("numbers are spelled as they are spoken") {
    CHECK(words("9") == "nine");
    CHECK(words("0") == "zero");
    CHECK(words("21") == "twenty one");
    CHECK(words("100") == "one hundred");
    CHECK(words("342") == "three hundred forty two");
    CHECK(words("1,250") == "one thousand two hundred fifty");
    CHECK(words("2000000") == "two million");
    CHECK(words("3.14") == "three point one four");
    CHECK(words("007") == "zero zero seven");
    CHECK(words("1st 2nd 3rd 12th 20th 21st") == "first second third twelfth twentieth twenty first");
    CHECK(words("$5 and 7%") == "five dollars and seven percent");
    CHECK(words("999999999999999999999999").starts_with("nine nine nine"));
    CHECK(words("1, 2, 3") == "one two three");
}

TEST_CASE("times, titles and signs") {
    CHECK(words("10:30") == "ten thirty");
    CHECK(words("9:05") == "nine oh five");
    CHECK(words("9:00 to 17:00") == "nine to seventeen");
    CHECK(words("9am") == "nine am");
    CHECK(words("9 a.m. to 5:30 P.M.") == "nine am to five thirty pm");
    CHECK(words("nine a m") == "nine am");
    CHECK(words("I am here") == "i am here");
    CHECK(words("Dr. Smith & Mr Jones, ok?") == "doctor smith and mister jones okay");
}

TEST_CASE("foreign letters stay, emoji and broken bytes separate") {
    CHECK(words("caf\xC3\xA9 \xF0\x9F\x98\x80 ol\xC3\xA9") == "caf\xC3\xA9 ol\xC3\xA9");
    CHECK(to_words("a\xFF\xFE z").size() >= 2);
    CHECK(words("\xC2\xBFqu\xC3\xA9?") == "qu\xC3\xA9");
}

TEST_CASE("equal texts match in full, whatever their spelling") {
    const auto match = compare_words("We're open 9am to 5:30pm.", "we're open nine a. m. to five thirty p. m.", Extent::Whole);
    CHECK(match.score == 1);
    CHECK(match.matched == match.expected);
    CHECK(match.word_error_rate() == 0);
    CHECK(match.missing.empty());
}

TEST_CASE("errors are counted by their kind") {
    const auto match = compare_words("a b c d e", "a x c e f", Extent::Whole);  // b -> x, d lost, f new
    CHECK(match.expected == 5);
    CHECK(match.matched == 3);
    CHECK(match.substituted == 1);
    CHECK(match.deleted == 1);
    CHECK(match.inserted == 1);
    CHECK(match.word_error_rate() == doctest::Approx(0.6));
    CHECK(match.score == doctest::Approx(0.4));
    CHECK(match.missing == std::vector<std::string>{"b", "d"});
    CHECK(match.extra == std::vector<std::string>{"x", "f"});
}

TEST_CASE("a part may stand anywhere in what was heard, for a whole further words cost") {
    const std::string expected = "open from nine to five";
    const std::string heard = "well thank you for asking we are open from nine to five every day but sunday";
    CHECK(compare_words(expected, heard, Extent::Part).score == 1);
    CHECK(compare_words(expected, heard, Extent::Part).inserted == 0);
    CHECK(compare_words(expected, heard, Extent::Whole).score == 0);
    CHECK(compare_words(expected, heard, Extent::Whole).inserted == 11);
}

TEST_CASE("order matters") {
    CHECK(!part("one two three four five six", "six five four three two one"));
    CHECK(!part("from nine to five", "from five to nine"));
}

TEST_CASE("words of the answer scattered over other speech are not the answer") {
    CHECK(!part("we are open from nine to five",
                "we had a lot to do and are now done so the open house is from the first of nine days up to about five"));
}

TEST_CASE("a recogniser's usual errors pass, another answer does not") {
    const std::string expected = "our address is twelve main street right beside the station";
    CHECK(part(expected, "our address as well main street right beside the station"));
    for (const std::string other : {"we are closed on sundays", "we are open from nine in the morning until five in the afternoon",
                                    "thank you for calling and goodbye", "the address of our street is a secret", ""}) {
        CAPTURE(other);
        CHECK(compare_words(expected, other, Extent::Part).score < 0.4);
    }
    CHECK(!part("we are closed on sundays", expected));
    CHECK(!part("we are closed on sundays", "we are open on mondays"));
}

TEST_CASE("a plural or possessive s is forgiven, words that sound alike are not") {
    CHECK(compare_words("two tables at the doctor's", "two table at the doctors", Extent::Whole).score == 1);
    CHECK(compare_words("his pass", "hi pas", Extent::Whole).score == 0);
    CHECK(compare_words("for", "four", Extent::Whole).score == 0);
}

TEST_CASE("empty texts") {
    CHECK(compare_words("", "", Extent::Whole).score == 1);
    CHECK(compare_words("", "noise", Extent::Whole).score == 0);
    CHECK(compare_words("word", "", Extent::Whole).score == 0);
    CHECK(compare_words("word", "", Extent::Part).missing == std::vector<std::string>{"word"});
}

TEST_CASE("long transcripts are compared too") {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += fmt::format("word{} ", static_cast<char>('a' + i % 26));
    CHECK(compare_words(text, text, Extent::Whole).score == 1);
}
