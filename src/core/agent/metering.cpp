#include "metering.h"

#include <algorithm>

#include "history.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

using namespace std::chrono_literals;
using speech::Usage;

constexpr std::size_t kSecond = audio::kSpeechRateHz;  // samples between two charges of a caller who does not stop
constexpr std::size_t kUnpunctuated = 300;             // bytes past the limit after which a sentence is not waited for
constexpr auto kUnfinished = 3s;

Usage audio(std::size_t samples) { return {.audio_ms = static_cast<std::int64_t>(samples * 1000 / audio::kSpeechRateHz)}; }

std::int64_t tokens(std::size_t bytes) { return static_cast<std::int64_t>((bytes + kBytesOfToken - 1) / kBytesOfToken); }

/// Of one request, told once.
class Outcome {
 public:
    explicit Outcome(OnOutcome to) : to_(std::move(to)) {}
    void tell(const char* what) {
        const auto to = std::exchange(to_, nullptr);
        if (to) to(what);
    }

 private:
    OnOutcome to_;
};

class SttMeter final : public speech::SttStream {
 public:
    explicit SttMeter(std::shared_ptr<Tab> tab) : tab_(std::move(tab)) {}
    ~SttMeter() override {
        inner.reset();
        charge();
    }
    void push(audio::SampleView samples) override {
        samples_ += samples.size();
        if (samples_ >= kSecond) charge();
        inner->push(samples);
    }
    void end_utterance() override {
        charge();
        inner->end_utterance();
    }
    bool tell_so_far() override { return inner->tell_so_far(); }
    std::unique_ptr<speech::SttStream> inner;

 private:
    void charge() {
        const auto whole = audio(samples_);
        tab_->count(whole);
        samples_ -= static_cast<std::size_t>(whole.audio_ms) * audio::kSpeechRateHz / 1000;  // less than a millisecond stays
        tab_->charge(/*estimated=*/false);
    }
    std::shared_ptr<Tab> tab_;
    std::size_t samples_ = 0;
};

/// What a stream has used by its end is charged also when it is dropped in the middle.
template<class Stream>
class Meter final : public Stream {
 public:
    Meter(std::shared_ptr<Tab> tab, bool estimated, std::shared_ptr<Outcome> outcome) : tab_(std::move(tab)), outcome_(std::move(outcome)), estimated_(estimated) {}
    ~Meter() override {
        inner.reset();
        tab_->charge(estimated_);
        outcome_->tell("abandoned");
    }
    std::unique_ptr<Stream> inner;

 private:
    std::shared_ptr<Tab> tab_;
    std::shared_ptr<Outcome> outcome_;
    bool estimated_;
};

class Bound final : public speech::LlmStream {
 public:
    Bound(Loop& loop, const AnswerLimit& limit, std::function<void()> on_cut, speech::LlmSink sink)
        : limit_(limit), on_cut_(std::move(on_cut)), sink_(std::make_shared<speech::LlmSink>(std::move(sink))), time_(loop), loop_(loop) {
        if (limit_.time.count() > 0) time_.after(limit_.time, [this] { on_time(); });
    }

    /// What the model's stream is to call; all of it a no-op once we are gone or have cut.
    speech::LlmSink sink() {
        speech::LlmSink out;
        out.on_text = lifeline_.guard([this](const std::string& piece) { on_text(piece); });
        out.on_done = lifeline_.guard([this](const speech::LlmEnd& end) {
            time_.cancel();
            const auto sink = sink_;
            sink->on_done(end);
        });
        out.on_error = lifeline_.guard([this](const Error& error) {
            time_.cancel();
            const auto sink = sink_;
            sink->on_error(error);
        });
        out.on_usage = sink_->on_usage;
        return out;
    }
    std::unique_ptr<speech::LlmStream> inner;

