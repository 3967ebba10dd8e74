// Recorded prompts: what a person said once and for all is played, everything else is left to another engine. Recordings are
// read and resampled when the provider is built, so that a call never waits for a disk.
#include <map>
#include <nlohmann/json.hpp>

#include "core/speech/options.h"
#include "core/speech/providers/all.h"
#include "voicectl/audio/file.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/compare.h"

namespace voicectl::speech {
namespace {

constexpr int kLongestSeconds = 300;
constexpr int kLowestHz = 8000, kHighestHz = 48000;  // what a published track may have

using Recording = std::shared_ptr<const audio::Samples>;

/// Spelling and punctuation do not matter, as the caller does not hear them.
std::string key_of(const std::string& text) {
    std::string key;
    for (const auto& word : to_words(text)) key += word + ' ';
    return key;
}

/// A second of it per turn of the loop. Lives there.
class PlayStream final : public TtsStream {
 public:
    PlayStream(Loop& loop, Recording recording, int rate_hz, TtsSink sink)
        : loop_(loop), recording_(std::move(recording)), step_(static_cast<std::size_t>(rate_hz)), sink_(std::make_shared<TtsSink>(std::move(sink))) {
        schedule();
    }

 private:
    void schedule() {
        loop_.post(lifeline_.guard([this] { next(); }));
    }
    void next() {
        const auto sink = sink_;  // the call may drop us
        if (at_ == recording_->size()) return sink->on_done();
        const auto piece = audio::SampleView(*recording_).subspan(at_, std::min(step_, recording_->size() - at_));
        at_ += piece.size();
        schedule();
        sink->on_audio(audio::Samples(piece.begin(), piece.end()));
    }

    Loop& loop_;
    Recording recording_;
    std::size_t step_, at_ = 0;
    std::shared_ptr<TtsSink> sink_;
    Lifeline lifeline_;  // last: dies first
};

class NothingRecorded final : public TtsStream {
 public:
    NothingRecorded(Loop& loop, const std::string& text, TtsSink sink) {
        loop.post(lifeline_.guard([text, sink = std::move(sink)] {
            if (to_words(text).empty()) return sink.on_done();
            sink.on_error({Errc::NotFound, "there is no recording of this text", "record it, or set tts.otherwise"});
        }));
    }

 private:
    Lifeline lifeline_;
};

/// Who is paid for what is not recorded.
struct Other {
    std::string provider, model;
};

Other name_of(const nlohmann::json* otherwise) {
    if (otherwise == nullptr || !otherwise->is_object()) return {otherwise != nullptr && otherwise->is_string() ? otherwise->get<std::string>() : "", ""};
    return {text_at(*otherwise, "provider"), text_at(*otherwise, "model")};
}

/// What the other engine makes is used at the other engine.
TtsSink paid_to(const Other& other, const std::string& text, TtsSink sink) {
    if (!sink.on_usage) return sink;
    Usage used{.characters = static_cast<std::int64_t>(utf8_length(text)), .provider = other.provider, .model = other.model};
    const auto tell = sink.on_usage;
    const auto told = std::make_shared<bool>(false);
    sink.on_usage = [tell, told, other](Usage total) {
        *told = true;
        if (total.provider.empty()) total.provider = other.provider;
        if (total.model.empty()) total.model = other.model;
        tell(total);
    };
    sink.on_audio = [tell, told, used, pass = std::move(sink.on_audio)](audio::Samples chunk) {
        if (!std::exchange(*told, true)) tell(used);
        pass(std::move(chunk));
    };
    return sink;
}

class Recorded final : public TextToSpeech {
 public:
    Recorded(std::map<std::string, Recording> prompts, int rate_hz, std::unique_ptr<TextToSpeech> otherwise, Other other)
        : prompts_(std::move(prompts)), rate_hz_(rate_hz), otherwise_(std::move(otherwise)), other_(std::move(other)) {}

    int rate_hz() const override { return rate_hz_; }
    bool speaks_whole(const std::string& text) const override { return prompts_.contains(key_of(text)); }

    std::unique_ptr<TtsStream> speak(Loop& loop, const std::string& text, TtsSink sink) override {
        const auto found = prompts_.find(key_of(text));
        if (found != prompts_.end()) return std::make_unique<PlayStream>(loop, found->second, rate_hz_, std::move(sink));
        if (otherwise_) return otherwise_->speak(loop, text, paid_to(other_, text, std::move(sink)));
        return std::make_unique<NothingRecorded>(loop, text, std::move(sink));
    }

 private:
    std::map<std::string, Recording> prompts_;
    int rate_hz_;
    std::unique_ptr<TextToSpeech> otherwise_;
    Other other_;
};

struct Prompt {
    std::string key;
    audio::Pcm sound;
};

std::expected<Prompt, OptionFault> read_prompt(const nlohmann::json& value, const std::string& prefix, const ProviderContext& context) {
    OptionReader reader(value, prefix);
    const auto text = reader.text("text", "");
    const auto file = reader.text("file", "");
    Prompt out{key_of(text), {}};
    if (out.key.empty()) reader.fault("text", "missing", "the words that are in the recording");
    if (file.empty()) reader.fault("file", "missing", "a WAV, FLAC, OGG or MP3");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    auto sound = audio::read_file(resolve_path(file, context), kLongestSeconds);
    if (!sound) return std::unexpected(OptionFault{prefix + "file", sound.error().message, sound.error().hint});
    out.sound = audio::to_mono(*sound);
    return out;
}

std::expected<std::unique_ptr<TextToSpeech>, OptionFault> build_otherwise(const nlohmann::json* options, const ProviderContext& context) {
    if (options == nullptr || options->is_null()) return nullptr;
    auto built = build_tts(options->is_string() ? nlohmann::json{{"provider", *options}} : *options, context);
    if (built) return std::move(*built);
    auto fault = std::move(built).error();
    fault.key = fault.key.empty() ? "otherwise" : "otherwise." + fault.key;
    return std::unexpected(std::move(fault));
}

Built<TextToSpeech> build_recorded(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    const auto* prompts = reader.raw("prompts");
    const auto* other = reader.raw("otherwise");
    if (prompts == nullptr || !prompts->is_array() || prompts->empty()) reader.fault("prompts", "expected a list of recordings", "- {text: Good morning., file: morning.wav}");
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    std::vector<Prompt> read;
    for (std::size_t i = 0; i < prompts->size(); ++i) {
        auto prompt = read_prompt((*prompts)[i], fmt::format("prompts[{}].", i), context);
        if (!prompt) return std::unexpected(std::move(prompt).error());
        read.push_back(std::move(*prompt));
    }
    auto otherwise = build_otherwise(other, context);
    if (!otherwise) return std::unexpected(std::move(otherwise).error());
    const int rate_hz = *otherwise ? (*otherwise)->rate_hz() : std::clamp(read.front().sound.rate_hz, kLowestHz, kHighestHz);
    std::map<std::string, Recording> table;
    for (std::size_t i = 0; i < read.size(); ++i) {
        const bool fresh = table.emplace(read[i].key, std::make_shared<audio::Samples>(audio::resample(read[i].sound, rate_hz).samples)).second;
        if (!fresh) return std::unexpected(OptionFault{fmt::format("prompts[{}].text", i), "the same words stand here twice", ""});
    }
    return std::make_unique<Recorded>(std::move(table), rate_hz, std::move(*otherwise), name_of(other));
}

}  // namespace

const Provider<TextToSpeech> kRecorded{"recorded", "recorded prompts, and another engine for the rest", &build_recorded};

}  // namespace voicectl::speech
