#include <doctest/doctest.h>

#include <optional>

#include "voicectl/agent/turn_judge.h"

using namespace voicectl::agent;
using enum Completeness;

namespace {

Completeness judged(const std::vector<std::string>& languages, const std::string& text) {
    std::optional<Completeness> verdict;
    make_text_rules(languages)->judge(text, [&](Completeness said) { verdict = said; });
    REQUIRE(verdict);
    return *verdict;
}

struct Row {
    Completeness expected;
    const char* text;
};

void check(const std::vector<std::string>& languages, const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(static_cast<int>(judged(languages, row.text)) == static_cast<int>(row.expected));
    }
}

}  // namespace

TEST_CASE("English: what is unfinished, finished, or may be either") {
    check({"en"}, {
        {Unfinished, "I would like a table for"}, {Unfinished, "my name is"}, {Unfinished, "My number is."},
        {Unfinished, "and"},
        {Unfinished, "two people and the"}, {Unfinished, "I want to book um"}, {Unfinished, "I want to book, um..."},
        {Unfinished, "on monday,"}, {Unfinished, "well"}, {Unfinished, "let me see"}, {Unfinished, "just a moment"},
        {Unfinished, "can you"}, {Unfinished, "could you please"}, {Unfinished, "what is your"}, {Unfinished, "a table on"},
        {Unfinished, "oh one seven"}, {Unfinished, "my number is 0176 55"}, {Unfinished, "s m i"},
        {Unfinished, "it's S. M."},
        {Unfinished, "I\u2019d like"}, {Unfinished, "nine point"}, {Unfinished, "the thing is\u2026"},
        {Unfinished, "I'd like to go to"},
        {Finished, "yes"}, {Finished, "No."}, {Finished, "Yes, please."}, {Finished, "thank you"},
        {Finished, "great thanks"},
        {Finished, "when are you open"}, {Finished, "When are you open?"}, {Finished, "how much does it cost"},
        {Finished, "can you help me"},
        {Finished, "a table for two please"}, {Finished, "goodbye"}, {Finished, "that's all"}, {Finished, "for?"},
        {Open, "I would like to book a table"}, {Open, "a table for two"}, {Open, "who is it for"},
        {Open, "where do you come from"},
        {Open, "turn it on"}, {Open, "when i was young"}, {Open, "please"}, {Open, "hello"}, {Open, ""}, {Open, "  ... "},
        {Open, "my number is zero one seven six five five five"}, {Open, "the year is 1984"}, {Open, "what"},
        {Open, "vitamin c"},
    });
}

TEST_CASE("German: what is unfinished, finished, or may be either") {
    check({"de"}, {
        {Unfinished, "ich möchte einen Tisch für"}, {Unfinished, "mein Name ist"}, {Unfinished, "am Montag und"},
        {Unfinished, "Ähm"},
        {Unfinished, "ÄHM"}, {Unfinished, "ja also"}, {Unfinished, "einen Moment"}, {Unfinished, "null eins sieben"},
        {Unfinished, "weil"},
        {Unfinished, "können Sie bitte"}, {Unfinished, "ich komme mit der"}, {Unfinished, "am Dienstag,"},
        {Unfinished, "ich hätte gerne"},
        {Finished, "Ja."}, {Finished, "nein danke"}, {Finished, "Vielen Dank"}, {Finished, "wann haben Sie geöffnet"},
        {Finished, "Wie lange dauert das?"}, {Finished, "können Sie mir helfen"}, {Finished, "auf Wiederhören"},
        {Finished, "das war's"},
        {Finished, "einen Tisch für zwei bitte"},
        {Open, "ich möchte einen Tisch bestellen"}, {Open, "wie ich schon sagte"}, {Open, "bitte"},
        {Finished, "was kostet das"},
        {Open, "guten Tag"},
    });
}

TEST_CASE("two languages at once: what they disagree about is left open") {
    check({"en", "de"}, {
        {Unfinished, "ich möchte einen Tisch für"}, {Unfinished, "a table for"}, {Finished, "yes"}, {Finished, "ja"},
        {Finished, "nein danke"},
        {Finished, "when are you open"}, {Open, "how did he die"}, {Open, "guten Tag"},
    });
}

TEST_CASE("no language, no rules") { check({}, {{Open, "and"}, {Open, "yes"}}); }
