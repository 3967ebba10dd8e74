// Transcription sessions of OpenAI's Realtime API. Wire format: platform.openai.com, "Realtime transcription".
#include <algorithm>
#include <cmath>

#include "core/speech/providers/all.h"
#include "core/speech/socket_stt.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kDeepestEvent = 12;
constexpr std::size_t kLongestItem = 20'000;
constexpr std::size_t kMostItems = 100;  // heard and not yet written
constexpr int kRealtimeHz = 24000;
constexpr const char* kSessionUpdate = "session";  // our name for that message, which its refusal repeats

std::int64_t tokens_at(const json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_number() ? static_cast<std::int64_t>(std::clamp(at->get<double>(), 0.0, 1e9)) : 0;
}

/// {type: tokens, input_tokens, output_tokens} or {type: duration, seconds}, by model.
std::optional<Usage> usage_in_event(const json& event) {
    const auto usage = event.find("usage");
    if (usage == event.end() || !usage->is_object()) return std::nullopt;
    Usage out;
    if (const auto seconds = usage->find("seconds"); seconds != usage->end() && seconds->is_number())
        out.audio_ms = std::lround(std::clamp(seconds->get<double>(), 0.0, 1e6) * 1000);
    out.input_tokens = tokens_at(*usage, "input_tokens");
    out.output_tokens = tokens_at(*usage, "output_tokens");
    if (out == Usage{}) return std::nullopt;
    return out;
}

/// A stretch of speech that the server has cut out. Their transcripts may be done in another order than they were spoken.
struct RealtimeItem {
    std::string id, text;
    std::optional<milliseconds> end;  // of its audio, from the start of the connection
    bool last = false;                // of the utterance that we ended
    bool done = false;
};

/// A commit of ours that is not answered.
struct RealtimeCommit {
    milliseconds at{0};
    bool forgotten = false;
};

class RealtimeDialog final : public SttDialog {
 public:
    RealtimeDialog(const Remote& remote, const json& session) : remote_(remote), session_(session) {}

    SocketMessages hello() override {
        return {{json_text(json{{"type", "session.update"}, {"event_id", kSessionUpdate}, {"session", session_}})}};
    }
    SocketMessage audio(audio::SampleView samples) override {
        sent_ += samples.size();
        return {R"({"type":"input_audio_buffer.append","audio":")" + base64_encode(pcm_bytes(samples)) + "\"}"};
    }
    SocketMessages end() override {
        if (commits_.size() < kMostItems) commits_.push_back({sent_time()});
        return {{R"({"type":"input_audio_buffer.commit"})"}};
    }
    void forget() override {
        for (const auto& item : items_) ignore(item.id);
        items_.clear();
        for (auto& commit : commits_) commit.forgotten = true;
    }

    std::optional<SttNews> more() override {
        if (items_.empty() || !items_.front().done) return std::nullopt;
        SttNews news;
        take_pieces(news);
        return news;
    }

    SttNews read(std::string_view message) override {
        const auto event = parse_object(valid_utf8(message), kDeepestEvent);
        if (!event) return {.failure = unreadable(remote_, event.error())};
        const auto type = text_at(*event, "type");
        constexpr std::string_view kTranscription = "conversation.item.input_audio_transcription.";
        if (type == "error") return on_error(*event, message);
        if (type == "input_audio_buffer.speech_started") speaking_ = true;
        if (type == "input_audio_buffer.speech_stopped") return on_stopped(*event);
        if (type == "input_audio_buffer.committed") return on_committed(*event);
        if (type == std::string(kTranscription) + "delta") return on_delta(*event);
        if (type == std::string(kTranscription) + "completed") return on_completed(*event, text_at(*event, "transcript"));
        if (type == std::string(kTranscription) + "failed") return on_completed(*event, "");  // of this stretch only
        return {};  // session.created, rate_limits.updated and what is still to be invented
    }

 private:
    SttNews on_error(const json& event, std::string_view message) {
        const auto inner = event.find("error");
        const auto code = inner != event.end() && inner->is_object() ? text_at(*inner, "code") : text_at(event, "code");
        if (code == "input_audio_buffer_commit_empty") return on_empty();
        // Most errors are of one message and change nothing for the rest.
        auto failure = socket_refusal(remote_, code == "session_expired" ? 503 : 0, parse_server_error(message));
        const bool fatal = failure.again || failure.error.code == Errc::Auth || from_session_update(event);
        if (fatal) return {.failure = std::move(failure)};
        log::debug("speech", "a message was refused", {{"provider", remote_.provider}, {"reason", failure.error.message}});
        return {};
    }
    static bool from_session_update(const json& event) {
        const auto inner = event.find("error");
        return text_at(inner != event.end() && inner->is_object() ? *inner : event, "event_id") == kSessionUpdate;
    }
    SttNews on_stopped(const json& event) {
        speaking_ = false;
        if (auto* one = item(text_at(event, "item_id")); one != nullptr) one->end = milliseconds(tokens_at(event, "audio_end_ms"));
        return {};
    }
    /// Its own endpointing was first: the last stretch that it cut is all there is.
    SttNews on_empty() {
        if (commits_.empty()) return {};
        const auto commit = take_commit();
        if (commit.forgotten) return {};
        if (items_.empty()) return {.answered = true};
        items_.back().last = true;
        return {};
    }
    SttNews on_committed(const json& event) {
        speaking_ = false;
        auto* one = item(text_at(event, "item_id"));
        if (one == nullptr || one->end) return {};  // cut by its own endpointing
        one->end = sent_time();
        if (commits_.empty()) return {};
        const auto commit = take_commit();
        one->end = commit.at;
        one->last = true;
        if (commit.forgotten) {
            ignore(one->id);
            items_.erase(items_.begin() + (one - items_.data()));
        }
        return {};
    }
    RealtimeCommit take_commit() {
        const auto commit = commits_.front();
        commits_.erase(commits_.begin());
        return commit;
    }
    SttNews on_delta(const json& event) {
        if (auto* one = item(text_at(event, "item_id")); one != nullptr && one->text.size() < kLongestItem) one->text += text_at(event, "delta");
        return {.partial = words()};
    }
    SttNews on_completed(const json& event, const std::string& transcript) {
        SttNews news{.usage = usage_in_event(event)};
        auto* one = item(text_at(event, "item_id"));
        if (one == nullptr) return news;
        one->text = transcript;
        one->done = true;
        take_pieces(news);
        return news;
    }
    /// What is done of the oldest utterance, in the order in which it was spoken.
    void take_pieces(SttNews& news) {
        std::string piece;
        while (!news.answered && !items_.empty() && items_.front().done) {
            const auto& first = items_.front();
            news.settled = first.end;
            news.answered = first.last;
            piece += (piece.empty() ? "" : " ") + plain(first.text);
            items_.erase(items_.begin());
            news.piece = std::string(trim(piece));
        }
        news.partial = words();
        news.end_of_speech = news.piece && items_.empty() && !speaking_;
    }

    static std::string plain(const std::string& text) { return std::string(trim(plain_text(text, kLongestItem))); }
    std::string words() const {
        std::string out;
        for (const auto& one : items_)
            out += (out.empty() ? "" : " ") + plain(one.text);
        return out;
    }
    void ignore(const std::string& id) {
        if (ignored_.size() >= kMostItems) ignored_.erase(ignored_.begin());
        ignored_.push_back(id);
    }
    /// Null: one that nobody waits for, or none.
    RealtimeItem* item(const std::string& id) {
        if (id.empty() || std::find(ignored_.begin(), ignored_.end(), id) != ignored_.end()) return nullptr;
        const auto known = std::find_if(items_.begin(), items_.end(), [&](const auto& one) { return one.id == id; });
        if (known != items_.end()) return &*known;
        if (items_.size() >= kMostItems) return nullptr;
        return &items_.emplace_back(RealtimeItem{id, {}});
    }

    const Remote& remote_;
    const json& session_;
    milliseconds sent_time() const { return milliseconds(sent_ * 1000 / kRealtimeHz); }

    std::vector<RealtimeItem> items_;
    std::size_t sent_ = 0;  // samples
    std::vector<std::string> ignored_;  // items of utterances that were given up on
    std::vector<RealtimeCommit> commits_;
    bool speaking_ = false;
};

