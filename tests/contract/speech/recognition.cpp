// Engines against each other: what one speaks the other must understand, and nothing else.
#include "engines.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/speech/compare.h"

using namespace voicectl;
using namespace voicectl::speech;
using voicectl::test::heard;
using voicectl::test::spoken;

namespace {

const std::vector<std::string> kSentences{
    "what are your opening hours",      "where can i find you",
    "i would like to book a table for four people", "do you have parking",
    "thank you and goodbye",            "are you open on sunday"};

std::unique_ptr<SpeechToText> sentences() {
    return test::must(build_stt({{"provider", "pocketsphinx"}, {"phrases", kSentences}}, test::context()));
}

}  // namespace

TEST_CASE("a grammar of sentences hears each of them from every voice, the first one too") {
    for (const std::string provider : {"flite", "espeak-ng"}) {
        auto& voice = provider == "flite" ? test::flite() : test::espeak();
        const auto engine = sentences();
        for (const auto& sentence : kSentences) {
            CAPTURE(provider);
            CHECK(heard(*engine, spoken(voice, sentence)) == sentence);
        }
    }
}

TEST_CASE("free speech of flite is understood well enough to tell one answer from another") {
    const std::vector<std::string> answers{
        "We are open from nine in the morning until five in the afternoon.",
        "Our address is twelve main street, right beside the station.",
        "I have booked a table for four people at seven in the evening.",
        "We are closed on sundays.",
        "Thank you for calling, and goodbye."};
    int wrong = 0, all = 0;
    for (const auto& said : answers) {
        const auto text = heard(test::full_model(), spoken(test::flite(), said));
        MESSAGE(said << "  ->  " << text);
        for (const auto& expected : answers) {
            const auto match = compare_words(expected, text, Extent::Part);
            CAPTURE(expected);
            CAPTURE(match.score);
            CHECK((match.score >= 0.7) == (said == expected));
            if (said != expected) continue;
            const auto whole = compare_words(expected, text, Extent::Whole);
            wrong += whole.substituted + whole.deleted + whole.inserted;
            all += whole.expected;
        }
    }
    MESSAGE("word errors: " << wrong << " of " << all);
    CHECK(wrong * 100 <= all * 20);
}
