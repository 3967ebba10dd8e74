#include "core/speech/http_stt.h"

#include <algorithm>
#include <cstdlib>
#include <deque>

#include "core/speech/heard_answer.h"
#include "voicectl/base/log.h"

namespace voicectl::speech {
namespace {

constexpr std::size_t kSecond = audio::kSpeechRateHz;
constexpr std::size_t kVoiceFrame = kSecond / 100;
constexpr std::size_t kLead = kSecond;              // kept before the first word
constexpr std::size_t kLeadUnheard = 10 * kSecond;  // as long as no voice is found: others may hear better
constexpr std::size_t kForgetAfter = 12 * kSecond;  // of silence: nobody took what was before for a turn
constexpr std::size_t kLongestAudio = 60 * kSecond; // a caller who never pauses is asked about in parts
constexpr std::size_t kCutWithin = 5 * kSecond;     // of whose end the quietest place is where they are cut
constexpr std::size_t kMostParts = 8;               // asked about at once, two megabytes each at most
constexpr int kQuietest = 32;                       // -60 dBFS: fainter than this is nothing

std::string wav_of(audio::SampleView samples) {
    std::string out;
    const auto number = [&](std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
    };
    const auto size = samples.size() * 2;
    out.reserve(size + 44);
    out += "RIFF";
    number(size + 36, 4);
    out += "WAVEfmt ";
    number(16, 4);
    number(1, 2);  // PCM
    number(1, 2);  // mono
    number(audio::kSpeechRateHz, 4);
    number(audio::kSpeechRateHz * 2, 4);
    number(2, 2);
    number(16, 2);
    out += "data";
    number(size, 4);
    for (const auto sample : samples) number(static_cast<std::uint16_t>(sample), 2);
    return out;
}

bool is_quiet(audio::SampleView samples) {
    return std::all_of(samples.begin(), samples.end(), [](int sample) { return std::abs(sample) <= kQuietest; });
}

/// Where speech that is too long is cut: in the quietest tenth of a second near its end.
std::size_t quietest_place(audio::SampleView samples) {
    constexpr std::size_t kWindow = kSecond / 10;
    std::size_t best = samples.size();
    double least = 1e300;
    for (auto at = samples.size() - kCutWithin; at + kWindow <= samples.size(); at += kWindow / 2) {
        double energy = 0;
        for (const auto sample : samples.subspan(at, kWindow)) energy += static_cast<double>(sample) * sample;
        if (energy >= least) continue;
        least = energy;
        best = at + kWindow / 2;
    }
    return best;
}

std::int64_t to_ms(std::size_t samples) { return static_cast<std::int64_t>(samples * 1000 / kSecond); }

class HttpEar final : public SttStream {
 public:
    HttpEar(Loop& loop, net::HttpClient& http, std::shared_ptr<const HearingDialect> dialect, SttSink sink)
        : loop_(loop), http_(http), dialect_(std::move(dialect)), sink_(std::make_shared<SttSink>(std::move(sink))), framer_(kVoiceFrame) {}

    void push(audio::SampleView samples) override {
        framer_.push(samples, [this](audio::SampleView frame) {
            if (!failed_) hear(frame);
        });
    }

    void end_utterance() override {
        if (failed_) return;
        if (audio_.empty() || is_quiet(audio_)) {
            parts_.push_back(std::make_unique<Part>());
            parts_.back()->done = true;
        } else if (asked_ahead()) {
            parts_.push_back(std::move(early_));
        } else {
            ask_now(audio_.size());
        }
        if (failed_) return;
        parts_.back()->last = true;
        forget();
        loop_.post(lifeline_.guard([this] { settle(); }));
    }

    bool tell_so_far() override {
        if (failed_ || !dialect_->ahead || audio_.empty() || is_quiet(audio_)) return false;
        if (!asked_ahead()) {
            early_ = part_of(audio_.size());
            ask(*early_);
        } else if (early_->done) {
            loop_.post(lifeline_.guard([this] {
                if (early_) tell_partial(*early_);
            }));
        }
        return true;
    }

 private:
    /// A stretch of audio and what the server has to say about it.
    struct Part {
        std::string wav;
        std::size_t samples = 0;
        std::string text;
        bool done = false;
        bool last = false;  // of its utterance
        std::optional<HeardAnswer> answer;
        std::optional<RemoteCall> call;
    };

    void hear(audio::SampleView frame) {
        const bool was_speaking = activity_.speaking();
        activity_.push(frame);
        audio_.insert(audio_.end(), frame.begin(), frame.end());
        const auto silence = static_cast<std::size_t>(activity_.silence().count()) * kSecond / 1000;
        if (activity_.speaking()) {
            voice_end_ = audio_.size() - std::min(audio_.size(), silence);
            if (!was_speaking && !std::exchange(voiced_, true)) keep_last(kLead);
        }
        if (!voiced_ && audio_.size() > kLeadUnheard + kSecond) keep_last(kLeadUnheard);  // not at each frame: it moves all
        if (voiced_ && audio_.size() - voice_end_ > kForgetAfter) {
            keep_last(kLead);
            voiced_ = false;
        }
        if (audio_.size() >= kLongestAudio) {
            const auto cut = quietest_place(audio_);
            ask_now(cut);
            drop_front(cut);
        }
    }

    void keep_last(std::size_t samples) {
        if (audio_.size() > samples) drop_front(audio_.size() - samples);
    }
    void drop_front(std::size_t samples) {
        early_.reset();
        audio_.erase(audio_.begin(), audio_.begin() + static_cast<std::ptrdiff_t>(samples));
        voice_end_ -= std::min(voice_end_, samples);
    }
    void forget() {
        early_.reset();
        audio_.clear();
        voice_end_ = 0;
        voiced_ = false;
    }

