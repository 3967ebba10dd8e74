#include <algorithm>
#include <map>

#include "local_room.h"
#include "voicectl/agent/user_cap.h"
#include "voicectl/agent/voice_call.h"
#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFrameTime{10}, kVoiceTick{20};
constexpr std::size_t kVoiceFrame = audio::kSpeechRateHz / 100;
constexpr int kMostFramesAtOnce = 100;  // after the loop was held up for longer, the rest of it is left out
// A chunk that comes late is waited for: silence in the middle of a word is worse than a word that comes a little late.
constexpr int kPatientFrames = 20;  // frames
// More than so much came late: twice as fast until the delay is gone.
constexpr std::size_t kLateFrames = 30;
constexpr std::size_t kKept = 5 * audio::kSpeechRateHz;

/// What the caller says, between its coming in pieces and its being heard in frames.
class CallerVoice {
 public:
    void push(audio::SampleView samples) { waiting_.insert(waiting_.end(), samples.begin(), samples.end()); }
    void drop() { waiting_.clear(), begin_ = 0; }
    /// 10 ms go by; `hear` is called for each frame that is heard in them.
    template<class Hear>
    void tick(bool there, Hear hear) {
        const auto frames = left() > kLateFrames * kVoiceFrame ? 2 : 1;
        for (int i = 0; i < frames; ++i) {
            if (left() >= kVoiceFrame) {
                missed_ = 0;
                hear(audio::SampleView(waiting_).subspan(std::exchange(begin_, begin_ + kVoiceFrame), kVoiceFrame));
            } else if (!there || ++missed_ > kPatientFrames) {
                audio::Samples rest(waiting_.begin() + static_cast<std::ptrdiff_t>(begin_), waiting_.end());
                drop();
                rest.resize(kVoiceFrame);
                hear(rest);
            }
        }
        if (begin_ * 2 < waiting_.size()) return;
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(begin_));
        begin_ = 0;
    }

 private:
    std::size_t left() const { return waiting_.size() - begin_; }
    audio::Samples waiting_;  // from begin_ on
    std::size_t begin_ = 0;
    int missed_ = 0;
};

/// One caller's end of a room.
class Seat final : public VoiceCall {
 public:
    Seat(CallHost& host, VoiceTicket ticket, VoiceHandlers handlers)
        : host_(host), ticket_(std::move(ticket)), handlers_(std::move(handlers)), core_({ticket_.caller, true, ticket_.room}, Pace::Ahead) {
        core_.on_audio = [this](audio::SampleView samples) { hand_out(samples); };
        core_.on_clear = [this] {
            kept_.clear();
            if (handlers_.on_clear) handlers_.on_clear();
        };
        core_.on_caption = [this](const LocalCaption& caption) {
            if (handlers_.on_caption) handlers_.on_caption({caption.agent, caption.id, caption.text, caption.final});
        };
        core_.on_state = [this](const std::string& state) {
            if (handlers_.on_state) handlers_.on_state(state);
        };
    }

    void hear(audio::SampleView samples) override { voice_.push(samples); }
    void type(const std::string& text) override { core_.type(text); }
    void press(char key) override { core_.press(key); }
    void lose() override {
        if (!std::exchange(there_, false)) return;
        lost_at_ = position_;
        core_.connected(false);
    }
    std::uint64_t resume(std::optional<std::uint64_t> received) override {
        const auto have = std::min(received.value_or(lost_at_), position_);
        const auto again = std::min<std::uint64_t>(position_ - have, kept_.size());
        const auto from = position_ - again;
        if (again > 0 && handlers_.on_audio) {
            core_.repeat(milliseconds(again * 1000 / audio::kSpeechRateHz));
            repeat_ = audio::Samples(kept_.end() - static_cast<std::ptrdiff_t>(again), kept_.end());
        }
        there_ = true;
        core_.connected(true);
        return from;
    }
    std::uint64_t position() const override { return position_; }
    void hang_up(const std::string& reason) override { host_.stop(ticket_.id, reason); }
    void say_goodbye(const std::string& words, const std::string& reason) override { host_.say_goodbye(ticket_.id, words, reason); }

    void tick(int frames) {
        // After the answer to resume() has gone out.
        if (const auto again = std::exchange(repeat_, {}); !again.empty() && handlers_.on_audio)
            for (std::size_t at = 0; at < again.size(); at += kVoiceFrame * 10)
                handlers_.on_audio(audio::SampleView(again).subspan(at, std::min(kVoiceFrame * 10, again.size() - at)));
        if (there_) core_.play(frames);
        for (int i = 0; i < frames; ++i) voice_.tick(there_, [this](audio::SampleView frame) { core_.hear(frame); });
    }
    void end(const CallOutcome& outcome) const {
        if (handlers_.on_ended) handlers_.on_ended(outcome);
    }
    const VoiceTicket& ticket() const { return ticket_; }
    rtc::Core& core() { return core_; }

 private:
    void hand_out(audio::SampleView samples) {
        position_ += samples.size();
        kept_.insert(kept_.end(), samples.begin(), samples.end());
        if (kept_.size() > 2 * kKept) kept_.erase(kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(kKept));
        if (handlers_.on_audio && there_) handlers_.on_audio(samples);
    }

