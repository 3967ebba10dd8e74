// Answers of voices and recognisers, as bytes: whatever comes, it is read or refused.
#include <doctest/doctest.h>

#include <random>

#include "core/speech/heard_answer.h"
#include "core/speech/voice_answer.h"
#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::speech;

namespace {

/// Flips, cuts, doubles and inserts, the same each time.
std::string spoilt(std::string bytes, std::minstd_rand& dice) {
    const auto upto = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end)(dice); };
    for (auto times = upto(4); times > 0 && !bytes.empty(); --times) {
        const auto at = upto(bytes.size() - 1);
        switch (upto(4)) {
            case 0: bytes[at] = static_cast<char>(upto(255)); break;
            case 1: bytes.resize(at); break;
            case 2: bytes.insert(at, bytes.substr(at, 40)); break;
            case 3: bytes.insert(at, 1, static_cast<char>(upto(255))); break;
            default: bytes.erase(at, upto(20)); break;
        }
    }
    return bytes;
}

const std::vector<std::pair<std::string, std::string>> kVoiceBodies{
    {"audio/wav", std::string("RIFF\x34\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\xC0\x5D\0\0\x80\xBB\0\0\x02\0\x10\0data\x10\0\0\0", 44) + std::string(16, 'a')},
    {"audio/pcm", "12345678"},
    {"text/event-stream", "data: {\"type\":\"speech.audio.delta\",\"delta\":\"QUJDRA==\"}\n\ndata: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}\n\n"},
    {"application/json", "{\"error\":{\"message\":\"no\"}}"},
    {"audio/pcm;rate=7777777777777", "1234"},
    {"audio/l16; rate=8000 ; channels=1", "1234"},
};
const std::vector<std::pair<std::string, std::string>> kHeardBodies{
    {"application/json", "{\"text\":\"hello there\",\"usage\":{\"type\":\"duration\",\"seconds\":3}}"},
    {"text/plain", "hello"},
    {"text/event-stream", "data: {\"type\":\"transcript.text.delta\",\"delta\":\"hel\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"hello\",\"usage\":{\"input_tokens\":3}}\n\n"},
    {"text/html", "<html>"},
};

template<class Check>
void try_spoilt(const std::vector<std::pair<std::string, std::string>>& bodies, Check check) {
    std::minstd_rand dice(7);
    for (int i = 0; i < 20'000; ++i) {
        const auto& [type, good] = bodies[static_cast<std::size_t>(i) % bodies.size()];
        const auto bytes = spoilt(good, dice);
        check(type, bytes, dice);
    }
}

}  // namespace

TEST_CASE("a voice's answer is read or refused, whatever comes and however it is cut") {
    int read = 0, refused = 0;
    try_spoilt(kVoiceBodies, [&](const std::string& type, std::string_view bytes, std::minstd_rand& dice) {
        VoiceAnswer answer(type, 24000, 24000);
        bool good = true;
        while (good && !bytes.empty()) {
            const auto cut = std::min<std::size_t>(bytes.size(), 1 + dice() % 30);
            good = answer.push(bytes.substr(0, cut)).has_value();
            bytes.remove_prefix(cut);
        }
        const auto end = good ? answer.finish() : Result<audio::Samples>(fail(Errc::Protocol, "cut off"));
        if (!end) CHECK(end.error().message.find('\n') == std::string::npos);
        ++(end ? read : refused);
        if (const auto& usage = answer.usage()) CHECK(usage->input_tokens >= 0);
    });
    CHECK(read > 2000);
    CHECK(refused > 2000);
}

TEST_CASE("a recogniser's answer is read or refused, whatever comes and however it is cut") {
    int read = 0, refused = 0;
    try_spoilt(kHeardBodies, [&](const std::string& type, std::string_view bytes, std::minstd_rand& dice) {
        HeardAnswer answer(type);
        bool good = true;
        while (good && !bytes.empty()) {
            const auto cut = std::min<std::size_t>(bytes.size(), 1 + dice() % 30);
            good = answer.push(bytes.substr(0, cut)).has_value();
            bytes.remove_prefix(cut);
        }
        const auto text = good ? answer.finish() : Result<std::string>(fail(Errc::Protocol, "cut off"));
        if (text) CHECK(valid_utf8(*text) == *text);
        else CHECK(text.error().message.find('\n') == std::string::npos);
        ++(text ? read : refused);
    });
    CHECK(read > 2000);
    CHECK(refused > 2000);
}

TEST_CASE("a WAV whose length is a lie ends where its bytes end") {
    // An hour and more was promised by a server that streams and cannot know.
    std::string wav("RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\x01\0\xC0\x5D\0\0\x80\xBB\0\0\x02\0\x10\0data\xFF\xFF\xFF\xFF", 44);
    VoiceAnswer answer("audio/wav", 24000, 24000);
    const auto sound = answer.push(wav + "abcd");
    REQUIRE(sound);
    CHECK(sound->size() == 2);
    CHECK(answer.finish());
}