    /// The question that is on its way, or answered, has all the words there are.
    bool asked_ahead() const { return early_ && (voiced_ ? voice_end_ : audio_.size()) <= early_->samples; }

    std::unique_ptr<Part> part_of(std::size_t samples) const {
        auto part = std::make_unique<Part>();
        part->samples = samples;
        part->wav = wav_of(audio::SampleView(audio_).first(samples));
        return part;
    }

    void ask_now(std::size_t samples) {
        if (parts_.size() >= kMostParts)
            return fail_with({Errc::Unreachable, dialect_->remote.provider + " does not keep up with the caller", {}});
        parts_.push_back(part_of(samples));
        ask(*parts_.back());
    }

    void ask(Part& part) {
        total_.audio_ms += to_ms(part.samples);
        auto request = dialect_->request(*dialect_, part.wav);
        part.wav = {};
        part.call.emplace(loop_, http_, dialect_->remote, std::move(request),
                          RemoteCall::Handlers{.on_try = [&part] { part.answer.reset(); },
                                               .on_head =
                                                   [&part](const net::HttpResponse& head) {
                                                       part.answer.emplace(head.header("content-type"));
                                                       return Result<void>();
                                                   },
                                               .on_chunk = [this, &part](std::string_view chunk) { handle_chunk(part, chunk); },
                                               .on_end = [this, &part] { handle_end(part); },
                                               .on_error = [this, &part](const Error& error) { handle_error(part, error); }});
    }

    void handle_chunk(Part& part, std::string_view chunk) {
        const auto grown = part.answer->push(chunk);
        if (!grown) return give_up(part, grown.error());
        if (!*grown) return;
        part.call->used();
        part.text = part.answer->so_far();
        tell_partial(part);
    }

    void handle_end(Part& part) {
        auto text = part.answer->finish();
        if (!text) return give_up(part, std::move(text).error());
        part.text = std::move(*text);
        part.done = true;
        count(part);
        if (&part == early_.get()) tell_partial(part);
        else settle();
    }

    void give_up(Part& part, Error error) const { part.call->give_up(std::move(error).while_doing(dialect_->remote.provider)); }

    void handle_error(const Part& part, const Error& error) {
        if (&part != early_.get()) return fail_with(error);
        log::debug("stt", "not heard ahead", {{"provider", dialect_->remote.provider}, {"reason", error.message}});
        early_.reset();  // asked again at the end of the turn
    }

    /// What was sent is paid for; the server's own figures are better.
    void count(const Part& part) {
        if (const auto& told = part.answer->usage()) {
            if (told->audio_ms > 0) total_.audio_ms += told->audio_ms - to_ms(part.samples);
            total_.input_tokens += told->input_tokens;
            total_.output_tokens += told->output_tokens;
        }
        const auto sink = sink_;
        if (sink->on_usage) sink->on_usage(total_);
    }

    static void append(std::string& text, const std::string& more) {
        if (!text.empty() && !more.empty()) text += ' ';
        text += more;
    }

    /// Only of the utterance that is being spoken or settled, and when all before it is known.
    void tell_partial(const Part& part) {
        const bool next = parts_.empty() ? &part == early_.get() : &part == parts_.front().get();
        if (!next || part.text.empty() || !sink_->on_partial) return;
        auto text = text_;
        append(text, part.text);
        const auto sink = sink_;
        sink->on_partial(text);  // may drop us
    }

    void settle() {
        const std::weak_ptr<char> alive = alive_;
        while (!alive.expired() && !failed_ && !parts_.empty() && parts_.front()->done) {
            const auto part = std::move(parts_.front());
            parts_.pop_front();
            append(text_, part->text);
            if (!part->last) continue;
            const auto sink = sink_;
            sink->on_final(std::exchange(text_, {}));
        }
    }

    void fail_with(const Error& error) {
        if (std::exchange(failed_, true)) return;
        // By the loop, for a part may be telling of itself, and push() calls nobody.
        loop_.post(lifeline_.guard([this, error] {
            parts_.clear();
            early_.reset();
            const auto sink = sink_;
            sink->on_error(error);
        }));
    }

    Loop& loop_;
    net::HttpClient& http_;
    std::shared_ptr<const HearingDialect> dialect_;
    std::shared_ptr<SttSink> sink_;
    audio::Framer framer_;
    audio::VoiceActivity activity_;
    audio::Samples audio_;         // of the open utterance
    std::size_t voice_end_ = 0;    // in it
    bool voiced_ = false, failed_ = false;
    std::deque<std::unique_ptr<Part>> parts_;  // asked about, in the order of their audio
    std::unique_ptr<Part> early_;              // asked about ahead of the end of the utterance
    std::string text_;                         // of the parts that are settled, of an utterance that is not
    Usage total_;
    std::shared_ptr<char> alive_ = std::make_shared<char>();  // tells whether a call to the sink has dropped us
    Lifeline lifeline_;
};

class HttpRecogniser final : public SpeechToText {
 public:
    HttpRecogniser(net::HttpClient& http, HearingDialect dialect)
        : http_(http), dialect_(std::make_shared<const HearingDialect>(std::move(dialect))) {}

    std::unique_ptr<SttStream> open(Loop& loop, SttSink sink) override {
        return std::make_unique<HttpEar>(loop, http_, dialect_, std::move(sink));
    }

 private:
    net::HttpClient& http_;
    std::shared_ptr<const HearingDialect> dialect_;
};

}  // namespace

std::unique_ptr<SpeechToText> make_http_recogniser(net::HttpClient& http, HearingDialect dialect) {
    return std::make_unique<HttpRecogniser>(http, std::move(dialect));
}

}  // namespace voicectl::speech
