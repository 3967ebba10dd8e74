#include "core/speech/socket_stt.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "voicectl/audio/resampler.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Position = std::int64_t;  // samples at 16 kHz since the stream began

constexpr Position kPerMs = audio::kSpeechRateHz / 1000;
constexpr Position kMessage = 50 * kPerMs;       // of what a message holds; after a break twice as much
constexpr Position kMostKept = 30'000 * kPerMs;
constexpr Position kSlack = 5'000 * kPerMs;      // so that old audio is not moved away chunk by chunk
constexpr Position kQuiet = 100 * kPerMs;        // of silence in place of a keep-alive message
constexpr std::size_t kMostEndings = 100;
constexpr std::size_t kMostText = 64 * 1024;     // of an utterance
// The server's endpointing has said already that all was said: hardly anything is still to come.
constexpr milliseconds kAfterEndOfSpeech = 400ms;
constexpr Position kTail = 1'000 * kPerMs;       // of silence after it

struct SttService {
    Remote remote;
    SttDialect dialect;
    net::WebSocketOpener open_socket;
};

std::string joined(std::string text, const std::string& more) {
    if (!text.empty() && !more.empty()) text += ' ';
    return text + more;
}

/// An end_utterance() that waits for its words.
struct Ending {
    Position at = 0;
    bool asked = false;
    TimePoint deadline{};
};

// Held by whoever calls the sink, for a call may drop the stream.
class SocketRecogniser : public std::enable_shared_from_this<SocketRecogniser> {
 public:
    SocketRecogniser(Loop& loop, std::shared_ptr<const SttService> service, SttSink sink)
        : loop_(loop), service_(std::move(service)), sink_(std::move(sink)), pause_(loop), final_(loop), quiet_(loop), age_(loop) {}

    void push(audio::SampleView samples) {
        if (over_ || samples.empty()) return;
        kept_.insert(kept_.end(), samples.begin(), samples.end());
        pushed_ += static_cast<Position>(samples.size());
        bound_kept();
        revive();
        pump();
    }

    void end_utterance() {
        if (over_) return;
        if (endings_.size() >= kMostEndings) return fail({Errc::Timeout, service_->remote.provider + " answers no utterance", {}});
        endings_.push_back({pushed_});
        revive();
        pump();
        if (endings_.size() == 1 && nothing_to_ask()) post([](SocketRecogniser& self) { self.finish_silent(); });
    }

    void connect() {
        began_ = loop_.now();
        sent_ = kept_from_;
        base_ = kept_from_;
        partial_.clear();
        speech_ended_.reset();
        utterance_sent_.reset();
        for (auto& ending : endings_) ending.asked = false;
        dialog_ = service_->dialect.dialog();
        resampler_.reset();
        if (service_->dialect.rate_hz != audio::kSpeechRateHz) resampler_.emplace(audio::kSpeechRateHz, service_->dialect.rate_hz);
        const auto at = [weak = weak_from_this()](auto run) {
            return [weak, run](auto&&... what) {
                if (const auto self = weak.lock(); self && !self->over_) run(*self, std::forward<decltype(what)>(what)...);
            };
        };
        link_ = std::make_unique<SocketLink>(loop_, service_->open_socket, service_->remote, service_->dialect.ask,
                                             SocketLink::Handlers{at([](SocketRecogniser& self) { self.on_open(); }),
                                                                  at([](SocketRecogniser& self, std::string_view message, bool) { self.on_message(message); }),
                                                                  at([](SocketRecogniser& self, const SocketFailure& why) { self.on_failure(why); })});
    }

    /// The stream is dropped: nothing is called any more.
    void close() {
        over_ = true;
        for (auto* timer : {&pause_, &final_, &quiet_, &age_}) timer->cancel();
        SocketLink::let_go(std::move(link_), service_->dialect.farewell);
    }

 private:
    bool idle() const { return endings_.empty() && pieces_.empty() && partial_.empty(); }
    /// No audio since the last utterance's end: no server knows more.
    bool nothing_to_ask() const { return endings_.front().at == floor_ && pieces_.empty(); }

