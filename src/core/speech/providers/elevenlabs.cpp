// ElevenLabs' voices over one WebSocket with several contexts. Wire format: elevenlabs.io/docs, "Multi-Context WebSocket".
#include "core/speech/providers/all.h"
#include "core/speech/socket_tts.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr int kDeepestChunk = 8;
constexpr std::size_t kContexts = 5;  // more on one socket and the server closes it with 1008

SocketMessages elevenlabs_say(const json& voice_settings, const std::string& context, const std::string& text) {
    json open{{"text", " "}, {"context_id", context}};
    if (!voice_settings.empty()) open["voice_settings"] = voice_settings;
    const json words{{"text", text + " "}, {"context_id", context}, {"flush", true}};
    const json end{{"context_id", context}, {"close_context", true}};
    return {{json_text(open)}, {json_text(words)}, {json_text(end)}};
}

TtsNews read_elevenlabs(const Remote& remote, std::string_view message) {
    const auto value = parse_object(valid_utf8(message), kDeepestChunk);
    if (!value) return {.failure = unreadable(remote, value.error())};
    TtsNews news;
    news.context = text_at(*value, "contextId");
    if (news.context.empty()) news.context = text_at(*value, "context_id");
    const auto error = value->find("error");
    if (error != value->end() && !error->is_null()) {
        // {error: "quota_exceeded", message, code: 1008}: its name is what tells, not the number.
        ServerError server = parse_server_error(message);
        if (error->is_string()) server = {text_at(*value, "message").empty() ? server.message : plain_text(text_at(*value, "message"), 200), error->get<std::string>()};
        news.failure = socket_refusal(remote, 0, server);
        return news;
    }
    const auto audio = base64_decode(text_at(*value, "audio"));
    if (!audio) return {.context = news.context, .failure = unreadable(remote, "has broken base64 in it")};
    news.audio = *audio;
    for (const auto* key : {"isFinal", "is_final"})
        if (const auto final = value->find(key); final != value->end() && final->is_boolean()) news.done = news.done || final->get<bool>();
    return news;
}

json read_voice_settings(OptionReader& reader) {
    const auto* given = reader.raw("voice_settings");
    if (given == nullptr) return json::object();
    if (!given->is_object()) return reader.fault("voice_settings", "expected a mapping", "for example {stability: 0.5, similarity_boost: 0.75}"), json::object();
    OptionReader settings(*given, "voice_settings.");
    json out = json::object();
    for (const auto* key : {"stability", "similarity_boost", "style"})
        if (const auto number = settings.number(key, 0, 1)) out[key] = *number;
    if (const auto speed = settings.number("speed", 0.7, 1.2)) out["speed"] = *speed;
    if (given->contains("use_speaker_boost")) out["use_speaker_boost"] = settings.flag("use_speaker_boost", true);
    else settings.flag("use_speaker_boost", true);
    if (auto fault = settings.finish()) reader.fault(fault->key, fault->message, fault->hint);
    return out;
}

Built<TextToSpeech> build_elevenlabs(const json& options, const ProviderContext& context) {
    OptionReader reader(options);
    auto remote = std::make_shared<const Remote>(read_remote(reader, context, voice_at("elevenlabs", "wss://api.elevenlabs.io/v1", "ELEVEN_API_KEY")));
    const auto voice = reader.text("voice", "");
    if (voice.empty()) reader.fault("voice", "missing", "the id of the voice, as the account's list of voices has it");
    std::vector<std::pair<std::string, std::string>> query{{"model_id", reader.text("model", "eleven_flash_v2_5")}, {"output_format", "pcm_24000"}};
    query.insert(query.end(), {{"auto_mode", "true"}, {"inactivity_timeout", "180"}});
    if (const auto language = reader.text("language")) query.emplace_back("language_code", *language);
    const auto settings = std::make_shared<const json>(read_voice_settings(reader));
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    TtsDialect dialect;
    dialect.ask.path = "/text-to-speech/" + net::percent_encode(voice) + "/multi-stream-input" + query_of(query);
    if (!remote->key.empty()) dialect.ask.headers = {{"xi-api-key", remote->key}};
    dialect.contexts = kContexts;
    dialect.farewell = {{R"({"close_socket":true})"}};
    dialect.say = [settings](const std::string& id, const std::string& text) { return elevenlabs_say(*settings, id, text); };
    // Its context was closed as it was filled, which is all that this protocol has: what still comes is dropped on arrival.
    dialect.cancel = [](const std::string&) { return SocketMessages{}; };
    dialect.read = [remote](std::string_view message, bool) { return read_elevenlabs(*remote, message); };
    return make_socket_tts(*remote, std::move(dialect), context);
}

}  // namespace

const Provider<TextToSpeech> kElevenLabs{"elevenlabs", "ElevenLabs' voices", &build_elevenlabs};

}  // namespace voicectl::speech
