#include "local_room.h"

#include <algorithm>
#include <deque>

#include "front_end.h"

namespace voicectl::agent {
namespace {

constexpr const char* kMicrophone = "TR_caller";
constexpr const char* kVoice = "TR_agent";

/// The agent's track: heard at once, or 10 ms at every tick.
class ConsoleOutput final : public rtc::AudioOutput {
 public:
    ConsoleOutput(Loop& loop, int rate_hz, Pace pace, LocalCore& core) : loop_(loop), rate_hz_(rate_hz), pace_(pace), core_(core) {}
    ~ConsoleOutput() override {
        if (on_gone) on_gone();
    }

    int rate_hz() const override { return rate_hz_; }
    std::string track_sid() const override { return kVoice; }
    void play(audio::SampleView samples) override {
        if (samples.empty()) return;
        if (pace_ == Pace::RealTime) return queue_.insert(queue_.end(), samples.begin(), samples.end()), void();
        begin();
        played_ += samples.size();
        if (core_.on_audio) core_.on_audio(samples);
        end_soon();
    }
    std::chrono::milliseconds clear() override {
        const auto left = queued();
        queue_.clear();
        if (std::exchange(sounding_, false)) end_soon();
        return left;
    }
    std::chrono::milliseconds queued() const override { return std::chrono::milliseconds(queue_.size() * 1000 / static_cast<std::size_t>(rate_hz_)); }
    std::uint64_t played_samples() const override { return played_; }

    void tick() {
        const auto frame = static_cast<std::size_t>(rate_hz_) / 100;
        const auto count = std::min(frame, queue_.size());
        audio::Samples heard(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
        if (count > 0) begin();
        played_ += count;
        heard.resize(frame);
        if (core_.on_audio) core_.on_audio(heard);
        if (count > 0 && queue_.empty()) end_soon();
    }

    std::function<void()> on_gone;

 private:
    void begin() {
        if (std::exchange(sounding_, true)) return;
        loop_.post(lifeline_.guard([this, at = loop_.now()] {
            if (on_started) on_started(at);
        }));
    }
    void end_soon() {
        loop_.post(lifeline_.guard([this, at = loop_.now()] {
            if (!queue_.empty()) return;
            sounding_ = false;
            if (on_drained) on_drained(at, played_);
        }));
    }

    Loop& loop_;
    int rate_hz_;
    Pace pace_;
    LocalCore& core_;
    std::deque<std::int16_t> queue_;
    std::uint64_t played_ = 0;
    bool sounding_ = false;
    Lifeline lifeline_;
};

/// Captions that nobody reads.
class NoText final : public rtc::TextWriter {
 public:
    void write(const std::string&) override {}
    void close(const std::map<std::string, std::string>&) override {}
};

class LocalInput final : public rtc::AudioInput {
 public:
    explicit LocalInput(std::function<void()> on_gone) : on_gone_(std::move(on_gone)) {}
    ~LocalInput() override { on_gone_(); }

 private:
    std::function<void()> on_gone_;
};

}  // namespace

class LocalRoom final : public rtc::Room {
 public:
    LocalRoom(LocalCore& core, Loop& loop, rtc::RoomObserver& observer) : core_(core), loop_(loop), observer_(observer) { core_.open_ = this; }
    ~LocalRoom() override {
        if (core_.open_ == this) core_.open_ = nullptr;
    }

    void join(std::function<void(Result<void>)> done) override {
        later([this, done = std::move(done)] {
            observer_.on_state(state_ = rtc::ConnectionState::Connected);
            observer_.on_joined(caller());
            done({});
        });
    }
    void leave() override { close({Errc::Cancelled, "left the room", ""}); }
    rtc::ConnectionState state() const override { return state_; }
    const std::string& identity() const override { return identity_; }
    const std::string& name() const override { return name_; }
    const std::string& sid() const override { return name_; }
    const std::string& metadata() const override { return metadata_; }
    std::vector<rtc::Participant> participants() const override { return {caller()}; }

