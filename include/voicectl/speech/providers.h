// The explicit list of providers, and building one from configuration.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/workers.h"
#include "voicectl/net/http.h"
#include "voicectl/net/websocket.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

/// What providers may use. Outlives them.
struct ProviderContext {
    Workers& workers;       // for engines that compute or block
    net::HttpClient& http;
    std::function<std::optional<std::string>(const std::string& name)> environment;
    std::string base_folder;  // relative paths in options are relative to this
    net::WebSocketOpener open_socket = &net::WebSocket::open_on;
    bool followed = false;  // another provider stands in for what is built: it rather fails than tries again
};

/// A configuration that cannot work, found before anything connects: `key` is relative to the stage, for
/// example "rules[2].match"; empty: the stage as a whole.
struct OptionFault {
    std::string key;
    std::string message;
    std::string hint;
};

template<class T>
using Built = std::expected<std::unique_ptr<T>, OptionFault>;

template<class T>
struct Provider {
    std::string_view name;     // "flite"
    std::string_view summary;  // one line for help
    /// `options`: an object, the stage's mapping without the key `provider`. Unknown keys are faults.
    /// Loads libraries and models, so that what is missing is found now and not in a call.
    Built<T> (*build)(const nlohmann::json& options, const ProviderContext& context);
};

const std::vector<Provider<VoiceModel>>& vad_providers();
const std::vector<Provider<SpeechToText>>& stt_providers();
const std::vector<Provider<LanguageModel>>& llm_providers();
const std::vector<Provider<TextToSpeech>>& tts_providers();

/// `options["provider"]` picks from the list; an unknown name is a fault that lists the known ones.
Built<VoiceModel> build_vad(const nlohmann::json& options, const ProviderContext& context);
Built<SpeechToText> build_stt(const nlohmann::json& options, const ProviderContext& context);
Built<LanguageModel> build_llm(const nlohmann::json& options, const ProviderContext& context);
Built<TextToSpeech> build_tts(const nlohmann::json& options, const ProviderContext& context);

/// Name and version (or why it cannot be loaded) of every speech library, for `voicectl version`.
std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace voicectl::speech
