#include <algorithm>
#include <optional>

#include "voicectl/speech/chain.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

// So much of the sound is kept back once the listener has more than that to hear: where it breaks off, there is a pause to cut at.
constexpr int kTailMs = 300, kHeadMs = 500;
constexpr double kUsualMsPerByte = 62;  // voices speak 15 to 17 characters a second
constexpr double kSilent = -50;         // dBFS

/// What is known of how fast each voice speaks, over all sentences of the call.
struct Paces {
    std::vector<double> ms_per_byte;
    void learn(std::size_t which, std::size_t bytes, double ms) {
        constexpr std::size_t kTooShort = 16;
        if (bytes < kTooShort) return;
        const auto now = ms / static_cast<double>(bytes);
        auto& pace = ms_per_byte[which];
        pace = pace == kUsualMsPerByte ? now : 0.7 * pace + 0.3 * now;
    }
};

/// The end of a word nearest to a number of bytes: 0 and the whole are ends, too.
std::size_t nearest_end_of_word(const std::string& text, double bytes) {
    std::size_t best = 0;
    for (std::size_t at = 1; at <= text.size(); ++at) {
        if (at < text.size() && text[at] != ' ') continue;
        if (std::abs(static_cast<double>(at) - bytes) < std::abs(static_cast<double>(best) - bytes)) best = at;
    }
    return best;
}

/// The beginning of the quietest 20 ms.
std::size_t quietest(audio::SampleView sound, int rate_hz) {
    const auto frame = static_cast<std::size_t>(rate_hz) / 50;
    std::size_t best = sound.size();
    double level = 1;
    for (std::size_t at = 0; at + frame <= sound.size(); at += frame / 2) {
        const auto here = audio::measure(sound.subspan(at, frame)).rms_dbfs;
        if (here < level) level = here, best = at;
    }
    return best;
}

struct Voices {
    std::vector<TextToSpeech*> engines;
    std::shared_ptr<Standing> standing;
    Paces paces;
    int rate_hz = 0;
    std::unique_ptr<Breaker> own{};  // of a voice alone, whose standing is nobody else's business
};

/// Lives on its loop.
class ChainedSpeech final : public TtsStream {
 public:
    ChainedSpeech(Loop& loop, std::shared_ptr<Voices> voices, std::string text, TtsSink sink)
        : loop_(loop), voices_(std::move(voices)), text_(std::move(text)), sink_(std::make_shared<TtsSink>(std::move(sink))) {
        speak(voices_->standing->next(0, loop_.now()));
    }
    ~ChainedSpeech() override {
        if (!told_) voices_->standing->unknown(at_);
        if (next_) voices_->standing->unknown(*next_);
    }

 private:
    void speak(std::size_t which) {
        at_ = which;
        next_.reset();
        told_ = false;
        given_ = sounded_ = 0;
        asked_ = loop_.now();
        auto& engine = *voices_->engines[which];
        resampler_.reset();
        if (engine.rate_hz() != voices_->rate_hz) resampler_.emplace(engine.rate_hz(), voices_->rate_hz);
        TtsSink sink;
        sink.on_audio = [this](audio::Samples chunk) { on_audio(chunk); };
        sink.on_done = [this] { on_done(); };
        sink.on_error = [this](const Error& error) { on_error(error); };
        sink.on_usage = sink_->on_usage;
        stream_ = engine.speak(loop_, text_, std::move(sink));
    }

    void on_audio(const audio::Samples& made) {
        if (!std::exchange(told_, true)) voices_->standing->succeeded(at_, asked_, loop_.now());
        take(resampler_ ? resampler_->process(made) : made);
    }

    void take(const audio::Samples& chunk) {
        given_ += chunk.size();
        if (sounded_ == 0 && audio::measure(chunk).rms_dbfs > kSilent) sounded_ = given_ - chunk.size() + 1;
        tail_.insert(tail_.end(), chunk.begin(), chunk.end());
        const auto keep = given_ > samples(kHeadMs) ? std::min(samples(kTailMs), given_ - samples(kHeadMs)) : 0;
        if (tail_.size() > keep) pass(tail_.size() - keep);
    }

    void pass(std::size_t count) {
        if (count == 0) return;
        audio::Samples out(tail_.begin(), tail_.begin() + static_cast<std::ptrdiff_t>(count));
        tail_.erase(tail_.begin(), tail_.begin() + static_cast<std::ptrdiff_t>(count));
        const auto sink = sink_;
        sink->on_audio(std::move(out));
    }