    void publish_audio(const std::string& track_name, int rate_hz, std::function<void(Result<std::unique_ptr<rtc::AudioOutput>>)> done) override {
        later([this, track_name, rate_hz, done = std::move(done)] {
            auto output = std::make_unique<ConsoleOutput>(loop_, rate_hz, core_.pace_, core_);
            output->on_gone = lifeline_.guard([this] { output_ = nullptr; });
            output_ = output.get();
            done(std::move(output));
            later([this, track_name] { observer_.on_own_track_heard(track_name); });
            if (core_.caller_.has_microphone) later([this] { observer_.on_track_subscribed(microphone()); });
        });
    }
    std::unique_ptr<rtc::AudioInput> listen(const std::string&, int, std::function<void(const rtc::AudioFrame&)> on_frame) override {
        on_frame_ = std::move(on_frame);
        return std::make_unique<LocalInput>(lifeline_.guard([this] { on_frame_ = nullptr; }));
    }
    void send_data(const std::string&, const std::string&, const std::vector<std::string>&, std::function<void(Result<void>)> done) override { sent(std::move(done)); }
    void send_text(const std::string&, const rtc::StreamOptions&, std::function<void(Result<void>)> done) override { sent(std::move(done)); }
    std::unique_ptr<rtc::TextWriter> open_text(const rtc::StreamOptions&) override { return std::make_unique<NoText>(); }
    void send_transcription(const rtc::Transcription&, std::function<void(Result<void>)> done) override { sent(std::move(done)); }
    void serve(const std::string&, rtc::RpcMethod) override {}
    void send_bytes(const std::string&, const rtc::StreamOptions&, std::function<void(Result<void>)> done) override { sent(std::move(done)); }
    void send_dtmf(char, const std::vector<std::string>&, std::function<void(Result<void>)> done) override { sent(std::move(done)); }
    Result<void> subscribe(const std::string&, bool) override { return {}; }
    void statistics(std::function<void(Result<rtc::Statistics>)> done) override {
        later([done = std::move(done)] { done(rtc::Statistics{}); });
    }
    void set_attributes(const std::map<std::string, std::string>& attributes, std::function<void(Result<void>)> done) override {
        if (const auto state = attributes.find(kStateAttribute); state != attributes.end() && core_.on_state) core_.on_state(state->second);
        sent(std::move(done));
    }

    void type(const std::string& text) { observer_.on_text({text, kChatTopic, core_.caller_.identity, {}}); }
    void caller_leaves() { close({Errc::NotFound, "the caller hung up", ""}); }
    void tick(audio::SampleView samples) {
        if (output_ != nullptr) output_->tick();
        if (on_frame_) on_frame_({samples, audio::kSpeechRateHz, loop_.now()});
    }

 private:
    rtc::Participant caller() const {
        rtc::Participant out;
        out.identity = out.name = core_.caller_.identity;
        out.sid = "PA_console";
        return out;
    }
    rtc::TrackInfo microphone() const {
        rtc::TrackInfo out;
        out.sid = kMicrophone;
        out.name = "microphone";
        out.participant_identity = core_.caller_.identity;
        out.microphone = true;
        out.source = rtc::TrackSource::Microphone;
        return out;
    }
    void close(Error why) {
        if (std::exchange(state_, rtc::ConnectionState::Closed) == rtc::ConnectionState::Closed) return;
        later([this, why = std::move(why)] { observer_.on_closed({why}); });
    }
    /// Answers come once, and never inside the call that asked.
    void sent(std::function<void(Result<void>)> done) {
        later([done = std::move(done)] { done({}); });
    }
    void later(Loop::Task task) { loop_.post(lifeline_.guard(std::move(task))); }

    LocalCore& core_;
    Loop& loop_;
    rtc::RoomObserver& observer_;
    rtc::ConnectionState state_ = rtc::ConnectionState::Connecting;
    std::string identity_ = "agent", name_ = "console", metadata_;
    ConsoleOutput* output_ = nullptr;
    std::function<void(const rtc::AudioFrame&)> on_frame_;
    Lifeline lifeline_;
};

std::unique_ptr<rtc::Room> LocalCore::room(Loop& loop, rtc::RoomOptions, rtc::RoomObserver& observer) {
    return std::make_unique<LocalRoom>(*this, loop, observer);
}

void LocalCore::type(const std::string& text) {
    if (open_ != nullptr) open_->type(text);
}

void LocalCore::leave() {
    if (open_ != nullptr) open_->caller_leaves();
}

void LocalCore::tick(audio::SampleView samples) {
    if (open_ != nullptr) open_->tick(samples);
}

}  // namespace voicectl::agent