 private:
    void on_text(const std::string& piece) {
        if (cut_) return;
        characters_ += utf8_length(piece);
        const bool too_long = limit_.characters > 0 && characters_ > static_cast<std::size_t>(limit_.characters);
        if (!too_long && !late_) return pass(piece);
        // To the end of the sentence, so that the voice does not stop in its middle.
        const auto end = piece.find_first_of(".!?\n");
        beyond_ += std::min(end, piece.size());
        if (end == std::string::npos && beyond_ < kUnpunctuated) return pass(piece);
        cut(piece.substr(0, end == std::string::npos ? end : end + 1));
    }

    void pass(const std::string& piece) {
        const auto sink = sink_;  // the call may drop us
        sink->on_text(piece);
    }

    void on_time() {
        if (std::exchange(late_, true)) return cut("");
        time_.after(kUnfinished, [this] { on_time(); });
    }

    /// The model's stream is our caller, perhaps: it goes on the next turn of the loop.
    void cut(const std::string& last) {
        cut_ = true;
        time_.cancel();
        loop_.post(lifeline_.guard([this] {
            inner.reset();
            const auto sink = sink_;
            sink->on_done({});
        }));
        const auto told = on_cut_;
        auto text = last;
        if (!limit_.words.empty()) text += " " + limit_.words;
        told();
        if (!text.empty()) pass(text);
    }

    const AnswerLimit& limit_;
    std::function<void()> on_cut_;
    std::shared_ptr<speech::LlmSink> sink_;
    std::size_t characters_ = 0, beyond_ = 0;
    bool late_ = false, cut_ = false;
    Timer time_;
    Loop& loop_;
    Lifeline lifeline_;
};

}  // namespace

std::unique_ptr<speech::SttStream> MeteredStt::open(Loop& loop, speech::SttSink sink) {
    const auto tab = ledger_->open(Stage::Stt, payee_);
    auto meter = std::make_unique<SttMeter>(tab);
    sink.on_usage = [tab](const Usage& total) { tab->report(total); };
    if (on_outcome_) {
        sink.on_final = [told = on_outcome_, pass = std::move(sink.on_final)](const std::string& text) {
            told("ok");
            pass(text);
        };
        sink.on_error = [told = on_outcome_, pass = std::move(sink.on_error)](const Error& error) {
            told("failed");
            pass(error);
        };
    }
    meter->inner = inner_.open(loop, std::move(sink));
    return meter;
}

std::unique_ptr<speech::LlmStream> MeteredLlm::generate(Loop& loop, const speech::Chat& chat, speech::LlmSink sink) {
    const auto tab = ledger_->open(Stage::Llm, payee_);
    const auto outcome = std::make_shared<Outcome>(on_outcome_);
    auto meter = std::make_unique<Meter<speech::LlmStream>>(tab, /*estimated=*/true, outcome);
    std::size_t asked = 0;
    for (const auto& message : chat.messages) asked += size_of(message);
    for (const auto& tool : chat.tools) asked += tool.name.size() + tool.description.size() + tool.parameters.size();
    tab->count({.input_tokens = tokens(asked)});
    const auto written = std::make_shared<std::size_t>(0);  // bytes
    speech::LlmSink counted;
    counted.on_text = [tab, written, pass = std::move(sink.on_text)](const std::string& piece) {
        const auto before = tokens(*written);
        tab->count({.output_tokens = tokens(*written += piece.size()) - before});
        pass(piece);
    };
    counted.on_done = [tab, outcome, written, pass = std::move(sink.on_done)](const speech::LlmEnd& end) {
        const auto before = tokens(*written);
        for (const auto& call : end.calls) *written += call.name.size() + call.arguments.size();
        tab->count({.output_tokens = tokens(*written) - before});
        tab->charge(/*estimated=*/true);
        outcome->tell("ok");
        pass(end);
    };
    counted.on_error = [tab, outcome, written, pass = std::move(sink.on_error)](const Error& error) {
        if (*written == 0) tab->forgive();
        else tab->charge(/*estimated=*/true);
        outcome->tell("failed");
        pass(error);
    };
    counted.on_usage = [tab](const Usage& total) { tab->report(total); };
    meter->inner = inner_.generate(loop, chat, std::move(counted));
    return meter;
}

