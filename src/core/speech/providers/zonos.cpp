// Zonos, Zyphra's hosted voices, with cloning from a recording (their client 1.x). A server of one's own is usually put
// behind OpenAI's protocol: then the provider is `openai`.
#include <nlohmann/json.hpp>

#include "core/speech/http_tts.h"
#include "core/speech/providers/all.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

constexpr std::size_t kLargestSpeakerFile = 8 * 1024 * 1024;
constexpr std::size_t kLongestZonosText = 500;  // longer ones are slow to begin
constexpr const char* kHybrid = "zonos-v0.1-hybrid";

net::HttpRequest zonos_request(const VoiceDialect& dialect, nlohmann::json body, const std::string& text) {
    auto request = request_to(dialect.remote, "/v1/audio/text-to-speech");
    add_header(request, "Content-Type", "application/json");
    if (!dialect.remote.key.empty()) add_header(request, "X-API-Key", dialect.remote.key);
    body["text"] = text;
    request.body = json_text(body);
    return request;
}

void read_speaker(OptionReader& reader, const ProviderContext& context, nlohmann::json& body) {
    auto path = reader.text("speaker_audio");
    if (!path) path = context.environment("ZONOS_SPEAKER_AUDIO");
    if (!path || path->empty()) return;
    const auto file = resolve_path(*path, context);
    const auto bytes = read_file(file, kLargestSpeakerFile);
    if (!bytes) return reader.fault("speaker_audio", "cannot be read: " + bytes.error().message, "a recording of the voice, 10 to 30 s");
    if (bytes->empty()) return reader.fault("speaker_audio", file + " is empty");
    body["speaker_audio"] = base64_encode(*bytes);
}

/// Each model takes what the other refuses.
void read_model_options(OptionReader& reader, bool hybrid, nlohmann::json& body) {
    const auto pitch = reader.number("pitch_std", 0, 500), quality = reader.number("vqscore", 0.6, 0.8);
    const auto noisy = reader.flag("speaker_noised", false);
    const auto* emotion = reader.raw("emotion");
    if (hybrid && pitch) reader.fault("pitch_std", "is known to zonos-v0.1-transformer only");
    if (hybrid && emotion != nullptr) reader.fault("emotion", "is known to zonos-v0.1-transformer only");
    if (!hybrid && quality) reader.fault("vqscore", fmt::format("is known to {} only", kHybrid));
    if (!hybrid && noisy) reader.fault("speaker_noised", fmt::format("is known to {} only", kHybrid));
    if (emotion != nullptr && !emotion->is_object()) reader.fault("emotion", "expected a mapping of names to shares");
    if (pitch) body["pitch_std"] = *pitch;
    if (quality) body["vqscore"] = *quality;
    if (noisy) body["speaker_noised"] = true;
    if (emotion != nullptr) body["emotion"] = *emotion;
}

Built<TextToSpeech> build_zonos(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    VoiceDialect dialect;
    dialect.remote = read_remote(reader, context, {.provider = "zonos", .base = "https://api.zyphra.com", .key_variable = "ZYPHRA_API_KEY",
                                                   .first_key = "first_audio_timeout"});
    nlohmann::json body{{"mime_type", "audio/wav"}};
    body["model"] = reader.choice("model", {"zonos-v0.1-transformer", kHybrid});
    body["speaking_rate"] = reader.number("speaking_rate", 15, 5, 35);
    body["language_iso_code"] = reader.text("language", "en-us");
    if (const auto voice = reader.text("voice")) body["default_voice_name"] = *voice;
    if (const auto own = reader.text("own_voice")) body["voice_name"] = *own;
    if (const auto fmax = reader.number("fmax", 0, 24000)) body["fmax"] = *fmax;
    read_speaker(reader, context, body);
    read_model_options(reader, body["model"] == kHybrid, body);
    const bool warm_up = reader.flag("warm_up", true);
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    dialect.longest = kLongestZonosText;
    if (warm_up) dialect.warm_up_text = "Hello.";
    dialect.request = [body = std::move(body)](const VoiceDialect& self, const std::string& text) { return zonos_request(self, body, text); };
    return make_http_voice(context.http, std::move(dialect));
}

}  // namespace

const Provider<TextToSpeech> kZonos{"zonos", "Zyphra's Zonos, with cloned voices", &build_zonos};

}  // namespace voicectl::speech
