// Text to speech by flite (CMU): small, offline, streams its sound while it is made. A voice is one global
// object of its library with its settings inside, so each voice speaks one text at a time per process.
#include <flite/flite.h>
#include <flite/flite_version.h>

#include <mutex>

#include "core/speech/options.h"
#include "core/speech/piecewise.h"
#include "core/speech/providers/all.h"
#include "voicectl/base/shared_library.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/sentences.h"

namespace voicectl::speech {
namespace {

constexpr auto kFliteHint = "install it: apt install libflite1";

struct Voice {
    decltype(&flite_text_to_wave) synthesise;
    decltype(&flite_feat_set) set;
    decltype(&flite_feat_set_float) set_float;
    decltype(&flite_feat_remove) remove;
    decltype(&new_audio_streaming_info) new_streaming_info;
    decltype(&audio_streaming_info_val) streaming_info_value;
    decltype(&delete_wave) free_wave;
    cst_voice* voice;
    int rate_hz;
    std::mutex speaking;
};

int on_sound(const cst_wave* wave, int start, int size, int /*last*/, cst_audio_streaming_info* info) {
    auto& outlet = *static_cast<Outlet<TtsSink>*>(info->userdata);
    if (size <= 0) return outlet.closed() ? CST_AUDIO_STREAM_STOP : CST_AUDIO_STREAM_CONT;
    audio::Samples chunk(wave->samples + start, wave->samples + start + size);
    const bool wanted =
        outlet.send([chunk = std::move(chunk)](TtsSink& sink) mutable { sink.on_audio(std::move(chunk)); });
    return wanted ? CST_AUDIO_STREAM_CONT : CST_AUDIO_STREAM_STOP;
}

Result<std::unique_ptr<Voice>> load_voice(const std::string& name) {
    // The voice first: it brings the engine along, and the engine's functions are found through it.
    VC_TRY_ASSIGN(const auto library, SharedLibrary::open({fmt::format("libflite_cmu_us_{}.so.1", name)}, kFliteHint));
    const auto start = fmt::format("register_cmu_us_{}", name);
    VC_TRY_ASSIGN(auto* init, library.symbol<decltype(&flite_init)>("flite_init"));
    VC_TRY_ASSIGN(auto* enter, library.symbol<cst_voice* (*)(const char*)>(start.c_str()));
    auto voice = std::make_unique<Voice>();
    VC_TRY_ASSIGN(voice->synthesise, library.symbol<decltype(&flite_text_to_wave)>("flite_text_to_wave"));
    VC_TRY_ASSIGN(voice->set, library.symbol<decltype(&flite_feat_set)>("flite_feat_set"));
    VC_TRY_ASSIGN(voice->set_float, library.symbol<decltype(&flite_feat_set_float)>("flite_feat_set_float"));
    VC_TRY_ASSIGN(voice->remove, library.symbol<decltype(&flite_feat_remove)>("flite_feat_remove"));
    VC_TRY_ASSIGN(voice->new_streaming_info,
                  library.symbol<decltype(&new_audio_streaming_info)>("new_audio_streaming_info"));
    VC_TRY_ASSIGN(voice->streaming_info_value,
                  library.symbol<decltype(&audio_streaming_info_val)>("audio_streaming_info_val"));
    VC_TRY_ASSIGN(voice->free_wave, library.symbol<decltype(&delete_wave)>("delete_wave"));
    init();
    voice->voice = enter(nullptr);
    if (!voice->voice) return fail(Errc::Other, "flite cannot start the voice {}", name);
    // The first text builds what the voice and the dictionary need; it also tells the voice's rate.
    auto* wave = voice->synthesise("a", voice->voice);
    if (!wave) return fail(Errc::Other, "the voice {} of flite says nothing", name);
    voice->rate_hz = wave->sample_rate;
    voice->free_wave(wave);
    return voice;
}

/// The process's one object per voice, loaded by whoever needs it first.
Result<Voice*> shared_voice(const std::string& name) {
    static std::mutex mutex;
    static auto& voices = *new std::vector<std::pair<std::string, std::unique_ptr<Voice>>>;  // as long as the library
    std::lock_guard lock(mutex);  // registering is not safe beside itself
    for (const auto& [known, voice] : voices)
        if (known == name) return voice.get();
    VC_TRY_ASSIGN(auto voice, load_voice(name));
    return voices.emplace_back(name, std::move(voice)).second.get();
}

Result<void> say_piece(Voice& voice, double speed, const std::string& piece, Outlet<TtsSink>& outlet) {
    std::lock_guard lock(voice.speaking);
    auto* info = voice.new_streaming_info();
    info->asc = &on_sound;
    info->userdata = &outlet;
    auto* features = voice.voice->features;
    voice.set(features, "streaming_info", voice.streaming_info_value(info));
    voice.set_float(features, "duration_stretch", static_cast<float>(1 / speed));
    auto* wave = voice.synthesise(piece.c_str(), voice.voice);
    voice.remove(features, "streaming_info");  // frees `info`
    if (!wave) return fail(Errc::Other, "flite cannot speak this text");
    voice.free_wave(wave);
    return {};
}

class Flite final : public TextToSpeech {
 public:
    Flite(Voice& voice, double speed, Workers& workers)
        : voice_(voice), speed_(speed), queue_(std::make_shared<SerialQueue>(workers)) {}

    int rate_hz() const override { return voice_.rate_hz; }

    std::unique_ptr<TtsStream> speak(Loop& loop, const std::string& text, TtsSink sink) override {
        const auto say = [&voice = voice_, speed = speed_](const std::string& piece, Outlet<TtsSink>& outlet) {
            return say_piece(voice, speed, piece, outlet);
        };
        return speak_piecewise(queue_, loop, split_for_speech(to_plain_ascii(text)), say, std::move(sink));
    }

 private:
    Voice& voice_;  // lives as long as the process
    double speed_;
    std::shared_ptr<SerialQueue> queue_;
};

Built<TextToSpeech> build_flite(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    const auto name = reader.choice("voice", {"slt", "kal", "kal16", "rms", "awb"});
    const auto speed = reader.number("speed", 1.0, 0.5, 2.0);
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    auto voice = shared_voice(name);
    if (!voice) return fault_of(std::move(voice).error());
    return std::make_unique<Flite>(**voice, speed, context.workers);
}

}  // namespace

const Provider<TextToSpeech> kFlite{"flite", "CMU flite: small and offline, American English", &build_flite};

std::string flite_version() {
    const auto library = SharedLibrary::open({"libflite.so.1"}, kFliteHint);
    if (!library) return fmt::format("not installed: {}", kFliteHint);
    return FLITE_PROJECT_VERSION;
}

}  // namespace voicectl::speech
