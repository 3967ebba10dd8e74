// Models of one's own, run by sherpa-onnx. Their files are too large to be fetched for a test: a voice is spoken with
// when VOICECTL_TEST_VOICE names a folder with voice.onnx and tokens.txt (scripts/piper_voice.py makes one), and faults
// are tried always.
#include <cstdlib>
#include <fstream>

#include "engines.h"
#include "support/temp_folder.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/speech/compare.h"

using namespace voicectl;
using namespace voicectl::speech;
using nlohmann::json;

namespace {

const std::string kSherpaFolder = VC_SOURCE_DIR "/.cache/sherpa/";
const std::string kReadme = VC_SOURCE_DIR "/README.md";
const std::string kOtherModel = kSherpaFolder + "silero_vad_16k_op15.onnx";

std::string voice_folder() {
    const char* folder = std::getenv("VOICECTL_TEST_VOICE");
    return folder != nullptr ? folder : "";
}

template<class Build>
std::string fault_of_files(Build build, json options) {
    options["provider"] = "sherpa";
    const auto built = build(options, test::context());
    REQUIRE_FALSE(built);
    CHECK(built.error().message.find('\n') == std::string::npos);
    return built.error().key + ": " + built.error().message;
}

}  // namespace

TEST_CASE("local recognisers: files that are missing, or of another kind, are named when they are") {
    const test::TempFolder folder;
    const auto tokens = folder.file("tokens.txt");
    std::ofstream(tokens) << "<blk> 0\na 1\n";
    const auto fault = [](const json& options) { return fault_of_files(build_stt, options); };
    CHECK(fault({{"tokens", tokens}}).starts_with("encoder: one of encoder and model"));
    CHECK(fault({{"model", "/nowhere/ctc.onnx"}, {"tokens", tokens}}) == "model: /nowhere/ctc.onnx is not there");
    CHECK(fault({{"model", kReadme}, {"tokens", tokens}}).find("is no ONNX model") != std::string::npos);
    CHECK(fault({{"model", kOtherModel}, {"tokens", tokens}}).find("does not tell its encoder_dims") != std::string::npos);
    CHECK(fault({{"encoder", kOtherModel}, {"decoder", kOtherModel}, {"joiner", kOtherModel}, {"tokens", tokens}}).starts_with("encoder: "));
    CHECK(fault({{"encoder", kOtherModel}, {"decoder", kOtherModel}, {"tokens", tokens}}).find("lfr_window_size") != std::string::npos);
    CHECK(fault({{"model", kOtherModel}}).starts_with("model: "));
    CHECK(fault({{"threads", 0}, {"tokens", "/nowhere/tokens.txt"}}).starts_with("tokens: "));
    CHECK(fault({{"modle", "x"}}).starts_with("modle: "));
}

TEST_CASE("local voices: files that are missing, or of another kind, are named when they are") {
    const test::TempFolder folder;
    const auto tokens = folder.file("tokens.txt");
    std::ofstream(tokens) << "_ 0\na 1\n";
    const auto fault = [](const json& options) { return fault_of_files(build_tts, options); };
    CHECK(fault({{"tokens", tokens}}).starts_with("model: missing"));
    CHECK(fault({{"model", "/nowhere/voice.onnx"}, {"tokens", tokens}}) == "model: /nowhere/voice.onnx is not there");
    CHECK(fault({{"model", kReadme}, {"tokens", tokens}}).find("is no ONNX model") != std::string::npos);
    CHECK(fault({{"model", kOtherModel}, {"tokens", tokens}}).find("does not tell its sample_rate") != std::string::npos);
    CHECK(fault({{"model", kOtherModel}, {"tokens", tokens}, {"voices", "/nowhere/voices.bin"}}).starts_with("model: "));
    CHECK(fault({{"speed", 9}, {"model", kOtherModel}, {"tokens", kReadme}}).starts_with("model: "));
    CHECK(fault({{"lexikon", "x"}}).starts_with("lexikon: "));
}

TEST_CASE("local voices: a voice speaks, stops when dropped, and is understood") {
    if (voice_folder().empty()) {
        MESSAGE("skipped: VOICECTL_TEST_VOICE is not set");
        return;
    }
    const json options{{"provider", "sherpa"}, {"model", voice_folder() + "/voice.onnx"}, {"tokens", voice_folder() + "/tokens.txt"}, {"library", kSherpaFolder + "lib/libsherpa-onnx-c-api.so"}};
    const auto with = [&](const json& more) {
        auto all = options;
        all.update(more);
        return all;
    };
    CHECK(build_tts(with({{"speaker", 7}}), test::context()).error().key == "speaker");
    CHECK(build_tts(with({{"phonemes", "xx-none"}}), test::context()).error().key == "phonemes");
    const auto voice = test::must(build_tts(options, test::context()));
    for (const std::string text : {"", "  ", "...", "\xF0\x9F\x98\x80"}) CHECK(audio::speech_bounds(test::spoken(*voice, text)).empty());
    const auto pcm = test::spoken(*voice, "What are your opening hours?");
    CHECK(pcm.duration() > std::chrono::seconds(1));
    CHECK(pcm.duration() < std::chrono::seconds(4));
    CHECK(audio::measure(pcm.samples).rms_dbfs > -35);
    CHECK(test::heard(test::full_model(), pcm).find("opening") != std::string::npos);
    const auto quick = test::must(build_tts(with({{"speed", 1.5}}), test::context()));
    CHECK(test::spoken(*quick, "What are your opening hours?").samples.size() < pcm.samples.size() * 9 / 10);

    test::LiveLoop loop;
    test::Waiter waiter;
    int chunks = 0;
    std::string text;
    for (int i = 0; i < 100; ++i) text += "This sentence is never heard to its end. ";
    auto stream = loop.on_loop([&] {
        return voice->speak(loop.get(), text, {.on_audio = [&](const audio::Samples&) { waiter.change([&] { ++chunks; }); }, .on_done = [] {}, .on_error = [](const Error&) {}});
    });
    REQUIRE(waiter.wait([&] { return chunks > 0; }));
    loop.on_loop([&] { stream.reset(); });
    const auto before = loop.on_loop([&] { return chunks; });
    CHECK(!test::spoken(*voice, "Next.").samples.empty());
    CHECK(loop.on_loop([&] { return chunks; }) == before);
}