    void post(void (*task)(SocketRecogniser&)) {
        loop_.post([weak = weak_from_this(), task] {
            if (const auto self = weak.lock(); self && !self->over_) task(*self);
        });
    }
    void finish_silent() {
        if (!endings_.empty() && nothing_to_ask()) finish("");
    }

    // ---- audio ----

    void bound_kept() {
        if (pushed_ - kept_from_ > kMostKept + kSlack) forget_until(pushed_ - kMostKept);
    }
    void forget_until(Position at) {
        at = std::clamp(at, kept_from_, pushed_);
        kept_.erase(kept_.begin(), kept_.begin() + (at - kept_from_));
        kept_from_ = at;
        sent_ = std::max(sent_, at);
    }

    void pump() {
        if (!link_ || !link_->open()) return;
        while (send_next()) continue;
    }
    bool send_next() {
        const auto ending = std::find_if(endings_.begin(), endings_.end(), [](const Ending& one) { return !one.asked; });
        const bool ends = ending != endings_.end();
        const auto ready = (ends ? std::max(ending->at, sent_) : pushed_) - sent_;
        if (ready >= kMessage || (ends && ready > 0)) return send_audio(std::min(ready, ready >= 2 * kMessage ? 2 * kMessage : kMessage)), true;
        if (ends) ask(*ending);
        return ends;
    }
    void send_audio(Position count) {
        const auto samples = audio::SampleView(kept_).subspan(static_cast<std::size_t>(sent_ - kept_from_), static_cast<std::size_t>(count));
        sent_ += count;
        if (!utterance_sent_) utterance_sent_ = loop_.now();
        put(samples);
    }
    void put(audio::SampleView samples) {
        if (!resampler_) return say(dialog_->audio(samples));
        if (const auto made = resampler_->process(samples); !made.empty()) say(dialog_->audio(made));
    }
    void say(SocketMessage message) {
        link_->send(std::move(message));
        keep_alive_later();
    }

    void ask(Ending& ending) {
        if (resampler_)
            if (const auto rest = resampler_->flush(); !rest.empty()) say(dialog_->audio(rest));
        const auto silent = ending.at == (&ending == &endings_.front() ? floor_ : (&ending - 1)->at);
        if (!silent) link_->send(dialog_->end());  // or the answer could be taken for that to the next
        ending.asked = true;
        ending.deadline = loop_.now() + patience_for(ending);
        watch_final();
    }
    void watch_final() {
        final_.cancel();
        if (!endings_.empty() && endings_.front().asked)
            final_.after(std::max(Duration::zero(), endings_.front().deadline - loop_.now()), [this] { on_final_overdue(); });
    }
    void on_final_overdue() {
        const auto self = shared_from_this();
        const bool mute = utterance_sent_ && (!heard_ || *heard_ < *utterance_sent_);
        if (mute && pieces_.empty())
            return fail({Errc::Timeout, fmt::format("{} said nothing about an utterance for {} ms", service_->remote.provider, service_->remote.stall.count()), {}});
        dialog_->forget();
        finish(joined(pieces_, partial_));
    }

    void keep_alive_later() {
        if (service_->dialect.keep_alive_every.count() > 0) quiet_.after(service_->dialect.keep_alive_every, [this] { keep_alive(); });
    }
    void keep_alive() {
        if (!link_ || !link_->open()) return;
        if (service_->dialect.keep_alive) return say(*service_->dialect.keep_alive);
        base_ -= kQuiet;  // the server counts what the stream does not
        put(audio::Samples(static_cast<std::size_t>(kQuiet)));
    }

    // ---- connection ----