json session_of(OptionReader& reader) {
    json transcription{{"model", reader.text("model", "")}};
    if (transcription["model"] == "") reader.fault("model", "missing", "a model that transcribes, as the server knows it");
    if (const auto language = reader.text("language")) transcription["language"] = *language;
    if (const auto prompt = reader.text("prompt")) transcription["prompt"] = *prompt;
    json input{{"format", {{"type", "audio/pcm"}, {"rate", kRealtimeHz}}}, {"transcription", std::move(transcription)}};
    const auto noise = reader.choice("noise_reduction", {"near_field", "far_field", "off"});
    input["noise_reduction"] = noise == "off" ? json() : json{{"type", noise}};
    const auto endpointing = reader.integer("endpointing", 350, 0, 10'000);
    input["turn_detection"] = endpointing == 0 ? json() : json{{"type", "server_vad"}, {"silence_duration_ms", endpointing}};
    return {{"type", "transcription"}, {"audio", {{"input", std::move(input)}}}};
}

Built<SpeechToText> build_openai_realtime(const json& options, const ProviderContext& context) {
    OptionReader reader(options);
    auto remote = std::make_shared<Remote>(read_remote(reader, context, recogniser_at("openai-realtime", "wss://api.openai.com/v1", "OPENAI_API_KEY")));
    const auto session = std::make_shared<const json>(session_of(reader));
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    SttDialect dialect;
    dialect.ask.path = "/realtime?intent=transcription";
    if (!remote->key.empty()) dialect.ask.headers = {{"Authorization", "Bearer " + remote->key}};
    dialect.dialog = [remote, session] { return std::make_unique<RealtimeDialog>(*remote, *session); };
    dialect.rate_hz = kRealtimeHz;
    dialect.max_age = 10min;
    return make_socket_stt(*remote, std::move(dialect), context);
}

}  // namespace

const Provider<SpeechToText> kOpenAiRealtime{"openai-realtime", "transcription over OpenAI's Realtime API", &build_openai_realtime};

}  // namespace voicectl::speech
