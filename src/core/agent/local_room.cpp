#include "local_room.h"

#include <algorithm>
#include <deque>

#include "ahead_output.h"
#include "captions.h"
#include "front_end.h"

namespace voicectl::agent {
namespace {

constexpr const char* kMicrophone = "TR_caller";
constexpr const char* kVoice = "TR_agent";

/// The agent's track: heard at once, or 10 ms at every tick.
class ConsoleOutput final : public LocalOutput {
 public:
    ConsoleOutput(Loop& loop, int rate_hz, Pace pace, LocalCore& core) : loop_(loop), rate_hz_(rate_hz), pace_(pace), core_(core) {}

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

    void tick(int frames) override {
        for (int i = 0; i < frames; ++i) play_frame();
    }

 private:
    void play_frame() {
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

using TellCaption = std::function<void(const LocalCaption&)>;

/// What the agent says, as it is heard.
class CaptionWriter final : public rtc::TextWriter {
 public:
    CaptionWriter(std::string id, TellCaption tell) : tell_(std::move(tell)) {
        caption_.agent = true;
        caption_.id = std::move(id);
    }
    ~CaptionWriter() override { close({}); }
    void write(const std::string& piece) override {
        caption_.text += piece;
        tell_(caption_);
    }
    void close(const std::map<std::string, std::string>&) override {
        if (std::exchange(caption_.final, true)) return;
        tell_(caption_);
    }

 private:
    LocalCaption caption_;
    TellCaption tell_;
};

std::string attribute(const rtc::StreamOptions& options, const char* name) {
    const auto found = options.attributes.find(name);
    return found == options.attributes.end() ? std::string() : found->second;
}

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
    LocalRoom(LocalCore& core, Loop& loop, rtc::RoomObserver& observer) : core_(core), loop_(loop), observer_(observer), name_(core.caller_.room) { core_.open_ = this; }
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
            auto output = make_output(rate_hz);
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
    void send_text(const std::string& text, const rtc::StreamOptions& options, std::function<void(Result<void>)> done) override {
        if (options.topic == kCaptionTopic) tell({false, attribute(options, kCaptionSegment), text, attribute(options, kCaptionFinal) == "true"});
        sent(std::move(done));
    }
    std::unique_ptr<rtc::TextWriter> open_text(const rtc::StreamOptions& options) override {
        return std::make_unique<CaptionWriter>(attribute(options, kCaptionSegment), lifeline_.guard([this](const LocalCaption& caption) { tell(caption); }));
    }
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
    void press(char key) {
        const auto code = std::string_view("0123456789*#ABCD").find(key);  // as RFC 4733 numbers them
        if (code != std::string_view::npos) observer_.on_dtmf({static_cast<std::uint32_t>(code), std::string(1, key), core_.caller_.identity});
    }
    void connected(bool there) {
        if (state_ == rtc::ConnectionState::Closed) return;
        const auto now = there ? rtc::ConnectionState::Connected : rtc::ConnectionState::Reconnecting;
        if (std::exchange(state_, now) != now) observer_.on_state(now);
    }
    void play(int frames) {
        if (output_ != nullptr) output_->tick(frames);
    }
    void hear(audio::SampleView samples) {
        if (on_frame_) on_frame_({samples, audio::kSpeechRateHz, loop_.now()});
    }
    void repeat(std::chrono::milliseconds time) {
        if (output_ != nullptr) output_->repeat(time);
    }

 private:
    std::unique_ptr<LocalOutput> make_output(int rate_hz) {
        if (core_.pace_ != Pace::Ahead) return std::make_unique<ConsoleOutput>(loop_, rate_hz, core_.pace_, core_);
        AheadOutput::Handlers handlers;
        handlers.on_audio = [&core = core_](audio::SampleView samples) {
            if (core.on_audio) core.on_audio(samples);
        };
        handlers.on_clear = [&core = core_] {
            if (core.on_clear) core.on_clear();
        };
        return std::make_unique<AheadOutput>(loop_, rate_hz, std::move(handlers));
    }
    void tell(const LocalCaption& caption) {
        if (core_.on_caption) core_.on_caption(caption);
    }
    rtc::Participant caller() const {
        rtc::Participant out;
        out.identity = out.name = core_.caller_.identity;
        out.sid = "PA_caller";
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
    std::string identity_ = "agent", name_, metadata_;
    LocalOutput* output_ = nullptr;
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

void LocalCore::press(char key) {
    if (open_ != nullptr) open_->press(key);
}

void LocalCore::connected(bool there) {
    if (open_ != nullptr) open_->connected(there);
}

void LocalCore::play(int frames) {
    if (open_ != nullptr) open_->play(frames);
}

void LocalCore::hear(audio::SampleView samples) {
    if (open_ != nullptr) open_->hear(samples);
}

void LocalCore::repeat(std::chrono::milliseconds time) {
    if (open_ != nullptr) open_->repeat(time);
}

}  // namespace voicectl::agent