std::unique_ptr<speech::TtsStream> MeteredTts::speak(Loop& loop, const std::string& text, speech::TtsSink sink) {
    const auto tab = ledger_->open(Stage::Tts, payee_);
    const auto outcome = std::make_shared<Outcome>(on_outcome_);
    auto meter = std::make_unique<Meter<speech::TtsStream>>(tab, /*estimated=*/false, outcome);
    tab->count({.characters = static_cast<std::int64_t>(utf8_length(text))});
    const auto heard = std::make_shared<bool>(false);
    speech::TtsSink counted;
    counted.on_audio = [tab, heard, pass = std::move(sink.on_audio)](audio::Samples chunk) {
        if (!std::exchange(*heard, true)) tab->charge(/*estimated=*/false);
        pass(std::move(chunk));
    };
    counted.on_done = [tab, outcome, pass = std::move(sink.on_done)] {
        tab->charge(/*estimated=*/false);
        outcome->tell("ok");
        pass();
    };
    counted.on_error = [tab, outcome, heard, pass = std::move(sink.on_error)](const Error& error) {
        if (!*heard) tab->forgive();
        outcome->tell("failed");
        pass(error);
    };
    counted.on_usage = [tab](const Usage& total) { tab->report(total); };
    meter->inner = inner_.speak(loop, text, std::move(counted));
    return meter;
}

std::unique_ptr<speech::LlmStream> BoundedLlm::generate(Loop& loop, const speech::Chat& chat, speech::LlmSink sink) {
    auto bound = std::make_unique<Bound>(loop, limit_, on_cut_, std::move(sink));
    auto inner = bound->sink();
    bound->inner = inner_.generate(loop, chat, std::move(inner));
    return bound;
}

template<class T, class Metered, class Chain>
MeteredStages::Counted<T> MeteredStages::count(const Choices<T>& choices, Stage stage, const AgentConfig& config, const std::shared_ptr<Ledger>& ledger,
                                               const Handlers& handlers, Chain chain) {
    Counted<T> out;
    std::vector<T*> engines;
    std::vector<std::string> names;
    std::vector<speech::Breaker*> breakers;
    for (const auto& one : choices.all()) {
        OnOutcome on_outcome;
        if (handlers.on_request) on_outcome = [stage, name = one.name(), told = handlers.on_request](const char* outcome) { told(stage, name, outcome); };
        out.each.push_back(std::make_unique<Metered>(*one.engine, ledger, one.payee, std::move(on_outcome)));
        engines.push_back(out.each.back().get());
        names.push_back(one.name());
        breakers.push_back(one.breaker.get());
    }
    if (engines.size() > 1) {
        auto standing = std::make_shared<speech::Standing>(std::move(names), std::move(breakers), config.failover, [stage, told = handlers.on_moved](const speech::Moved& moved) {
            if (told) told(stage, moved);
        });
        out.chain = chain(engines, std::move(standing));
    }
    out.face = out.chain ? out.chain.get() : engines.front();
    return out;
}

MeteredStages::MeteredStages(const Chosen& stages, const AgentConfig& config, const std::shared_ptr<Ledger>& ledger, Handlers handlers)
    : stt_(count<speech::SpeechToText, MeteredStt>(stages.stt, Stage::Stt, config, ledger, handlers, &speech::chain_stt)),
      llm_(count<speech::LanguageModel, MeteredLlm>(stages.llm, Stage::Llm, config, ledger, handlers, &speech::chain_llm)),
      tts_(count<speech::TextToSpeech, MeteredTts>(stages.tts, Stage::Tts, config, ledger, handlers, &speech::chain_tts)),
      bounded_(std::make_unique<BoundedLlm>(*llm_.face, config.limits.answer, std::move(handlers.on_cut))) {}

}  // namespace voicectl::agent
