// Cartesia's voices (Sonic) over one WebSocket with contexts. Wire format: docs.cartesia.ai, "TTS (WebSocket)".
#include <algorithm>

#include "core/speech/providers/all.h"
#include "core/speech/socket_tts.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr int kDeepestReply = 8;
constexpr int kCartesiaHz = 24000;
constexpr std::size_t kActive = 15;  // of the largest plan; with a smaller one the server answers 429

int status_in(const json& value) {
    const auto at = value.find("status_code");
    return at != value.end() && at->is_number() ? static_cast<int>(std::clamp(at->get<double>(), 0.0, 999.0)) : 0;
}

TtsNews read_cartesia(const Remote& remote, std::string_view message) {
    const auto value = parse_object(valid_utf8(message), kDeepestReply);
    if (!value) return {.failure = unreadable(remote, value.error())};
    TtsNews news{.context = text_at(*value, "context_id")};
    const auto type = text_at(*value, "type");
    if (type == "error") {
        news.failure = socket_refusal(remote, status_in(*value), parse_server_error(message));
    } else if (type == "chunk") {
        const auto audio = base64_decode(text_at(*value, "data"));
        if (audio) news.audio = *audio;
        else news.failure = unreadable(remote, "has broken base64 in it");
    }
    news.done = type == "done";
    return news;  // timestamps, flush_done and what is still to be invented: nothing
}

Built<TextToSpeech> build_cartesia(const json& options, const ProviderContext& context) {
    OptionReader reader(options);
    auto remote = std::make_shared<const Remote>(read_remote(reader, context, voice_at("cartesia", "wss://api.cartesia.ai", "CARTESIA_API_KEY")));
    const auto voice = reader.text("voice", "");
    if (voice.empty()) reader.fault("voice", "missing", "the id of the voice, as Cartesia's list of voices has it");
    json request{{"model_id", reader.text("model", "sonic-3")}, {"voice", {{"mode", "id"}, {"id", voice}}}, {"continue", false}, {"max_buffer_delay_ms", 0}};
    request["output_format"] = {{"container", "raw"}, {"encoding", "pcm_s16le"}, {"sample_rate", kCartesiaHz}};
    request["language"] = reader.text("language", "en");
    const auto version = reader.text("version", "2025-04-16");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    TtsDialect dialect;
    dialect.ask.path = "/tts/websocket" + query_of({{"cartesia_version", version}});
    dialect.ask.headers = {{"Cartesia-Version", version}};
    if (!remote->key.empty()) dialect.ask.headers.emplace_back("X-API-Key", remote->key);
    dialect.contexts = kActive;
    dialect.max_age = 5min;
    dialect.say = [request](const std::string& id, const std::string& text) {
        auto whole = request;
        whole["context_id"] = id;
        whole["transcript"] = text;
        return SocketMessages{{json_text(whole)}};
    };
    dialect.cancel = [](const std::string& id) { return SocketMessages{{json_text(json{{"context_id", id}, {"cancel", true}})}}; };
    dialect.read = [remote](std::string_view message, bool) { return read_cartesia(*remote, message); };
    return make_socket_tts(*remote, std::move(dialect), context);
}

}  // namespace

const Provider<TextToSpeech> kCartesia{"cartesia", "Cartesia's voices (Sonic)", &build_cartesia};

}  // namespace voicectl::speech
