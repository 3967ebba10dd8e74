#include "voicectl/agent/probe.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "metering.h"
#include "probe_plan.h"
#include "tools/mcp.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/compare.h"

namespace voicectl::agent {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using State = ProbeReport::State;

constexpr std::size_t kMostWords = 2000;         // bytes of an answer that are kept
constexpr int kLongestSound = 60;                // seconds of one short sentence
constexpr int kQuietest = 30;                    // of 32767: what never is louder is no speech
const AnswerLimit kShortAnswer{.characters = 300, .time = 0ms, .words = ""};

milliseconds length_of(const audio::Pcm& sound) { return milliseconds(static_cast<std::int64_t>(sound.samples.size()) * 1000 / sound.rate_hz); }

/// One call to one provider. Tells its end on a turn of the loop of its own, so that its owner may drop it then.
class Probing {
 public:
    Probing(Loop& loop, ProbeReport& report, milliseconds timeout, std::function<void()> done)
        : loop_(loop), report_(report), timeout_(timeout), done_(std::move(done)), deadline_(loop), begun_(loop.now()) {
        deadline_.after(timeout, [this] { on_timeout(); });
    }
    virtual ~Probing() = default;
    Probing(const Probing&) = delete;
    Probing& operator=(const Probing&) = delete;

 protected:
    ProbeReport& report() { return report_; }
    Loop& loop() { return loop_; }
    bool over() const { return over_; }
    void got_something() {
        if (!over_ && !report_.first) report_.first = passed();
    }
    void good() { end(State::Ok, {}); }
    void bad(Error error) { end(State::Failed, std::move(error)); }

 private:
    milliseconds passed() const { return std::chrono::duration_cast<milliseconds>(loop_.now() - begun_); }
    void on_timeout() {
        bad({Errc::Timeout, fmt::format("{} within {}", report_.first ? "it began, but did not come to an end" : "no answer", format_duration(timeout_)),
             "is its server reachable from here, and not overloaded? --timeout gives it longer"});
    }
    void end(State state, std::optional<Error> error) {
        if (std::exchange(over_, true)) return;
        deadline_.cancel();
        report_.state = state;
        report_.error = std::move(error);
        report_.total = passed();
        loop_.post(lifeline_.guard([this] {
            const auto done = done_;
            done();
        }));
    }

    Loop& loop_;
    ProbeReport& report_;
    milliseconds timeout_;
    std::function<void()> done_;
    Timer deadline_;
    TimePoint begun_;
    bool over_ = false;
    Lifeline lifeline_;
};

class AskModel final : public Probing {
 public:
    AskModel(Loop& loop, ProbeTarget& target, const std::shared_ptr<Ledger>& ledger, milliseconds timeout, std::function<void()> done)
        : Probing(loop, target.report, timeout, std::move(done)), model_(*target.llm, ledger, target.payee), bounded_(model_, kShortAnswer, [] {}) {
        speech::LlmSink sink;
        sink.on_text = [this](const std::string& piece) {
            got_something();
            if (report().answer.size() < kMostWords) report().answer += piece;
        };
        sink.on_done = [this](const speech::LlmEnd&) { on_end(); };
        sink.on_error = [this](const Error& error) { bad(error); };
        stream_ = bounded_.generate(loop, {.messages = {{speech::ChatMessage::Role::User, report().said}}}, std::move(sink));
    }

 private:
    void on_end() {
        report().answer = plain_text(trim(report().answer), kMostWords);
        if (!report().answer.empty()) return good();
        bad({Errc::Protocol, "the model answered without a word", "try another model: some need more tokens, or think without an answer"});
    }

    MeteredLlm model_;
    BoundedLlm bounded_;
    std::unique_ptr<speech::LlmStream> stream_;
};

class AskVoice final : public Probing {
 public:
    AskVoice(Loop& loop, ProbeTarget& target, const std::shared_ptr<Ledger>& ledger, milliseconds timeout, audio::Pcm& sound, std::function<void()> done)
        : Probing(loop, target.report, timeout, std::move(done)), voice_(*target.tts, ledger, target.payee), sound_(sound) {
        sound_.rate_hz = target.tts->rate_hz();
        speech::TtsSink sink;
        sink.on_audio = [this](const audio::Samples& chunk) { take(chunk); };
        sink.on_done = [this] { on_end(); };
        sink.on_error = [this](const Error& error) { bad(error); };
        stream_ = voice_.speak(loop, report().said, std::move(sink));
    }

