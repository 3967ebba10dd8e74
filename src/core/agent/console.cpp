#include "voicectl/agent/console.h"

#include <algorithm>

#include "call_session.h"
#include "local_room.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

constexpr std::chrono::milliseconds kTick{10};
constexpr std::size_t kFrame = audio::kSpeechRateHz / 100;
constexpr std::int16_t kSound = 1000;
// Between an answer and the next line nothing more is to come; after recorded speech the recogniser may still be at work.
constexpr int kQuietTyping = 2, kQuietSpeaking = 100;  // ticks

/// Stands in for voices that nobody hears: the words are "spoken" at once, by a sound and not by silence, which would be left out.
class NoVoice final : public speech::TextToSpeech {
 public:
    int rate_hz() const override { return audio::kSpeechRateHz; }
    std::unique_ptr<speech::TtsStream> speak(Loop& loop, const std::string& text, speech::TtsSink sink) override {
        struct Stream final : speech::TtsStream {
            Lifeline lifeline;
        };
        auto stream = std::make_unique<Stream>();
        loop.post(stream->lifeline.guard([text, sink = std::move(sink)] {
            if (!text.empty()) sink.on_audio(audio::Samples(kFrame, kSound));
            sink.on_done();
        }));
        return stream;
    }
};

void silence(StageSet& set) {
    if (set.tts) set.tts = std::make_unique<NoVoice>();
    for (auto& [name, voice] : set.voices) voice = std::make_unique<NoVoice>();
}

class LocalConsole final : public Console {
 public:
    LocalConsole(Loop& loop, AgentConfig config, Stages& stages, store::AsyncStore& store, ConsoleOptions options, ConsoleHandlers handlers)
        : loop_(loop),
          config_(std::move(config)),
          options_(std::move(options)),
          handlers_(std::move(handlers)),
          core_({options_.caller, options_.audio.has_value()}, options_.audio ? Pace::RealTime : Pace::AtOnce),
          ticker_(loop) {
        core_.on_audio = [this](audio::SampleView samples) {
            if (handlers_.on_audio && (options_.audio || options_.speaks)) handlers_.on_audio(samples);
        };
        core_.on_state = [this](const std::string& state) {
            if (handlers_.on_state) handlers_.on_state(state);
        };
        if (!options_.audio && !options_.speaks) {
            silence(stages);
            for (auto& [tag, set] : stages.languages) silence(set);
        }
        config_.front_end.chat = true;  // it is how the caller types
        config_.report_dir.clear();
        HostParts parts{.loop = loop, .config = config_, .stages = stages, .core = core_, .store = store};
        parts.on_turn = [this](const store::Turn& turn) {
            if (handlers_.on_turn) handlers_.on_turn(turn);
        };
        parts.on_report = [this](const nlohmann::json& report) {
            if (handlers_.on_tool && text_at(report, "kind") == "tool_call")
                handlers_.on_tool(text_at(report, "tool"), text_at(report, "outcome"), std::chrono::milliseconds(report.value("tookMs", std::int64_t{0})));
        };
        CallTicket ticket;
        ticket.job_id = "console-" + random_id(12);
        ticket.room = "console";
        ticket.metadata = options_.metadata;
        session_ = std::make_unique<CallSession>(parts, std::move(ticket), lifeline_.guard([this](const CallOutcome& outcome) { on_ended(outcome); }));
        rate_hz_ = session_->voice_rate_hz();
        loop_.post(lifeline_.guard([this] {
            session_->start();
            ticker_.every(kTick, [this] { tick(); });
        }));
    }

    void type(const std::string& text) override {
        waiting_ = false;
        quiet_ = 0;
        core_.type(text);
    }
    void hang_up() override {
        if (session_) session_->end(true, "the caller hung up");
    }
    int rate_hz() const override { return rate_hz_; }

 private:
    void tick() {
        if (!session_) return;
        audio::Samples frame(kFrame);
        if (options_.audio && begun_) {
            const auto& said = *options_.audio;
            const auto count = std::min(kFrame, said.size() - position_);
            std::copy_n(said.begin() + static_cast<std::ptrdiff_t>(position_), count, frame.begin());
            position_ += count;
        }
        if (options_.audio) {
            core_.play(1);
            core_.hear(frame);
        }
        if (session_) look_around();
    }

    void look_around() {
        const bool speaks_on = options_.audio && begun_ && position_ < options_.audio->size();
        quiet_ = session_->idle() && !speaks_on ? quiet_ + 1 : 0;
        if (quiet_ < (options_.audio && begun_ ? kQuietSpeaking : kQuietTyping) || std::exchange(waiting_, true)) return;
        if (options_.audio && !std::exchange(begun_, true)) {
            waiting_ = false;  // the greeting is over, the caller speaks
            quiet_ = 0;
            return;
        }
        if (handlers_.on_ready) handlers_.on_ready();
    }

    void on_ended(const CallOutcome& outcome) {
        ticker_.cancel();
        // The session is our caller.
        loop_.post(lifeline_.guard([this, outcome] {
            session_.reset();
            if (handlers_.on_ended) handlers_.on_ended(outcome);
        }));
    }

    Loop& loop_;
    AgentConfig config_;
    ConsoleOptions options_;
    ConsoleHandlers handlers_;
    LocalCore core_;
    int rate_hz_ = 0;
    std::size_t position_ = 0;  // in what the caller says
    bool begun_ = false;        // the caller speaks, or has spoken
    bool waiting_ = false;      // on_ready was told
    int quiet_ = 0;             // ticks for which nothing was going on
    std::unique_ptr<CallSession> session_;
    Timer ticker_;
    Lifeline lifeline_;
};

}  // namespace

std::unique_ptr<Console> Console::create(Loop& loop, AgentConfig config, Stages& stages, store::AsyncStore& store, ConsoleOptions options, ConsoleHandlers handlers) {
    return std::make_unique<LocalConsole>(loop, std::move(config), stages, store, std::move(options), std::move(handlers));
}

}  // namespace voicectl::agent
