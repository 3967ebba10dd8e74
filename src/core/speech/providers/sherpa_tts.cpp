// Neural voices of one's own, run by sherpa-onnx: VITS (Piper among them), Matcha (with `vocoder`) and Kokoro (with
// `voices`). The model is loaded once and shared; a text is made sentence by sentence on workers. Without a `lexicon`
// eSpeak NG tells how words are pronounced, for sherpa-onnx no longer does.
#include <algorithm>
#include <cmath>

#include "core/speech/http_tts.h"
#include "core/speech/options.h"
#include "core/speech/phonemes.h"
#include "core/speech/piecewise.h"
#include "core/speech/providers/all.h"
#include "core/speech/sherpa/library.h"
#include "core/speech/sherpa/onnx_file.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/sentences.h"

namespace voicectl::speech {
namespace {

enum class VoiceKind { Vits, Matcha, Kokoro };

struct VoiceFiles {
    VoiceKind kind = VoiceKind::Vits;
    std::string model, tokens, lexicon, vocoder, voices;
};

struct SherpaSpeaker {
    int speaker = 0;
    float speed = 1;
    std::string phonemes;  // eSpeak NG's voice for pronunciation; empty: the model's lexicon
};

class LocalVoice {
 public:
    LocalVoice(const sherpa::Library& library, const SherpaOnnxOfflineTts* handle, SherpaSpeaker speaker)
        : library_(library), handle_(handle), speaker_(std::move(speaker)) {}
    ~LocalVoice() { library_.destroy_voice(handle_); }
    LocalVoice(const LocalVoice&) = delete;
    LocalVoice& operator=(const LocalVoice&) = delete;

    int rate_hz() const { return library_.voice_rate(handle_); }

    /// On a worker, one piece at a time.
    Result<void> say(const std::string& piece, Outlet<TtsSink>& outlet) const {
        SherpaOnnxGenerationConfig config{};
        config.sid = speaker_.speaker;
        config.speed = speaker_.speed;
        config.silence_scale = 0.2f;
        std::vector<std::int32_t> codepoints;
        std::int32_t length = 0;
        if (!speaker_.phonemes.empty()) {
            VC_TRY_ASSIGN(const auto spoken, to_phonemes(speaker_.phonemes, piece));
            codepoints = codepoints_of(spoken);
            if (codepoints.empty()) return {};
            length = static_cast<std::int32_t>(codepoints.size());
            config.phoneme_codepoints = codepoints.data();
            config.phoneme_codepoints_lens = &length;
            config.phoneme_codepoints_num_sentences = 1;
        }
        const auto* sound = library_.generate(handle_, piece.c_str(), &config, &LocalVoice::on_progress, &outlet);
        if (outlet.closed()) {
            if (sound != nullptr) library_.destroy_audio(sound);
            return {};
        }
        if (sound == nullptr) return fail(Errc::Other, "sherpa-onnx cannot speak this text");
        auto samples = to_samples({sound->samples, static_cast<std::size_t>(std::max(sound->n, 0))});
        library_.destroy_audio(sound);
        if (!samples.empty()) outlet.send([samples = std::move(samples)](TtsSink& sink) mutable { sink.on_audio(std::move(samples)); });
        return {};
    }

 private:
    static std::int32_t on_progress(const float*, std::int32_t, float, void* outlet) {
        return static_cast<Outlet<TtsSink>*>(outlet)->closed() ? 0 : 1;
    }
    static audio::Samples to_samples(std::span<const float> floats) {
        audio::Samples out(floats.size());
        std::transform(floats.begin(), floats.end(), out.begin(), [](float value) {
            return std::isfinite(value) ? static_cast<std::int16_t>(std::lround(std::clamp(value, -1.f, 1.f) * 32767)) : std::int16_t{0};
        });
        return out;
    }
    static std::vector<std::int32_t> codepoints_of(const std::string& text) {
        const auto valid = valid_utf8(text);
        std::vector<std::int32_t> out;
        for (const char c : valid) {
            const auto byte = static_cast<unsigned char>(c);
            if ((byte & 0xC0) == 0x80) out.back() = out.back() << 6 | (byte & 0x3F);
            else out.push_back(byte < 0x80 ? byte : byte >= 0xF0 ? byte & 0x07 : byte >= 0xE0 ? byte & 0x0F : byte & 0x1F);
        }
        return out;
    }

    const sherpa::Library& library_;
    const SherpaOnnxOfflineTts* handle_;
    const SherpaSpeaker speaker_;
};

class SherpaTts final : public TextToSpeech {
 public:
    SherpaTts(std::shared_ptr<const LocalVoice> voice, Workers& workers)
        : voice_(std::move(voice)), rate_hz_(voice_->rate_hz()), queue_(std::make_shared<SerialQueue>(workers)) {}

    int rate_hz() const override { return rate_hz_; }
    std::unique_ptr<TtsStream> speak(Loop& loop, const std::string& text, TtsSink sink) override {
        const auto say = [voice = voice_](const std::string& piece, Outlet<TtsSink>& outlet) { return voice->say(piece, outlet); };
        auto pieces = split_for_speech(plain_text(text, text.size()));
        std::erase_if(pieces, [](const auto& piece) { return !has_words(piece); });  // these models sigh over signs alone
        return speak_piecewise(queue_, loop, std::move(pieces), say, std::move(sink));
    }