 private:
    void take(const audio::Samples& chunk) {
        if (over() || chunk.empty()) return;
        got_something();
        sound_.samples.insert(sound_.samples.end(), chunk.begin(), chunk.end());
        report().sound = length_of(sound_);
        if (report().sound > std::chrono::seconds(kLongestSound)) bad({Errc::Protocol, fmt::format("more than {} s of sound for one sentence", kLongestSound), "is its format what the file says?"});
    }
    void on_end() {
        if (sound_.samples.empty()) return bad({Errc::Protocol, "no sound came", "does the account have this voice and this model?"});
        const bool loud = std::any_of(sound_.samples.begin(), sound_.samples.end(), [](auto sample) { return std::abs(static_cast<int>(sample)) > kQuietest; });
        if (loud) return good();
        bad({Errc::Protocol, fmt::format("{} of silence came", format_duration(report().sound)), "does the account have this voice and this model?"});
    }

    MeteredTts voice_;
    audio::Pcm& sound_;
    std::unique_ptr<speech::TtsStream> stream_;
};

class AskRecogniser final : public Probing {
 public:
    AskRecogniser(Loop& loop, ProbeTarget& target, const std::shared_ptr<Ledger>& ledger, milliseconds timeout, const audio::Pcm& sound, std::function<void()> done)
        : Probing(loop, target.report, timeout + length_of(sound), std::move(done)), own_sentences_(has_own_sentences(target.options)),
          sound_(with_quiet_around(sound)), ear_(*target.stt, ledger, target.payee), ticks_(loop) {
        speech::SttSink sink;
        sink.on_partial = [this](const std::string& text) {
            if (!text.empty()) got_something();
        };
        sink.on_final = [this](const std::string& text) { on_final(text); };
        sink.on_error = [this](const Error& error) { bad(error); };
        stream_ = ear_.open(loop, std::move(sink));
        ticks_.every(kTick, [this] { say_more(); });
    }

 private:
    static constexpr milliseconds kTick{20};
    static constexpr std::size_t kPiece = audio::kSpeechRateHz / 50;

    /// As a caller's words have.
    static audio::Samples with_quiet_around(const audio::Pcm& sound) {
        constexpr std::size_t kQuiet = audio::kSpeechRateHz * 3 / 10;
        const auto speech = audio::resample(audio::to_mono(sound), audio::kSpeechRateHz).samples;
        audio::Samples out(kQuiet);
        out.insert(out.end(), speech.begin(), speech.end());
        out.resize(out.size() + kQuiet);
        return out;
    }
    /// In real time: some servers take no more, and so it is told how soon after the speech the words come.
    void say_more() {
        if (over()) return ticks_.cancel();
        const auto piece = audio::SampleView(sound_).subspan(at_, std::min(kPiece, sound_.size() - at_));
        at_ += piece.size();
        stream_->push(piece);
        if (at_ < sound_.size() || over()) return;
        ticks_.cancel();
        silent_since_ = loop().now();
        stream_->end_utterance();
    }
    void on_final(const std::string& text) {
        if (over()) return;
        got_something();
        if (silent_since_) report().after_speech = std::chrono::duration_cast<milliseconds>(loop().now() - *silent_since_);
        report().answer = plain_text(trim(text), kMostWords);
        if (own_sentences_) return on_own_sentence();
        report().word_error = speech::compare_words(report().said, text, speech::Extent::Whole).word_error_rate();
        if (!speech::to_words(text).empty()) return good();
        bad({Errc::CheckFailed, fmt::format("it understood nothing of what {} said", report().by), "do its language and its model fit what callers speak?"});
    }
    void on_own_sentence() {
        report().note = "it knows sentences of its own alone, and this may be none of them";
        good();
    }