    /// Somebody speaks to a connection that was given up while nobody did.
    void revive() {
        if (link_ || pause_.pending()) return;
        reconnects_ = 0;
        troubled_.reset();
        connect();
    }
    void on_open() {
        link_->send(dialog_->hello());
        keep_alive_later();
        if (service_->dialect.max_age.count() > 0) age_.after(service_->dialect.max_age, [this] { recycle(); });
        pump();
    }
    /// What comes in late of the old connection is lost with it, so only between utterances.
    void recycle() {
        if (!link_ || !link_->open() || service_->dialect.max_age.count() == 0 || loop_.now() - began_ < service_->dialect.max_age || !idle()) return;
        SocketLink::let_go(std::move(link_), service_->dialect.farewell);
        connect();
    }
    void on_failure(const SocketFailure& failure) {
        const auto self = shared_from_this();
        const auto why = failure;  // the link that told it goes
        link_.reset();
        final_.cancel();
        quiet_.cancel();
        age_.cancel();
        if (!why.again) return fail(why.error);
        const bool unused = idle() && kept_.empty();
        const bool first = !troubled_;
        if (first) troubled_ = loop_.now();
        // A connection that stood may break at any time, and another stands at once; one that never stood is let alone a while.
        const bool stood = first && heard_ && *heard_ >= began_;
        const auto wait = stood ? milliseconds(0) : back_off(reconnects_);
        const bool hopeless = (!stood && reconnects_ >= service_->remote.retries) || loop_.now() - *troubled_ + wait >= service_->remote.first;
        log::debug("speech", "recogniser's connection broke", {{"reason", why.error.message}, {"again", !hopeless}});
        if (hopeless && !unused) return fail(why.error);
        if (hopeless) return;  // until somebody speaks
        ++reconnects_;
        pause_.after(wait, [this] { connect(); });
    }
    void fail(const Error& error) {
        const auto self = shared_from_this();
        close();
        if (sink_.on_error) sink_.on_error(error);
    }

    // ---- words ----

    Position place_of(milliseconds on_connection) const {
        const auto most = std::numeric_limits<std::int32_t>::max();
        return std::clamp<Position>(base_ + std::clamp<Position>(on_connection.count(), 0, most) * kPerMs, 0, sent_);
    }

    void on_message(std::string_view message) {
        const auto self = shared_from_this();
        heard_ = loop_.now();
        take(dialog_->read(message));
        while (!over_ && link_) {
            const auto more = dialog_->more();
            if (!more) return;
            take(*more);
        }
    }

    void take(const SttNews& news) {
        if (news.failure) return on_failure(*news.failure);
        if (news.usage) add_usage(*news.usage);
        // Too late for an utterance that has been given up on.
        const bool stale = news.settled && place_of(*news.settled) <= floor_ && floor_ > base_;
        if (!stale) take_words(news);
        if (over_) return;
        if (news.piece) forget_until(news.settled ? place_of(*news.settled) : sent_);
        if (news.answered && !stale && !endings_.empty() && endings_.front().asked) return finish(joined(pieces_, partial_));
        if (news.end_of_speech && !stale) tell_end_of_speech(news.settled ? place_of(*news.settled) : sent_);
    }

    void take_words(const SttNews& news) {
        if (news.piece) {
            if (pieces_.size() < kMostText) pieces_ = joined(std::move(pieces_), *news.piece);
            partial_.clear();
        }
        if (news.partial) partial_ = news.partial->substr(0, kMostText);
        const auto words = joined(pieces_, partial_);
        if ((news.piece && !news.piece->empty()) || (news.partial && !news.partial->empty())) on_progress();
        if (words.empty() || words == told_) return;
        told_ = words;
        speech_ended_.reset();
        if (endings_.empty() && sink_.on_partial) sink_.on_partial(words);
    }
    void on_progress() {
        reconnects_ = 0;
        troubled_.reset();
    }

    void tell_end_of_speech(Position at) {
        if (speech_ended_ || told_.empty()) return;
        speech_ended_ = at;
        if (!endings_.empty() && endings_.front().asked) {
            endings_.front().deadline = std::min(endings_.front().deadline, loop_.now() + patience_for(endings_.front()));
            return watch_final();
        }
        if (endings_.empty() && sink_.on_end_of_speech) sink_.on_end_of_speech();
    }
    Duration patience_for(const Ending& ending) const {
        const bool all_said = speech_ended_ && ending.at - *speech_ended_ <= kTail;
        return all_said ? std::min(kAfterEndOfSpeech, service_->remote.stall) : service_->remote.stall;
    }

