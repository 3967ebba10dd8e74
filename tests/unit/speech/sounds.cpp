#include "voicectl/speech/sounds.h"

#include <doctest/doctest.h>

using namespace voicectl::speech;

namespace {

const Pronunciations& dictionary() {
    static const auto loaded = Pronunciations::load();
    REQUIRE(loaded);
    return *loaded;
}

double score(const char* expected, const char* heard) { return compare_sounds(expected, heard, dictionary()).score; }

// Answers of different agents to different questions.
constexpr const char* kAnswers[] = {
    "we are open from nine in the morning until ten in the evening",
    "our address is twelve market street next to the old church",
    "i have booked a table for four people we look forward to seeing you",
    "hello this is the garden restaurant how can i help you",
    "you are welcome is there anything else",
    "i can tell you our opening hours and our address or book a table for you",
    "sorry i did not catch that could you say it again",
    "please hold the line while i transfer you to a colleague",
    "your order will arrive on tuesday before noon",
    "the weather tomorrow will be sunny with some clouds in the afternoon",
};

}  // namespace

TEST_CASE("what a recogniser of free speech made of the right answer is taken for it") {
    // As PocketSphinx's full model heard them from a flite voice through a real call.
    CHECK(score("I have booked a table for four people. We look forward to seeing you.",
                "i had been enabled for for detail all wheel it forward to seeing you") >= 0.65);
    CHECK(score("You find us in twelve market street, next to the old church.", "the financing well market street next to the old church") >= 0.65);
    CHECK(score("Our address is twelve market street, next to the old church.", "our address as well market street next to the old church") >= 0.65);
    CHECK(score("We are open from nine in the morning until ten in the evening.", "we are looking for and nine in the morning until ten in the evening") >= 0.65);
}

TEST_CASE("no answer is taken for another") {
    for (const auto* expected : kAnswers)
        for (const auto* heard : kAnswers)
            if (expected != heard) CHECK_MESSAGE(score(expected, heard) < 0.6, expected << " / " << heard);
}

TEST_CASE("few words must be the very words") {
    CHECK(score("goodbye", "good morning") == 0);
    CHECK(score("i do not know", "sorry i did not catch that") < 0.65);
    CHECK(score("at nine", "at nine in the morning") == 1);
}

TEST_CASE("a part of a sentence, and sounds in another order, are not the sentence") {
    CHECK(score("good morning this is the city library what can i do for you", "good morning this is the city") < 0.65);
    CHECK(score("we are open from nine in the morning until ten", "ten until morning the in nine from open are we") < 0.65);
    CHECK(score("we are open from nine in the morning until ten", "") == 0);
}

TEST_CASE("words that the dictionary lacks stand for themselves") {
    CHECK(dictionary().phones("xyzzyq") == std::vector<std::string>{"xyzzyq"});
    CHECK(dictionary().phones("table") == std::vector<std::string>{"T", "EY", "B", "AH", "L"});
    CHECK_FALSE(Pronunciations::load("/nowhere.dict"));
}
