#include <deque>
#include <optional>

#include "voicectl/speech/chain.h"

namespace voicectl::speech {
namespace {

constexpr std::size_t kMostKept = 60 * audio::kSpeechRateHz;  // samples

/// Lives on its loop.
class ChainedEars final : public SttStream {
 public:
    ChainedEars(Loop& loop, const std::vector<SpeechToText*>& engines, std::shared_ptr<Standing> standing, SttSink sink)
        : loop_(loop), engines_(engines), standing_(std::move(standing)), sink_(std::make_shared<SttSink>(std::move(sink))) {
        open(standing_->next(0, loop_.now()));
    }
    ~ChainedEars() override {
        if (!told_) standing_->unknown(at_);
        if (next_) standing_->unknown(*next_);
    }

    void push(audio::SampleView samples) override {
        kept_.insert(kept_.end(), samples.begin(), samples.end());
        if (kept_.size() > kMostKept) forget(kept_.size() - kMostKept);
        if (stream_) stream_->push(samples);
    }
    void end_utterance() override {
        ends_.push_back({kept_.size(), loop_.now()});
        if (stream_) stream_->end_utterance();
    }
    bool tell_so_far() override { return stream_ && stream_->tell_so_far(); }

 private:
    void open(std::size_t which) {
        at_ = which;
        next_.reset();
        told_ = false;
        SttSink sink;
        if (sink_->on_partial) sink.on_partial = [this](const std::string& text) { pass(&SttSink::on_partial, text); };
        if (sink_->on_end_of_speech) sink.on_end_of_speech = [this] { pass(&SttSink::on_end_of_speech); };
        sink.on_final = [this](const std::string& text) { on_final(text); };
        sink.on_error = [this](const Error& error) { on_error(error); };
        sink.on_usage = sink_->on_usage;
        stream_ = engines_[which]->open(loop_, std::move(sink));
        replay();
    }

    /// What nobody has answered yet is heard once more, with the ends of its utterances.
    void replay() {
        std::size_t at = 0;
        for (const auto& end : ends_) {
            stream_->push(audio::SampleView(kept_).subspan(at, end.at - at));
            stream_->end_utterance();
            at = end.at;
        }
        if (at < kept_.size()) stream_->push(audio::SampleView(kept_).subspan(at));
    }

    template<class Member, class... What>
    void pass(Member member, const What&... what) {
        const auto sink = sink_;  // the call may drop us
        ((*sink).*member)(what...);
    }

    void on_final(const std::string& text) {
        if (!ends_.empty()) {
            if (!std::exchange(told_, true)) standing_->succeeded(at_, ends_.front().asked, loop_.now());
            forget(ends_.front().at);
            ends_.pop_front();
        }
        // The stream that calls us is replaced once it has returned.
        if (ends_.empty() && at_ != 0) loop_.post(lifeline_.guard([this] { go_back(); }));
        pass(&SttSink::on_final, text);
    }

    void go_back() {
        if (!ends_.empty() || at_ == 0) return;
        if (const auto to = standing_->before(at_, loop_.now()); to != at_) open(to);
    }

    void on_error(const Error& error) {
        const auto now = loop_.now();
        told_ = true;
        const auto to = standing_->next(at_ + 1, now);
        standing_->failed(at_, error, now, to);
        if (to == standing_->size()) return pass(&SttSink::on_error, error);
        // The stream that calls us is replaced once it has returned; what is said meanwhile is kept.
        next_ = to;
        loop_.post(lifeline_.guard([this, to] { open(to); }));
    }

    void forget(std::size_t samples) {
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(samples));
        for (auto& end : ends_) end.at -= std::min(end.at, samples);
    }

    struct End {
        std::size_t at;  // in kept_
        TimePoint asked;
    };
    Loop& loop_;
    const std::vector<SpeechToText*>& engines_;
    std::shared_ptr<Standing> standing_;
    std::shared_ptr<SttSink> sink_;
    std::size_t at_ = 0;
    std::optional<std::size_t> next_;  // who is about to be asked
    bool told_ = false;  // how it went with this one
    audio::Samples kept_;
    std::deque<End> ends_;
    std::unique_ptr<SttStream> stream_;
    Lifeline lifeline_;
};

class ChainStt final : public SpeechToText {
 public:
    ChainStt(std::vector<SpeechToText*> engines, std::shared_ptr<Standing> standing) : engines_(std::move(engines)), standing_(std::move(standing)) {}
    std::unique_ptr<SttStream> open(Loop& loop, SttSink sink) override {
        return std::make_unique<ChainedEars>(loop, engines_, standing_, std::move(sink));
    }

 private:
    std::vector<SpeechToText*> engines_;
    std::shared_ptr<Standing> standing_;
};

}  // namespace

std::unique_ptr<SpeechToText> chain_stt(std::vector<SpeechToText*> engines, std::shared_ptr<Standing> standing) {
    return std::make_unique<ChainStt>(std::move(engines), std::move(standing));
}

}  // namespace voicectl::speech
