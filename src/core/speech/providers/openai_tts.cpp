// POST /v1/audio/speech of OpenAI and of everything that speaks the same protocol; `edge` is such a server in front of
// the voices of Microsoft Edge. https://platform.openai.com/docs/api-reference/audio/createSpeech
#include <nlohmann/json.hpp>

#include "core/speech/http_tts.h"
#include "core/speech/providers/all.h"
#include "voicectl/base/json.h"

namespace voicectl::speech {
namespace {

struct OpenAiVoiceDefaults {
    RemoteDefaults remote;
    const char* model;
    const char* voice;
};

/// `base`: what is the same in every request.
net::HttpRequest openai_speech_request(const VoiceDialect& dialect, nlohmann::json body, const std::string& text) {
    auto request = request_to(dialect.remote, "/audio/speech");
    add_header(request, "Content-Type", "application/json");
    if (!dialect.remote.key.empty()) add_header(request, "Authorization", "Bearer " + dialect.remote.key);
    body["input"] = text;
    request.body = json_text(body);
    return request;
}

Built<TextToSpeech> build_openai_voice(const nlohmann::json& options, const ProviderContext& context, const OpenAiVoiceDefaults& defaults) {
    OptionReader reader(options);
    VoiceDialect dialect;
    dialect.remote = read_remote(reader, context, defaults.remote);
    nlohmann::json body{{"model", reader.text("model", defaults.model)}, {"voice", reader.text("voice", defaults.voice)}};
    body["response_format"] = reader.choice("format", {"pcm", "wav"});
    if (const auto speed = reader.number("speed", 0.25, 4)) body["speed"] = *speed;
    if (const auto instructions = reader.text("instructions")) body["instructions"] = *instructions;
    if (reader.flag("events", false)) body["stream_format"] = "sse";
    dialect.raw_hz = reader.integer("pcm_rate", dialect.raw_hz, 8000, 48000);
    dialect.longest = static_cast<std::size_t>(reader.integer("max_characters", 4096, 50, 100'000));
    for (const auto* key : {"model", "voice"})
        if (body[key].get_ref<const std::string&>().empty()) reader.fault(key, "missing", "its name, as the server knows it");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    dialect.request = [body = std::move(body)](const VoiceDialect& self, const std::string& text) {
        return openai_speech_request(self, body, text);
    };
    return make_http_voice(context.http, std::move(dialect));
}

Built<TextToSpeech> build_openai_tts(const nlohmann::json& options, const ProviderContext& context) {
    return build_openai_voice(options, context,
                              {.remote = {.provider = "openai", .base = "https://api.openai.com/v1", .key_variable = "OPENAI_API_KEY",
                                          .first_key = "first_audio_timeout"},
                               .model = "",  // they are shut down one after the other: none is a default
                               .voice = "alloy"});
}

Built<TextToSpeech> build_edge_tts(const nlohmann::json& options, const ProviderContext& context) {
    if (!options.contains("base_url"))
        return std::unexpected(OptionFault{"base_url", "missing",
                                           "an OpenAI-compatible server in front of Edge's voices, for example http://localhost:5050/v1"});
    return build_openai_voice(options, context,
                              {.remote = {.provider = "edge", .base = "http://localhost:5050/v1", .key_variable = "EDGE_TTS_API_KEY",
                                          .first_key = "first_audio_timeout", .needs_key = false},
                               .model = "tts-1",
                               .voice = "en-US-AriaNeural"});
}

}  // namespace

const Provider<TextToSpeech> kOpenAiVoice{"openai", "speech of OpenAI and compatible servers", &build_openai_tts};
const Provider<TextToSpeech> kEdgeVoice{"edge", "Edge's voices, behind an OpenAI-compatible server", &build_edge_tts};

}  // namespace voicectl::speech
