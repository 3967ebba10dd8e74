// Deepgram's live recogniser, version 1 (nova). Wire format: developers.deepgram.com, "Live Audio" and its control messages.
#include <algorithm>
#include <cmath>

#include "core/speech/providers/all.h"
#include "core/speech/socket_stt.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kDeepestResult = 12;
constexpr std::size_t kLongestTranscript = 20'000;

bool flag_at(const json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_boolean() && at->get<bool>();
}

double seconds_at(const json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_number() ? std::clamp(at->get<double>(), 0.0, 1e6) : 0;
}

std::string transcript_in(const json& result) {
    const auto channel = result.find("channel");
    if (channel == result.end() || !channel->is_object()) return {};
    const auto alternatives = channel->find("alternatives");
    if (alternatives == channel->end() || !alternatives->is_array() || alternatives->empty() || !alternatives->front().is_object()) return {};
    return std::string(trim(plain_text(text_at(alternatives->front(), "transcript"), kLongestTranscript)));
}

class DeepgramDialog final : public SttDialog {
 public:
    explicit DeepgramDialog(const Remote& remote) : remote_(remote) {}
    SocketMessage audio(audio::SampleView samples) override { return {pcm_bytes(samples), true}; }
    SocketMessages end() override { return {{R"({"type":"Finalize"})"}}; }

    SttNews read(std::string_view message) override {
        const auto value = parse_object(valid_utf8(message), kDeepestResult);
        if (!value) return {.failure = unreadable(remote_, value.error())};
        const auto type = text_at(*value, "type");
        if (type == "Results") return results(*value);
        if (type == "UtteranceEnd") return {.end_of_speech = true};
        if (type == "Error") return {.failure = socket_refusal(remote_, 0, parse_server_error(message))};
        return {};  // SpeechStarted, Metadata and what is still to be invented
    }

 private:
    static SttNews results(const json& value) {
        SttNews news;
        auto text = transcript_in(value);
        if (!flag_at(value, "is_final")) {
            news.partial = std::move(text);
            return news;
        }
        news.piece = std::move(text);
        news.settled = milliseconds(std::lround((seconds_at(value, "start") + seconds_at(value, "duration")) * 1000));
        news.end_of_speech = flag_at(value, "speech_final");
        news.answered = flag_at(value, "from_finalize");
        return news;
    }
    const Remote& remote_;
};

using QueryParts = std::vector<std::pair<std::string, std::string>>;

QueryParts read_query(OptionReader& reader) {
    QueryParts query{{"model", reader.text("model", "nova-3")}, {"encoding", "linear16"}, {"sample_rate", "16000"}, {"channels", "1"}, {"interim_results", "true"}};
    if (const auto language = reader.text("language")) query.emplace_back("language", *language);
    for (const auto& term : reader.texts("keyterms")) query.emplace_back("keyterm", term);
    const auto endpointing = reader.integer("endpointing", 300, 0, 10'000);
    query.emplace_back("endpointing", endpointing == 0 ? "false" : std::to_string(endpointing));
    const std::pair<const char*, bool> flags[] = {{"punctuate", true}, {"smart_format", false}, {"no_delay", true}, {"filler_words", false}, {"numerals", false}, {"mip_opt_out", false}};
    for (const auto& [name, usual] : flags)
        if (reader.flag(name, usual)) query.emplace_back(name, "true");
    if (const auto end = reader.integer("utterance_end_ms", 1000, 5000)) query.emplace_back("utterance_end_ms", std::to_string(*end));
    if (const auto tag = reader.text("tag")) query.emplace_back("tag", *tag);
    return query;
}

Built<SpeechToText> build_deepgram(const json& options, const ProviderContext& context) {
    OptionReader reader(options);
    auto remote = std::make_shared<Remote>(read_remote(reader, context, recogniser_at("deepgram", "wss://api.deepgram.com/v1", "DEEPGRAM_API_KEY")));
    SttDialect dialect;
    dialect.ask.path = "/listen" + query_of(read_query(reader));
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    if (!remote->key.empty()) dialect.ask.headers = {{"Authorization", "Token " + remote->key}};
    dialect.dialog = [remote] { return std::make_unique<DeepgramDialog>(*remote); };
    // The server closes after 10 s without a message (NET-0001); the text frame is what counts, pings do not.
    dialect.keep_alive_every = 4s;
    dialect.keep_alive = SocketMessage{R"({"type":"KeepAlive"})"};
    dialect.farewell = {{R"({"type":"CloseStream"})"}};
    return make_socket_stt(*remote, std::move(dialect), context);
}

}  // namespace

const Provider<SpeechToText> kDeepgram{"deepgram", "Deepgram's live recogniser (nova)", &build_deepgram};

}  // namespace voicectl::speech
