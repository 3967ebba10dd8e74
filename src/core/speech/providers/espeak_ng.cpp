// Text to speech by eSpeak NG: formant synthesis, very quick, many languages. The library is one global
// machine, so there is one Engine per process and one text at a time; streams of one provider take turns
// sentence by sentence.
#include <espeak-ng/speak_lib.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "core/speech/options.h"
#include "core/speech/phonemes.h"
#include "core/speech/piecewise.h"
#include "core/speech/providers/all.h"
#include "voicectl/base/shared_library.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/sentences.h"

namespace voicectl::speech {
namespace {

constexpr auto kEspeakHint = "install it: apt install libespeak-ng1 espeak-ng-data";
const std::vector<std::string> kNames{"libespeak-ng.so.1"};

struct EspeakNgSettings {
    std::string voice;
    int rate_wpm;
    int pitch;
};

int on_sound(short* samples, int count, espeak_EVENT* events) {
    auto* outlet = static_cast<Outlet<TtsSink>*>(events->user_data);
    if (!outlet) return 0;
    if (!samples || count <= 0) return outlet->closed() ? 1 : 0;
    audio::Samples chunk(samples, samples + count);
    const bool wanted =
        outlet->send([chunk = std::move(chunk)](TtsSink& sink) mutable { sink.on_audio(std::move(chunk)); });
    return wanted ? 0 : 1;
}

class Engine {
 public:
    /// The process's only one, started by whoever needs it first.
    static Result<Engine*> get() {
        static std::mutex mutex;
        static Engine* engine = nullptr;  // as long as the library, which is never unloaded
        std::lock_guard lock(mutex);
        if (engine) return engine;
        auto fresh = std::make_unique<Engine>();
        VC_TRY(fresh->start());
        return engine = fresh.release();
    }

    int rate_hz() const { return rate_hz_; }

    bool has_voice(const std::string& name) {
        std::lock_guard lock(mutex_);
        return choose_voice(name);
    }

    /// On a worker. Returns when the text is spoken, or nobody listens any more.
    Result<void> speak(const EspeakNgSettings& settings, const std::string& text, Outlet<TtsSink>& outlet) {
        std::lock_guard lock(mutex_);
        if (outlet.closed()) return {};
        if (!choose_voice(settings.voice)) return fail(Errc::Other, "espeak-ng has lost the voice {}", settings.voice);
        set_parameter_(espeakRATE, settings.rate_wpm, 0);
        set_parameter_(espeakPITCH, settings.pitch, 0);
        const auto code = synth_(text.c_str(), text.size() + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8 | espeakENDPAUSE,
                                 nullptr, &outlet);
        // An abort from on_sound() is reported as an error of some kind; it is none.
        if (code == EE_OK || outlet.closed()) return {};
        return fail(Errc::Other, "espeak-ng cannot speak (error {})", static_cast<int>(code));
    }

    /// IPA of one clause.
    Result<std::string> phonemes(const std::string& voice, const std::string& text) {
        constexpr int kIpa = 0x02;
        std::lock_guard lock(mutex_);
        if (!choose_voice(voice)) return fail(Errc::Other, "espeak-ng has lost the voice {}", voice);
        std::string out;
        for (const void* at = text.c_str(); at != nullptr;) {
            const char* clause = text_to_phonemes_(&at, espeakCHARS_UTF8, kIpa);
            if (clause == nullptr) break;
            if (!out.empty()) out += ' ';
            out += clause;
        }
        return out;
    }

 private:
    Result<void> start() {
        VC_TRY_ASSIGN(const auto library, SharedLibrary::open(kNames, kEspeakHint));
        VC_TRY_ASSIGN(auto* initialise, library.symbol<decltype(&espeak_Initialize)>("espeak_Initialize"));
        VC_TRY_ASSIGN(auto* set_callback, library.symbol<decltype(&espeak_SetSynthCallback)>("espeak_SetSynthCallback"));
        VC_TRY_ASSIGN(synth_, library.symbol<decltype(&espeak_Synth)>("espeak_Synth"));
        VC_TRY_ASSIGN(set_parameter_, library.symbol<decltype(&espeak_SetParameter)>("espeak_SetParameter"));
        VC_TRY_ASSIGN(set_voice_, library.symbol<decltype(&espeak_SetVoiceByName)>("espeak_SetVoiceByName"));
        VC_TRY_ASSIGN(set_properties_,
                      library.symbol<decltype(&espeak_SetVoiceByProperties)>("espeak_SetVoiceByProperties"));
        VC_TRY_ASSIGN(text_to_phonemes_, library.symbol<decltype(&espeak_TextToPhonemes)>("espeak_TextToPhonemes"));
        VC_TRY_ASSIGN(current_voice_, library.symbol<decltype(&espeak_GetCurrentVoice)>("espeak_GetCurrentVoice"));
        constexpr int kChunkMs = 40;
        rate_hz_ = initialise(AUDIO_OUTPUT_SYNCHRONOUS, kChunkMs, nullptr, espeakINITIALIZE_DONT_EXIT);
        if (rate_hz_ <= 0) return fail_with_hint(Errc::Missing, "espeak-ng finds no voice data", kEspeakHint);
        set_callback(&on_sound);
        return {};
    }