    bool own_sentences_;
    audio::Samples sound_;
    std::size_t at_ = 0;
    std::optional<TimePoint> silent_since_;
    MeteredStt ear_;
    Timer ticks_;
    std::unique_ptr<speech::SttStream> stream_;
};

class AskForTools final : public Probing {
 public:
    AskForTools(Loop& loop, ProbeTarget& target, net::HttpClient& http, milliseconds timeout, std::function<void()> done)
        : Probing(loop, target.report, timeout, std::move(done)) {
        session_ = McpSession::open(loop, http, *target.mcp, [this](const Result<std::vector<speech::ToolSpec>>& tools) {
            if (!tools) return bad(Error(tools.error()).while_doing("asking for its tools"));
            got_something();
            for (const auto& one : *tools) report().tools.push_back(one.name);
            good();
        });
    }

 private:
    std::unique_ptr<McpSession> session_;
};

/// A target, and how far its probe has come.
struct Job {
    ProbeTarget target;
    std::shared_ptr<Ledger> ledger = {};
    bool begun = false, over = false;
    bool hidden = false;    // a voice of this machine, for a recogniser that has no other to listen to
    audio::Pcm sound = {};  // of a voice
    std::unique_ptr<speech::TextToSpeech> engine = {};  // of a hidden one
    std::unique_ptr<Probing> probing = {};
};

std::string title_of(const ProbeReport& report) {
    return fmt::format("{} {}{}{}", report.stage, report.provider, report.model.empty() ? "" : "/", report.model);
}

class LiveProber final : public Prober {
 public:
    LiveProber(Loop& loop, const AgentConfig& config, const Stages& stages, const speech::ProviderContext& context, ProbeOptions options, ProbeHandlers handlers)
        : loop_(loop), config_(config), stages_(stages), context_(context), options_(options), handlers_(std::move(handlers)) {
        for (auto& target : plan_probes(config, stages)) add(std::move(target));
        loop_.post(lifeline_.guard([this] { go_on(); }));
    }

 private:
    Job& add(ProbeTarget target) {
        auto& job = *jobs_.emplace_back(std::make_unique<Job>(Job{.target = std::move(target)}));
        job.ledger = Ledger::create(config_.prices, {job.target.payee, job.target.payee, job.target.payee});
        job.over = job.target.report.state == State::Skipped;
        return job;
    }

