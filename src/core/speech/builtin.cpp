#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/speech/providers/all.h"

namespace voicectl::speech {
namespace {

template<class T>
Built<T> build(const std::vector<Provider<T>>& providers, const nlohmann::json& options,
               const ProviderContext& context) {
    const auto fault = [&](std::string key, std::string message) {
        std::string names;
        for (const auto& provider : providers) names += fmt::format("{}{}", names.empty() ? "" : ", ", provider.name);
        return std::unexpected(OptionFault{std::move(key), std::move(message), "known providers: " + names});
    };
    if (!options.is_object()) return fault("", "expected a mapping with the key 'provider'");
    const auto name = options.find("provider");
    if (name == options.end()) return fault("provider", "missing");
    if (!name->is_string()) return fault("provider", "expected a name");
    for (const auto& provider : providers) {
        if (provider.name != name->template get_ref<const std::string&>()) continue;
        auto rest = options;
        rest.erase("provider");
        return provider.build(rest, context);
    }
    return fault("provider", fmt::format("unknown provider '{}'", name->template get_ref<const std::string&>()));
}

}  // namespace

// One line per provider.

const std::vector<Provider<VoiceModel>>& vad_providers() {
    static const std::vector<Provider<VoiceModel>> providers{
        kEnergy,
        kSilero,
    };
    return providers;
}

const std::vector<Provider<SpeechToText>>& stt_providers() {
    static const std::vector<Provider<SpeechToText>> providers{
        kPocketSphinx,
        kScriptStt,
        kDeepgram,
        kDeepgramFlux,
        kOpenAiRealtime,
        kOpenAiTranscription,
        kSherpaStt,
    };
    return providers;
}

const std::vector<Provider<LanguageModel>>& llm_providers() {
    static const std::vector<Provider<LanguageModel>> providers{
        kScript,
        kOpenAi,
        kAnthropic,
    };
    return providers;
}

const std::vector<Provider<TextToSpeech>>& tts_providers() {
    static const std::vector<Provider<TextToSpeech>> providers{
        kFlite,
        kEspeakNg,
        kRecorded,
        kDeepgramVoice,
        kElevenLabs,
        kCartesia,
        kOpenAiVoice,
        kEdgeVoice,
        kAzureVoice,
        kZonos,
        kSherpaTts,
    };
    return providers;
}

Built<VoiceModel> build_vad(const nlohmann::json& options, const ProviderContext& context) {
    return build(vad_providers(), options, context);
}
Built<SpeechToText> build_stt(const nlohmann::json& options, const ProviderContext& context) {
    return build(stt_providers(), options, context);
}
Built<LanguageModel> build_llm(const nlohmann::json& options, const ProviderContext& context) {
    return build(llm_providers(), options, context);
}
Built<TextToSpeech> build_tts(const nlohmann::json& options, const ProviderContext& context) {
    return build(tts_providers(), options, context);
}

std::vector<std::pair<std::string, std::string>> library_versions() {
    return {{"flite", flite_version()}, {"espeak-ng", espeak_ng_version()}, {"pocketsphinx", pocketsphinx_version()}};
}

}  // namespace voicectl::speech
