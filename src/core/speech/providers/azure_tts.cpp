// Azure Speech by REST: SSML in, raw samples out.
// https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech
#include <algorithm>
#include <cctype>

#include "core/speech/http_tts.h"
#include "core/speech/providers/all.h"

namespace voicectl::speech {
namespace {

constexpr std::size_t kLongestAzureText = 3000;  // ten minutes of sound at most are given, of longer texts the start

struct AzureSpeaker {
    std::string voice, language, format;
    double speed = 1;
};

std::string xml_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&apos;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string ssml_for(const AzureSpeaker& speaker, std::string_view text) {
    auto said = xml_escaped(text);
    if (speaker.speed != 1) said = fmt::format("<prosody rate=\"{:.2f}\">{}</prosody>", speaker.speed, said);
    return fmt::format("<speak version=\"1.0\" xmlns=\"http://www.w3.org/2001/10/synthesis\" xml:lang=\"{}\"><voice name=\"{}\">{}</voice></speak>",
                       xml_escaped(speaker.language), xml_escaped(speaker.voice), said);
}

net::HttpRequest azure_request(const VoiceDialect& dialect, const AzureSpeaker& speaker, const std::string& text) {
    auto request = request_to(dialect.remote, "/cognitiveservices/v1");
    add_header(request, "Content-Type", "application/ssml+xml");
    add_header(request, "X-Microsoft-OutputFormat", speaker.format);
    add_header(request, "User-Agent", "voicectl");  // required, and shorter than 255 characters
    if (!dialect.remote.key.empty()) add_header(request, "Ocp-Apim-Subscription-Key", dialect.remote.key);
    request.body = ssml_for(speaker, text);
    return request;
}

/// "en-US" of "en-US-JennyNeural"; "zh-CN-liaoning-XiaobeiNeural" has more parts, and the first two are enough.
std::string language_of(const std::string& voice) {
    const auto first = voice.find('-');
    const auto second = first == std::string::npos ? first : voice.find('-', first + 1);
    return second == std::string::npos ? "en-US" : voice.substr(0, second);
}

Built<TextToSpeech> build_azure(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    VoiceDialect dialect;
    const auto region = reader.text("region", "");
    const bool plain = !region.empty() && std::all_of(region.begin(), region.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
    if (!region.empty() && !plain) reader.fault("region", "is no name of a region", "for example westeurope");
    if (region.empty() && !options.contains("base_url")) reader.fault("region", "missing", "for example westeurope; or a base_url");
    const auto base = fmt::format("https://{}.tts.speech.microsoft.com", plain ? region : "REGION");
    dialect.remote = read_remote(reader, context, {.provider = "azure", .base = base, .key_variable = "AZURE_SPEECH_KEY", .first_key = "first_audio_timeout"});
    AzureSpeaker speaker;
    speaker.voice = reader.text("voice", "en-US-JennyNeural");
    speaker.language = reader.text("language", language_of(speaker.voice));
    speaker.speed = reader.number("speed", 1.0, 0.5, 2.0);
    if (speaker.voice.empty()) reader.fault("voice", "missing", "for example en-US-JennyNeural");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    speaker.format = fmt::format("raw-{}khz-16bit-mono-pcm", dialect.raw_hz / 1000);
    dialect.longest = kLongestAzureText;
    dialect.request = [speaker](const VoiceDialect& self, const std::string& text) { return azure_request(self, speaker, text); };
    return make_http_voice(context.http, std::move(dialect));
}

}  // namespace

const Provider<TextToSpeech> kAzureVoice{"azure", "Azure Speech, by REST", &build_azure};

}  // namespace voicectl::speech