    CallHost& host_;
    VoiceTicket ticket_;
    VoiceHandlers handlers_;
    LocalCore core_;
    CallerVoice voice_;
    audio::Samples kept_;         // the end of what was handed out, for a caller who comes back
    audio::Samples repeat_;       // the part of it that the caller has missed
    std::uint64_t position_ = 0;  // samples handed out
    std::uint64_t lost_at_ = 0;   // … when the caller was lost
    bool there_ = true;
};

class LocalVoiceCalls final : public VoiceCalls, private rtc::Core {
 public:
    LocalVoiceCalls(Loop& loop, AgentConfig config, Stages& stages, store::AsyncStore& store, VoiceLimits limits)
        : loop_(loop),
          config_(bounded(std::move(config), limits)),
          users_(store, config_.limits.calls_per_user),
          host_(make_call_host({.loop = loop, .config = config_, .stages = stages, .core = *this, .store = store})),
          clock_(loop) {
        host_->on_ended = [this](const CallOutcome& outcome) { on_ended(outcome); };
        host_->on_report = [this](const nlohmann::json& report) {
            if (on_report) on_report(report);
        };
    }

    ~LocalVoiceCalls() override {
        host_->on_ended = nullptr;
        host_->on_report = nullptr;
        host_.reset();  // before the seats that its rooms stand on
    }

    void begin(VoiceTicket ticket, VoiceHandlers handlers, std::function<void(Result<VoiceCall*>)> done) override {
        const auto user = user_of(ticket.metadata);
        const auto id = ticket.id;
        auto seat = std::make_unique<Seat>(*host_, std::move(ticket), std::move(handlers));
        auto admitted = lifeline_.guard([this, id, user, done](const Result<bool>& free) {
            if (!free) log::warn("agent", "accepted without knowing the user's calls", {{"job", id}, {"error", free.error().message}});
            if (!free.value_or(true)) {
                seats_.erase(id);
                return done(fail(Errc::Unreachable, "the user has {} calls already", config_.limits.calls_per_user));
            }
            auto& begun = *seats_.at(id);
            done(&begun);
            begin_clock();
            const auto& its = begun.ticket();
            host_->start({.job_id = its.id, .room = its.room, .url = {}, .token = its.id, .metadata = its.metadata});
            started_.emplace(id, &begun);
        });
        seats_.emplace(id, std::move(seat));
        if (users_.counts(user)) users_.ask(id, user, std::move(admitted));
        else loop_.post([admitted = std::move(admitted)]() mutable { admitted(Result<bool>(true)); });
    }

    int active() const override { return static_cast<int>(started_.size()); }
    const Limits& limits() const override { return config_.limits; }

 private:
    static AgentConfig bounded(AgentConfig config, const VoiceLimits& limits) {
        const auto least = [](auto& its, auto other) {
            if (other != decltype(other){} && (its == decltype(other){} || other < its)) its = other;
        };
        least(config.limits.calls_per_user, limits.calls_per_user);
        least(config.limits.idle, limits.idle);
        least(config.limits.max_duration, limits.max_duration);
        config.front_end.chat = true;  // it is how a caller types
        config.front_end.rpc = config.front_end.transcript_packets = false;  // nobody is there to ask or to read
        return config;
    }

    /// The token is the call's id.
    std::unique_ptr<rtc::Room> room(Loop& loop, rtc::RoomOptions options, rtc::RoomObserver& observer) override {
        return seats_.at(options.token)->core().room(loop, std::move(options), observer);
    }

    void begin_clock() {
        if (clock_.pending()) return;
        played_until_ = loop_.now();
        clock_.every(kVoiceTick, [this] { tick(); });
    }

    void tick() {
        const auto frames = (loop_.now() - played_until_) / kFrameTime;
        played_until_ += frames * kFrameTime;
        // A call may end in its tick, but is let go of later.
        for (const auto& [id, seat] : started_) seat->tick(static_cast<int>(std::min<std::int64_t>(frames, kMostFramesAtOnce)));
    }

    void on_ended(const CallOutcome& outcome) {
        started_.erase(outcome.job_id);
        if (started_.empty()) clock_.cancel();
        const auto found = seats_.find(outcome.job_id);
        if (found == seats_.end()) return;
        const auto seat = std::move(found->second);
        seats_.erase(found);
        seat->end(outcome);
    }

    Loop& loop_;
    AgentConfig config_;
    UserCap users_;
    std::map<std::string, std::unique_ptr<Seat>> seats_;
    std::map<std::string, Seat*> started_;
    std::unique_ptr<CallHost> host_;
    Timer clock_;
    TimePoint played_until_{};
    Lifeline lifeline_;
};

}  // namespace

std::unique_ptr<VoiceCalls> VoiceCalls::create(Loop& loop, AgentConfig config, Stages& stages, store::AsyncStore& store, VoiceLimits limits) {
    return std::make_unique<LocalVoiceCalls>(loop, std::move(config), stages, store, limits);
}

}  // namespace voicectl::agent
