// Deepgram's voices (Aura) over its WebSocket. Wire format: developers.deepgram.com, "Text to Speech WebSocket".
#include <algorithm>

#include "core/speech/providers/all.h"
#include "core/speech/socket_tts.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr int kDeepestNotice = 8;
constexpr std::size_t kLongestSpeak = 1800;  // bytes; the server takes 2000 characters in a message

SocketMessages deepgram_speak(const std::string& text) {
    SocketMessages out;
    std::string_view rest = text;
    while (!rest.empty()) {
        auto cut = std::min(rest.size(), kLongestSpeak);
        if (cut < rest.size())
            if (const auto blank = rest.rfind(' ', cut); blank != std::string_view::npos && blank > 0) cut = blank;
        while (cut < rest.size() && (static_cast<unsigned char>(rest[cut]) & 0xC0) == 0x80) --cut;  // not within a letter
        out.push_back({json_text(json{{"type", "Speak"}, {"text", rest.substr(0, cut)}})});
        rest.remove_prefix(cut);
    }
    out.push_back({R"({"type":"Flush"})"});
    return out;
}

TtsNews read_deepgram_voice(const Remote& remote, std::string_view message, bool binary) {
    if (binary) return {.audio = std::string(message)};
    const auto value = parse_object(valid_utf8(message), kDeepestNotice);
    if (!value) return {.failure = unreadable(remote, value.error())};
    const auto type = text_at(*value, "type");
    if (type == "Error") return {.failure = socket_refusal(remote, 0, parse_server_error(message))};
    return {.done = type == "Flushed", .cleared = type == "Cleared"};
}

Built<TextToSpeech> build_deepgram_voice(const json& options, const ProviderContext& context) {
    OptionReader reader(options);
    auto remote = std::make_shared<const Remote>(read_remote(reader, context, voice_at("deepgram", "wss://api.deepgram.com/v1", "DEEPGRAM_API_KEY")));
    std::vector<std::pair<std::string, std::string>> query{{"model", reader.text("model", "aura-2-thalia-en")}, {"encoding", "linear16"}, {"sample_rate", "24000"}};
    if (const auto tag = reader.text("tag")) query.emplace_back("tag", *tag);
    if (reader.flag("mip_opt_out", false)) query.emplace_back("mip_opt_out", "true");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    TtsDialect dialect;
    dialect.ask.path = "/speak" + query_of(query);
    if (!remote->key.empty()) dialect.ask.headers = {{"Authorization", "Token " + remote->key}};
    dialect.max_age = 55min;  // the server ends a connection after an hour
    dialect.farewell = {{R"({"type":"Flush"})"}, {R"({"type":"Close"})"}};  // a lingering session counts against the limit
    dialect.say = [](const std::string&, const std::string& text) { return deepgram_speak(text); };
    dialect.cancel = [](const std::string&) { return SocketMessages{{R"({"type":"Clear"})"}}; };
    dialect.read = [remote](std::string_view message, bool binary) { return read_deepgram_voice(*remote, message, binary); };
    return make_socket_tts(*remote, std::move(dialect), context);
}

}  // namespace

const Provider<TextToSpeech> kDeepgramVoice{"deepgram", "Deepgram's voices (Aura)", &build_deepgram_voice};

}  // namespace voicectl::speech