    bool choose_voice(const std::string& name) {
        if (name == voice_) return true;
        if (set_voice_(name.c_str()) != EE_OK && !choose_language(name)) return false;
        voice_ = name;
        return true;
    }

    /// "en-gb" is no file name in this version but a language of the voice "en". The library takes the
    /// nearest when it has none, so look at what it took.
    bool choose_language(const std::string& name) {
        voice_.clear();
        espeak_VOICE wanted{};
        wanted.languages = name.c_str();
        if (set_properties_(&wanted) != EE_OK) return false;
        const auto* voice = current_voice_();
        // A list of: one byte of priority, name, zero.
        for (const char* language = voice ? voice->languages : nullptr; language && *language; language += std::strlen(language) + 1)
            if (name == language + 1) return true;
        return false;
    }

    std::mutex mutex_;
    decltype(&espeak_Synth) synth_ = nullptr;
    decltype(&espeak_SetParameter) set_parameter_ = nullptr;
    decltype(&espeak_SetVoiceByName) set_voice_ = nullptr;
    decltype(&espeak_SetVoiceByProperties) set_properties_ = nullptr;
    decltype(&espeak_GetCurrentVoice) current_voice_ = nullptr;
    decltype(&espeak_TextToPhonemes) text_to_phonemes_ = nullptr;
    int rate_hz_ = 0;
    std::string voice_;
};

class EspeakNg final : public TextToSpeech {
 public:
    EspeakNg(Engine& engine, EspeakNgSettings settings, Workers& workers)
        : engine_(engine), settings_(std::move(settings)), queue_(std::make_shared<SerialQueue>(workers)) {}

    int rate_hz() const override { return engine_.rate_hz(); }

    std::unique_ptr<TtsStream> speak(Loop& loop, const std::string& text, TtsSink sink) override {
        auto readable = valid_utf8(text);
        std::replace(readable.begin(), readable.end(), '\0', ' ');  // it would end the text
        const auto say = [&engine = engine_, settings = settings_](const std::string& piece,
                                                                   Outlet<TtsSink>& outlet) {
            return engine.speak(settings, piece, outlet);
        };
        return speak_piecewise(queue_, loop, split_for_speech(readable), say, std::move(sink));
    }

 private:
    Engine& engine_;  // lives as long as the process
    EspeakNgSettings settings_;
    std::shared_ptr<SerialQueue> queue_;
};

/// Names only: the library would also open a path.
bool is_voice_name(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '+';
    });
}

Built<TextToSpeech> build_espeak_ng(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    EspeakNgSettings settings;
    settings.voice = reader.text("voice", "en-us");
    settings.rate_wpm = reader.integer("rate", espeakRATE_NORMAL, espeakRATE_MINIMUM, espeakRATE_MAXIMUM);
    settings.pitch = reader.integer("pitch", 50, 0, 99);
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    auto engine = Engine::get();
    if (!engine) return fault_of(std::move(engine).error());
    if (!is_voice_name(settings.voice) || !(*engine)->has_voice(settings.voice))
        return std::unexpected(OptionFault{"voice", fmt::format("espeak-ng has no voice '{}'", settings.voice),
                                           "for example en-us, en-gb, de, fr"});
    return std::make_unique<EspeakNg>(**engine, settings, context.workers);
}

}  // namespace

const Provider<TextToSpeech> kEspeakNg{"espeak-ng", "eSpeak NG: offline, very quick, many languages",
                                       &build_espeak_ng};

Result<void> check_phonemes(const std::string& voice) {
    VC_TRY_ASSIGN(auto* engine, Engine::get());
    if (!is_voice_name(voice) || !engine->has_voice(voice)) return fail(Errc::Config, "espeak-ng has no voice '{}'", voice);
    return {};
}

Result<std::string> to_phonemes(const std::string& voice, const std::string& text) {
    constexpr std::string_view kPauses = ".,;:!?";
    VC_TRY_ASSIGN(auto* engine, Engine::get());
    std::string out;
    // By clauses of our own, for the library does not tell which sign ended one. A dot within a number ends none.
    for (std::size_t begin = 0; begin < text.size();) {
        auto end = begin;
        while (end < text.size() && !(kPauses.contains(text[end]) && (end + 1 == text.size() || text[end + 1] == ' '))) ++end;
        VC_TRY_ASSIGN(const auto spoken, engine->phonemes(voice, text.substr(begin, end - begin)));
        out += trim(spoken);
        if (end < text.size()) out += text[end];
        if (end + 1 < text.size()) out += ' ';
        begin = end + 1;
    }
    return out;
}

std::string espeak_ng_version() {
    const auto library = SharedLibrary::open(kNames, kEspeakHint);
    if (!library) return fmt::format("not installed: {}", kEspeakHint);
    const auto info = library->symbol<decltype(&espeak_Info)>("espeak_Info");
    if (!info) return info.error().message;
    const char* path = nullptr;
    return (*info)(&path);
}

}  // namespace voicectl::speech