    void finish(const std::string& text) {
        const auto self = shared_from_this();
        floor_ = endings_.front().at;
        endings_.erase(endings_.begin());
        forget_until(floor_);
        pieces_.clear();
        partial_.clear();
        told_.clear();
        speech_ended_.reset();
        utterance_sent_.reset();
        on_progress();
        watch_final();
        if (sink_.on_final) sink_.on_final(text);
        if (over_) return;
        if (!endings_.empty() && nothing_to_ask()) return finish("");
        recycle();
    }

    void add_usage(const Usage& more) {
        usage_.audio_ms += more.audio_ms;
        usage_.input_tokens += more.input_tokens;
        usage_.cached_tokens += more.cached_tokens;
        usage_.output_tokens += more.output_tokens;
        if (sink_.on_usage) sink_.on_usage(usage_);
    }

    Loop& loop_;
    std::shared_ptr<const SttService> service_;
    SttSink sink_;
    std::unique_ptr<SttDialog> dialog_;
    std::optional<audio::Resampler> resampler_;

    audio::Samples kept_;           // from kept_from_ to pushed_
    Position kept_from_ = 0;
    Position sent_ = 0, pushed_ = 0;
    Position base_ = 0;             // what the server calls 0 ms
    Position floor_ = 0;            // end of the last utterance that was answered
    std::vector<Ending> endings_;

    std::string pieces_, partial_;  // of the oldest utterance that is not answered
    std::string told_;
    std::optional<Position> speech_ended_;  // by the server's endpointing, and no word since
    Usage usage_;

    bool over_ = false;
    int reconnects_ = 0;            // since words came last
    std::optional<TimePoint> troubled_, heard_, utterance_sent_;
    TimePoint began_{};             // of the connection
    Timer pause_, final_, quiet_, age_;
    std::unique_ptr<SocketLink> link_;
};

class SocketSttStream final : public SttStream {
 public:
    SocketSttStream(Loop& loop, std::shared_ptr<const SttService> service, SttSink sink)
        : recogniser_(std::make_shared<SocketRecogniser>(loop, std::move(service), std::move(sink))) {
        recogniser_->connect();
    }
    ~SocketSttStream() override { recogniser_->close(); }
    void push(audio::SampleView samples) override { recogniser_->push(samples); }
    void end_utterance() override { recogniser_->end_utterance(); }
    bool tell_so_far() override { return false; }

 private:
    std::shared_ptr<SocketRecogniser> recogniser_;
};

class SocketStt final : public SpeechToText {
 public:
    explicit SocketStt(SttService service) : service_(std::make_shared<const SttService>(std::move(service))) {}
    std::unique_ptr<SttStream> open(Loop& loop, SttSink sink) override {
        return std::make_unique<SocketSttStream>(loop, service_, std::move(sink));
    }

 private:
    std::shared_ptr<const SttService> service_;
};

}  // namespace

RemoteDefaults recogniser_at(std::string_view provider, std::string_view base, std::string_view key_variable) {
    return {.provider = provider, .base = base, .key_variable = key_variable, .first_key = "connect_timeout", .stall_key = "final_timeout", .stall = 2s, .retries = 3};
}

std::unique_ptr<SpeechToText> make_socket_stt(Remote remote, SttDialect dialect, const ProviderContext& context) {
    return std::make_unique<SocketStt>(SttService{std::move(remote), std::move(dialect), context.open_socket});
}

std::string pcm_bytes(audio::SampleView samples) {
    static_assert(std::endian::native == std::endian::little, "samples go out as they lie in memory");
    std::string out(samples.size_bytes(), '\0');
    std::memcpy(out.data(), samples.data(), samples.size_bytes());
    return out;
}

}  // namespace voicectl::speech
