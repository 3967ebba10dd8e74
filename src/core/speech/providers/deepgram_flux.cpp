// Deepgram's Flux: a recogniser that tells by itself when the caller's turn is over. Wire format: developers.deepgram.com, "Flux".
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

constexpr int kDeepestTurn = 8;
constexpr std::size_t kLongestTurn = 20'000;
constexpr std::size_t kMostTurns = 100;    // asked to end at once
constexpr milliseconds kTurnSlack = 80ms;  // between the end of what was sent and of what it has looked at

class FluxDialog final : public SttDialog {
 public:
    explicit FluxDialog(const Remote& remote) : remote_(remote) {}
    SocketMessage audio(audio::SampleView samples) override {
        sent_ += samples.size();
        return {pcm_bytes(samples), true};
    }
    SocketMessages end() override {
        if (asked_.size() < kMostTurns) asked_.push_back(milliseconds(sent_ * 1000 / audio::kSpeechRateHz));
        return {{R"({"type":"ForceEndTurn"})"}};
    }
    void forget() override {
        if (!asked_.empty()) asked_.erase(asked_.begin());
    }

    SttNews read(std::string_view message) override {
        const auto value = parse_object(valid_utf8(message), kDeepestTurn);
        if (!value) return {.failure = unreadable(remote_, value.error())};
        const auto type = text_at(*value, "type");
        if (type == "TurnInfo") return turn(*value);
        if (type == "FatalError" || type == "Error") return {.failure = socket_refusal(remote_, 0, parse_server_error(message))};
        return {};  // Connected, Warning
    }

 private:
    SttNews turn(const json& value) {
        SttNews news;
        const auto event = text_at(value, "event");
        auto text = std::string(trim(plain_text(text_at(value, "transcript"), kLongestTurn)));
        if (event != "EndOfTurn") {
            news.partial = std::move(text);
            news.end_of_speech = event == "EagerEndOfTurn";
            return news;
        }
        news.piece = std::move(text);
        news.end_of_speech = true;
        if (const auto end = value.find("audio_window_end"); end != value.end() && end->is_number())
            news.settled = milliseconds(std::lround(std::clamp(end->get<double>(), 0.0, 1e6) * 1000));
        // A turn that it ended by itself before we asked is no answer: words may have been said since.
        news.answered = !asked_.empty() && (!news.settled || *news.settled + kTurnSlack >= asked_.front());
        if (news.answered) asked_.erase(asked_.begin());
        return news;
    }
    const Remote& remote_;
    std::size_t sent_ = 0;  // samples
    std::vector<milliseconds> asked_;  // of the audio on this connection
};

Built<SpeechToText> build_deepgram_flux(const json& options, const ProviderContext& context) {
    OptionReader reader(options);
    auto remote = std::make_shared<Remote>(read_remote(reader, context, recogniser_at("deepgram", "wss://api.deepgram.com/v2", "DEEPGRAM_API_KEY")));
    std::vector<std::pair<std::string, std::string>> query{{"model", reader.text("model", "flux-general-en")}, {"encoding", "linear16"}, {"sample_rate", "16000"}};
    if (const auto threshold = reader.number("eot_threshold", 0.5, 0.9)) query.emplace_back("eot_threshold", fmt::format("{}", *threshold));
    if (const auto eager = reader.number("eager_eot_threshold", 0.3, 0.9)) query.emplace_back("eager_eot_threshold", fmt::format("{}", *eager));
    if (const auto timeout = reader.integer("eot_timeout_ms", 500, 10'000)) query.emplace_back("eot_timeout_ms", std::to_string(*timeout));
    for (const auto& term : reader.texts("keyterms")) query.emplace_back("keyterm", term);
    if (const auto tag = reader.text("tag")) query.emplace_back("tag", *tag);
    if (reader.flag("mip_opt_out", false)) query.emplace_back("mip_opt_out", "true");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    SttDialect dialect;
    dialect.ask.path = "/listen" + query_of(query);
    if (!remote->key.empty()) dialect.ask.headers = {{"Authorization", "Token " + remote->key}};
    dialect.dialog = [remote] { return std::make_unique<FluxDialog>(*remote); };
    dialect.keep_alive_every = 4s;  // it knows no KeepAlive: a little silence does it
    dialect.farewell = {{R"({"type":"CloseStream"})"}};
    return make_socket_stt(*remote, std::move(dialect), context);
}

}  // namespace

const Provider<SpeechToText> kDeepgramFlux{"deepgram-flux", "Deepgram's Flux, which tells the end of a turn", &build_deepgram_flux};

}  // namespace voicectl::speech
