#include "voicectl/speech/sentences.h"

#include <doctest/doctest.h>

#include <vector>

using voicectl::speech::SentenceSplitter;

namespace {

std::vector<std::string> cut(const std::string& text, std::size_t piece = 3) {
    SentenceSplitter splitter;
    std::vector<std::string> out;
    for (std::size_t i = 0; i < text.size(); i += piece) {
        splitter.push(text.substr(i, piece));
        while (auto sentence = splitter.next()) out.push_back(*sentence);
    }
    if (auto rest = splitter.rest()) out.push_back(*rest);
    return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("sentences come out whole, whatever the pieces were") {
    for (std::size_t piece : {1, 2, 7, 1000}) {
        CHECK(cut("We are open today. Please come by! Will you be many?", piece) ==
              Texts{"We are open today.", "Please come by!", "Will you be many?"});
    }
}

TEST_CASE("abbreviations, numbers and initials end no sentence") {
    CHECK(cut("Please see Dr. Smith at 3.5 Main St. today.") == Texts{"Please see Dr. Smith at 3.5 Main St. today."});
    CHECK(cut("Ask for J. Miller please.") == Texts{"Ask for J. Miller please."});
}

TEST_CASE("a short answer waits for company, but not for ever") {
    CHECK(cut("Yes. We are open.") == Texts{"Yes. We are open."});
    CHECK(cut("Yes.") == Texts{"Yes."});
    CHECK(cut("  \n ").empty());
}

TEST_CASE("the first piece may be a clause, and no other") {
    SentenceSplitter splitter(SentenceSplitter::First::Clause);
    splitter.push("Well, your table for four people is booked, and we");
    CHECK(splitter.next() == "Well, your table for four people is booked,");
    splitter.push(" look forward to your visit tomorrow evening, as always. Good");
    CHECK(splitter.next() == "and we look forward to your visit tomorrow evening, as always.");
    CHECK_FALSE(splitter.next());
    CHECK(splitter.rest() == "Good");
}

TEST_CASE("a short clause and a number with commas do not start early") {
    SentenceSplitter splitter(SentenceSplitter::First::Clause);
    splitter.push("Yes, that is right. It costs ");
    CHECK(splitter.next() == "Yes, that is right.");
    SentenceSplitter number(SentenceSplitter::First::Clause);
    number.push("The whole of it would cost 12,500 euros without");
    CHECK_FALSE(number.next());
}

TEST_CASE("text without an end is cut at a comma or space, never inside a character") {
    std::string endless;
    for (int i = 0; i < 200; ++i) endless += "word, ";
    for (const auto& part : cut(endless)) CHECK(part.size() <= 400);
    std::string solid;
    for (int i = 0; i < 500; ++i) solid += "ü";
    for (const auto& part : cut(solid)) CHECK((static_cast<unsigned char>(part.front()) & 0xC0) != 0x80);
}