    /// Begins what may begin, and ends when there is nothing more.
    void go_on() {
        for (std::size_t i = 0; i < jobs_.size() && running_ < options_.at_once; ++i) {  // beginning one may add one
            if (!jobs_[i]->begun && !jobs_[i]->over) begin(*jobs_[i]);
        }
        tell_change();
        const bool all = std::all_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return job->over; });
        if (all && !std::exchange(told_, true)) tell();
    }

    void begin(Job& job) {
        auto& target = job.target;
        auto done = [this, &job] { on_over(job); };
        if (target.stt != nullptr) return listen(job);
        start(job);
        if (target.llm != nullptr) job.probing = std::make_unique<AskModel>(loop_, target, job.ledger, options_.timeout, done);
        else if (target.tts != nullptr) job.probing = std::make_unique<AskVoice>(loop_, target, job.ledger, options_.timeout, job.sound, done);
        else job.probing = std::make_unique<AskForTools>(loop_, target, stages_.tools->http(), options_.timeout, done);
    }

    void start(Job& job) {
        job.begun = true;
        ++running_;
    }

    void on_over(Job& job) {
        job.probing.reset();
        job.over = true;
        --running_;
        go_on();
    }

    /// As soon as it is known whose voice there is.
    void listen(Job& job) {
        auto* voice = voice_for(job.target);
        if (voice != nullptr && !voice->over) return;
        auto& report = job.target.report;
        if (voice == nullptr || voice->target.report.state != State::Ok) {
            report.error = Error{Errc::Missing, fmt::format("nobody here could say anything to it ({})", voice != nullptr && voice->target.report.error ? voice->target.report.error->message : "no voice"),
                                 "put the voice right, or install flite or espeak-ng"};
            job.begun = job.over = true;
            return loop_.post(lifeline_.guard([this] { go_on(); }));
        }
        report.said = voice->target.report.said;
        report.by = voice->hidden ? voice->target.report.provider : fmt::format("{} ({})", voice->target.report.places.front(), voice->target.report.provider);
        start(job);
        job.probing = std::make_unique<AskRecogniser>(loop_, job.target, job.ledger, options_.timeout, voice->sound, [this, &job] { on_over(job); });
    }

    /// The first voice of the configuration that works, or is still being tried, and speaks so that `ear` may understand it; else one of this machine.
    Job* voice_for(const ProbeTarget& ear) {
        const auto known = only_phrases(ear.options);
        for (const auto& one : jobs_) {
            const auto& voice = one->target;
            if (one->hidden || voice.tts == nullptr || voice.language != ear.language || (one->over && voice.report.state != State::Ok)) continue;
            if (known.empty() || std::find(known.begin(), known.end(), voice.report.said) != known.end()) return one.get();
        }
        return local_voice(ear);
    }

    Job* local_voice(const ProbeTarget& ear) {
        for (const auto& one : jobs_)
            if (one->hidden && one->target.language == ear.language && one->target.report.said == ear.report.said) return one.get();
        for (const auto& options : local_voices(ear.language)) {
            auto built = speech::build_tts(options, context_);
            if (!built) continue;
            ProbeTarget target{.language = ear.language, .options = options, .payee = payee_of(options), .tts = built->get()};
            target.report.stage = "tts";
            target.report.provider = target.payee.provider;
            target.report.said = ear.report.said;
            auto& job = add(std::move(target));
            job.hidden = true;
            job.engine = std::move(*built);
            return &job;
        }
        return nullptr;
    }

    void tell_change() const {
        if (!handlers_.on_change) return;
        std::vector<std::string> asked;
        for (const auto& job : jobs_)
            if (job->begun && !job->over) asked.push_back(title_of(job->target.report));
        handlers_.on_change(asked);
    }

    void tell() {
        std::vector<ProbeReport> reports;
        for (const auto& job : jobs_) {
            if (job->hidden) continue;
            auto& report = reports.emplace_back(std::move(job->target.report));
            report.usage = job->ledger->to_json();
            const auto lines = job->ledger->lines();
            if (std::all_of(lines.begin(), lines.end(), [](const auto& line) { return line.price != nullptr; })) report.cost = job->ledger->total();
        }
        const auto done = handlers_.on_done;
        done(std::move(reports));
    }

    Loop& loop_;
    const AgentConfig& config_;
    const Stages& stages_;
    const speech::ProviderContext& context_;
    ProbeOptions options_;
    ProbeHandlers handlers_;
    std::vector<std::unique_ptr<Job>> jobs_;
    int running_ = 0;
    bool told_ = false;
    Lifeline lifeline_;  // last: dies first
};

}  // namespace

const char* to_text(State state) { return state == State::Ok ? "ok" : state == State::Failed ? "failed" : "skipped"; }

std::unique_ptr<Prober> Prober::start(Loop& loop, const AgentConfig& config, const Stages& stages, const speech::ProviderContext& context, ProbeOptions options,
                                      ProbeHandlers handlers) {
    return std::make_unique<LiveProber>(loop, config, stages, context, options, std::move(handlers));
}

Result<void> verdict_of(const std::vector<ProbeReport>& reports) {
    const ProbeReport* first = nullptr;
    std::size_t asked = 0, failed = 0;
    bool same = true, passing = true;
    for (const auto& one : reports) {
        asked += one.state != State::Skipped ? 1 : 0;
        if (!one.error) continue;
        ++failed;
        if (first == nullptr) first = &one;
        same = same && one.error->code == first->error->code;
        passing = passing && (one.error->code == Errc::Unreachable || one.error->code == Errc::Timeout);
    }
    if (first == nullptr) return {};
    const auto code = same ? first->error->code : passing ? Errc::Unreachable : Errc::CheckFailed;
    return std::unexpected(Error{code, fmt::format("{} of {} probes failed; first {}: {}", failed, asked, title_of(*first), first->error->message), first->error->hint});
}

}  // namespace voicectl::agent