 private:
    std::shared_ptr<const LocalVoice> voice_;
    int rate_hz_;
    std::shared_ptr<SerialQueue> queue_;
};

VoiceFiles read_voice_files(OptionReader& reader, const ProviderContext& context) {
    VoiceFiles out;
    out.kind = reader.raw("voices") != nullptr ? VoiceKind::Kokoro : reader.raw("vocoder") != nullptr ? VoiceKind::Matcha : VoiceKind::Vits;
    const auto file = [&](const char* key, const char* hint, auto check) -> std::string {
        const auto given = reader.text(key);
        if (!given) {
            if (hint != nullptr) reader.fault(key, "missing", hint);
            return {};
        }
        const auto path = resolve_path(*given, context);
        if (Result<void> fine = check(path); !fine) reader.fault(key, fine.error().message, fine.error().hint);
        return path;
    };
    const auto is_there = [](const std::string& path) -> Result<void> { VC_TRY(read_file(path)); return {}; };
    std::vector<std::string> notes{"sample_rate", "n_speakers"};
    if (out.kind == VoiceKind::Vits) notes.insert(notes.end(), {"language", "comment"});
    if (out.kind == VoiceKind::Kokoro) notes.insert(notes.end(), {"has_espeak", "style_dim"});
    if (out.kind == VoiceKind::Matcha) notes.insert(notes.end(), {"version", "use_eos_bos", "num_ode_steps"});
    out.model = file("model", "the path of the voice's .onnx", [&](const auto& path) { return sherpa::check_onnx(path, notes); });
    out.tokens = file("tokens", "the path of the voice's tokens.txt", sherpa::check_tokens);
    out.lexicon = file("lexicon", nullptr, is_there);
    out.vocoder = file("vocoder", nullptr, [](const auto& path) { return sherpa::check_onnx(path, {}); });
    out.voices = file("voices", nullptr, is_there);
    return out;
}

SherpaOnnxOfflineTtsConfig config_of(const VoiceFiles& files) {
    SherpaOnnxOfflineTtsConfig config{};
    auto& model = config.model;
    const auto* model_file = files.model.c_str();
    const auto *tokens = files.tokens.c_str(), *lexicon = files.lexicon.c_str();
    if (files.kind == VoiceKind::Vits) {
        model.vits.model = model_file, model.vits.tokens = tokens, model.vits.lexicon = lexicon;
        model.vits.noise_scale = 0.667f, model.vits.noise_scale_w = 0.8f, model.vits.length_scale = 1;
    } else if (files.kind == VoiceKind::Matcha) {
        model.matcha.acoustic_model = model_file, model.matcha.tokens = tokens, model.matcha.lexicon = lexicon;
        model.matcha.vocoder = files.vocoder.c_str(), model.matcha.noise_scale = 0.667f, model.matcha.length_scale = 1;
    } else {
        model.kokoro.model = model_file, model.kokoro.tokens = tokens, model.kokoro.lexicon = lexicon;
        model.kokoro.voices = files.voices.c_str(), model.kokoro.length_scale = 1;
    }
    model.provider = "cpu";
    config.max_num_sentences = 1;
    config.silence_scale = 0.2f;
    return config;
}

Built<TextToSpeech> build_sherpa_tts(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    const auto files = read_voice_files(reader, context);
    SherpaSpeaker speaker;
    speaker.speaker = reader.integer("speaker", 0, 0, 10'000);
    speaker.speed = static_cast<float>(reader.number("speed", 1, 0.5, 2));
    speaker.phonemes = reader.text("phonemes", files.lexicon.empty() ? "en-us" : "");
    const auto threads = reader.integer("threads", 1, 1, 16);
    const auto library_path = reader.text("library");
    if (!speaker.phonemes.empty())
        if (auto fine = check_phonemes(speaker.phonemes); !fine) reader.fault("phonemes", fine.error().message, fine.error().hint);
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    const auto library = sherpa::Library::get(library_path ? resolve_path(*library_path, context) : "");
    if (!library) return fault_of(library.error(), library_path ? "library" : "");
    auto config = config_of(files);
    config.model.num_threads = threads;
    const auto* handle = (*library)->create_voice(&config);
    if (handle == nullptr)
        return fault_of(Error{Errc::Config, fmt::format("{} is no voice that sherpa-onnx {} can use", files.model, VC_SHERPA_VERSION), {}}, "model");
    const auto speakers = std::max((*library)->voice_speakers(handle), 1);
    auto voice = std::make_shared<LocalVoice>(**library, handle, speaker);
    if (speaker.speaker >= speakers)
        return std::unexpected(OptionFault{"speaker", fmt::format("the voice has {} speakers", speakers), "they are counted from 0"});
    return std::make_unique<SherpaTts>(std::move(voice), context.workers);
}

}  // namespace

const Provider<TextToSpeech> kSherpaTts{"sherpa", "neural voices of one's own (VITS, Matcha, Kokoro), by sherpa-onnx", &build_sherpa_tts};

}  // namespace voicectl::speech