    void on_done() {
        if (!std::exchange(told_, true)) voices_->standing->succeeded(at_, asked_, loop_.now());
        const std::weak_ptr<TtsSink> alive = sink_;
        if (resampler_) take(resampler_->flush());
        if (alive.expired()) return;
        voices_->paces.learn(at_, text_.size(), heard_ms());
        pass(tail_.size());
        if (alive.expired()) return;
        const auto sink = sink_;
        sink->on_done();
    }

    void on_error(const Error& error) {
        const auto now = loop_.now();
        auto& standing = *voices_->standing;
        told_ = true;
        const auto to = standing.next(at_ + 1, now);
        standing.failed(at_, error, now, to);
        if (to < standing.size()) next_ = to;
        const bool alive = keep_what_was_said();
        if (!alive) return;
        const auto sink = sink_;
        if (trim(text_).empty()) return sink->on_done();
        if (to == standing.size()) return sink->on_error(error);
        // The stream that calls us is replaced once it has returned.
        loop_.post(lifeline_.guard([this, to] { speak(to); }));
    }

    /// Of the broken sentence the sound up to a pause is given out, and the words that were in it are not said again.
    /// False: we are gone.
    bool keep_what_was_said() {
        if (sounded_ == 0) return tail_.clear(), true;
        const auto cut = quietest(tail_, voices_->rate_hz);
        given_ -= tail_.size() - cut;
        const auto said = nearest_end_of_word(text_, heard_ms() / voices_->paces.ms_per_byte[at_]);
        const std::weak_ptr<TtsSink> alive = sink_;
        pass(cut);
        if (alive.expired()) return false;
        tail_.clear();
        text_.erase(0, said);
        return true;
    }

    std::size_t samples(int ms) const { return static_cast<std::size_t>(ms) * static_cast<std::size_t>(voices_->rate_hz) / 1000; }
    double heard_ms() const {
        return sounded_ == 0 ? 0 : static_cast<double>(given_ - std::min(given_, sounded_ - 1)) * 1000 / voices_->rate_hz;
    }

    Loop& loop_;
    std::shared_ptr<Voices> voices_;
    std::string text_;  // what is still to be said
    std::shared_ptr<TtsSink> sink_;
    std::size_t at_ = 0;
    std::optional<std::size_t> next_;  // who is about to be asked
    bool told_ = false;
    TimePoint asked_;
    std::size_t given_ = 0, sounded_ = 0;  // samples of this voice; where its first sound was, counted from 1
    audio::Samples tail_;                  // not given out yet
    std::optional<audio::Resampler> resampler_;
    std::unique_ptr<TtsStream> stream_;
    Lifeline lifeline_;
};

class ChainTts final : public TextToSpeech {
 public:
    ChainTts(std::vector<TextToSpeech*> engines, std::shared_ptr<Standing> standing, int rate_hz = 0, std::unique_ptr<Breaker> own = {})
        : voices_(std::make_shared<Voices>()) {
        voices_->own = std::move(own);
        voices_->rate_hz = rate_hz;
        if (rate_hz == 0)
            for (const auto* one : engines) voices_->rate_hz = std::max(voices_->rate_hz, one->rate_hz());
        voices_->paces.ms_per_byte.assign(engines.size(), kUsualMsPerByte);
        voices_->engines = std::move(engines);
        voices_->standing = std::move(standing);
    }
    int rate_hz() const override { return voices_->rate_hz; }
    std::unique_ptr<TtsStream> speak(Loop& loop, const std::string& text, TtsSink sink) override {
        return std::make_unique<ChainedSpeech>(loop, voices_, text, std::move(sink));
    }
    std::unique_ptr<TtsStream> warm_up(Loop& loop) override { return voices_->engines.front()->warm_up(loop); }
    bool speaks_whole(const std::string& text) const override { return voices_->engines.front()->speaks_whole(text); }

 private:
    std::shared_ptr<Voices> voices_;
};

}  // namespace

std::unique_ptr<TextToSpeech> chain_tts(std::vector<TextToSpeech*> engines, std::shared_ptr<Standing> standing) {
    return std::make_unique<ChainTts>(std::move(engines), std::move(standing));
}

std::unique_ptr<TextToSpeech> at_rate(TextToSpeech& voice, int rate_hz) {
    auto own = std::make_unique<Breaker>();  // holds nobody back: the last of a chain is always asked
    auto alone = std::make_shared<Standing>(std::vector<std::string>{""}, std::vector<Breaker*>{own.get()}, ChainRules{}, nullptr);
    return std::make_unique<ChainTts>(std::vector<TextToSpeech*>{&voice}, std::move(alone), rate_hz, std::move(own));
}

}  // namespace voicectl::speech
