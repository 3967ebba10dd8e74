// A room, a voice, a model and a recogniser that a test drives by hand, on virtual time. The real ones pass the
// same expectations in tests/contract.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/fake_loop.h"
#include "voicectl/rtc/room.h"
#include "voicectl/speech/speech.h"

namespace voicectl::test {

/// Plays in virtual time, 10 ms at a tick, as the media thread does.
class FakeOutput final : public rtc::AudioOutput {
 public:
    /// `drains_late`: as in the real one, only the tick after the last frame tells of the end; what comes before it follows without a word.
    FakeOutput(FakeLoop& loop, int rate_hz, const bool& drains_late) : loop_(loop), rate_(rate_hz), timer_(loop), drains_late_(drains_late) {}

    int rate_hz() const override { return rate_; }
    std::string track_sid() const override { return "TR_agent"; }
    void play(audio::SampleView samples) override {
        queued_ += samples.size();
        if (!timer_.pending()) timer_.after(std::chrono::milliseconds{10}, [this] { tick(); });
    }
    std::chrono::milliseconds clear() override {
        const auto left = queued();
        queued_ = 0;
        timer_.cancel();
        silent_ = true;
        return left;
    }
    std::chrono::milliseconds queued() const override {
        return std::chrono::milliseconds(queued_ * 1000 / static_cast<std::size_t>(rate_));
    }
    std::uint64_t played_samples() const override { return played_; }

 private:
    void tick() {
        if (std::exchange(silent_, false) && on_started) on_started(loop_.now());
        const auto frame = std::min<std::size_t>(queued_, static_cast<std::size_t>(rate_) / 100);
        queued_ -= frame;
        played_ += frame;
        if (queued_ > 0 || (frame > 0 && drains_late_)) return timer_.after(std::chrono::milliseconds{10}, [this] { tick(); });
        silent_ = true;
        if (on_drained) on_drained(loop_.now(), played_);
    }
    FakeLoop& loop_;
    int rate_;
    std::size_t queued_ = 0;
    std::uint64_t played_ = 0;
    bool silent_ = true;
    Timer timer_;
    const bool& drains_late_;
};

/// 100 ms of sound for each word, 50 ms after it was asked for.
class FakeVoice final : public speech::TextToSpeech {
 public:
    int rate_hz() const override { return 16000; }
    std::unique_ptr<speech::TtsStream> speak(Loop& loop, const std::string& text, speech::TtsSink sink) override {
        struct Stream final : speech::TtsStream {
            explicit Stream(Loop& l) : timer(l) {}
            Timer timer;
        };
        spoken.push_back(text);
        auto stream = std::make_unique<Stream>(loop);
        const auto words = static_cast<std::size_t>(1 + std::count(text.begin(), text.end(), ' '));
        stream->timer.after(takes, [this, words, sink = std::move(sink)] {
            if (mute) return;
            if (broken) return sink.on_error({Errc::Other, "voice broken", ""});
            audio::Samples sound(words * 1600, 1000);
            sound.insert(sound.begin(), silent_head, 0);
            sink.on_audio(std::move(sound));
            sink.on_done();
        });
        return stream;
    }
    std::vector<std::string> spoken;
    bool broken = false;
    std::chrono::milliseconds takes{50};
    std::size_t silent_head = 0;  // samples before the sound of each text
    bool mute = false;  // no sound and no end comes
};

/// Answers when the test says so.
class FakeModel final : public speech::LanguageModel {
 public:
    std::unique_ptr<speech::LlmStream> generate(Loop&, const speech::Chat& chat, speech::LlmSink to) override {
        struct Stream final : speech::LlmStream {
            explicit Stream(FakeModel& m) : model(m) {}
            ~Stream() override {
                if (model.current_ == this) model.sink = {};
            }
            FakeModel& model;
        };
        asked.push_back(chat.messages);
        last = chat;
        auto stream = std::make_unique<Stream>(*this);
        current_ = stream.get();
        sink = std::move(to);
        return stream;
    }
    /// Says `text` (perhaps nothing) and asks for tools.
    void call(std::vector<speech::ToolCall> calls, const std::string& text = {}) {
        const auto to = sink;
        if (!text.empty()) to.on_text(text);
        to.on_done({.calls = std::move(calls)});
    }
    void answer(const std::string& text, bool end_call = false) {
        const auto to = sink;
        to.on_text(text);
        if (usage) to.on_usage(*usage);
        to.on_done({.end_call = end_call});
    }
    std::vector<std::vector<speech::ChatMessage>> asked;
    speech::Chat last;     // what was asked last
    speech::LlmSink sink;  // of the last stream, while it is there
    std::optional<speech::Usage> usage;  // told with each answer

 private:
    const speech::LlmStream* current_ = nullptr;
};

/// Understands what the test tells it to.
class FakeEar final : public speech::SpeechToText {
 public:
    std::unique_ptr<speech::SttStream> open(Loop&, speech::SttSink to) override {
        struct Stream final : speech::SttStream {
            explicit Stream(FakeEar& e) : ear(e) { ear.current_ = this; }
            ~Stream() override {
                if (ear.current_ == this) ear.sink = {};  // nothing is told any more
            }
            void push(audio::SampleView samples) override { ear.heard_samples += samples.size(); }
            void end_utterance() override { ++ear.utterances; }
            bool tell_so_far() override {
                if (!ear.told_at_pause) return false;
                if (ear.sink.on_partial) ear.sink.on_partial(*ear.told_at_pause);
                return true;
            }
            FakeEar& ear;
        };
        sink = std::move(to);
        return std::make_unique<Stream>(*this);
    }
    speech::SttSink sink;  // of the last stream, while it is there
    std::optional<std::string> told_at_pause;  // what it has whenever the caller pauses
    std::size_t heard_samples = 0;
    int utterances = 0;

 private:
    const speech::SttStream* current_ = nullptr;
};

class FakeRoom final : public rtc::Room {
 public:
    FakeRoom(FakeLoop& loop, rtc::RoomObserver& observer) : loop_(loop), observer_(observer) {}

    void join(std::function<void(Result<void>)> done) override { join_done = std::move(done); }
    void leave() override { left = true; }
    rtc::ConnectionState state() const override { return rtc::ConnectionState::Connected; }
    const std::string& identity() const override { return identity_; }
    const std::string& name() const override { return identity_; }
    const std::string& sid() const override { return identity_; }
    const std::string& metadata() const override { return identity_; }
    std::vector<rtc::Participant> participants() const override { return people; }
    FakeOutput* output = nullptr;  // of what was published last, while it is there
    void publish_audio(const std::string&, int rate_hz,
                       std::function<void(Result<std::unique_ptr<rtc::AudioOutput>>)> done) override {
        auto made = std::make_unique<FakeOutput>(loop_, rate_hz, drains_late);
        output = made.get();
        done(std::move(made));
    }
    std::unique_ptr<rtc::AudioInput> listen(const std::string& sid, int,
                                            std::function<void(const rtc::AudioFrame&)> on_frame) override {
        listening_to.push_back(sid);
        hear = std::move(on_frame);
        return std::make_unique<rtc::AudioInput>();
    }
    void send_data(const std::string& payload, const std::string& topic, const std::vector<std::string>&,
                   std::function<void(Result<void>)> done) override {
        data.push_back({payload, topic, identity_});
        done({});
    }
    void send_text(const std::string& text, const rtc::StreamOptions& options, std::function<void(Result<void>)> done) override {
        streams.push_back({options, text, {}, 1, true});
        if (!slow) return done({});
        waiting.push_back(std::move(done));
    }
    std::unique_ptr<rtc::TextWriter> open_text(const rtc::StreamOptions& options) override {
        struct Writer final : rtc::TextWriter {
            Writer(FakeRoom& r, std::size_t w) : room(r), which(w) {}
            ~Writer() override { close({}); }
            void write(const std::string& piece) override {
                room.streams[which].text += piece;
                ++room.streams[which].pieces;
            }
            void close(const std::map<std::string, std::string>& attributes) override {
                if (std::exchange(room.streams[which].closed, true)) return;
                room.streams[which].end = attributes;
            }
            FakeRoom& room;
            std::size_t which;
        };
        streams.push_back({options, "", {}, 0, false});
        return std::make_unique<Writer>(*this, streams.size() - 1);
    }
    void send_transcription(const rtc::Transcription& packet, std::function<void(Result<void>)> done) override {
        transcriptions.push_back(packet);
        done({});
    }
    void serve(const std::string& method, rtc::RpcMethod answer) override { methods[method] = std::move(answer); }
    void send_bytes(const std::string& sent, const rtc::StreamOptions& options, std::function<void(Result<void>)> done) override {
        bytes.emplace_back(options, sent);
        done({});
    }
    void send_dtmf(char, const std::vector<std::string>&, std::function<void(Result<void>)> done) override { done({}); }
    Result<void> subscribe(const std::string&, bool) override { return {}; }
    void statistics(std::function<void(Result<rtc::Statistics>)> done) override { done(rtc::Statistics{}); }
    void set_attributes(const std::map<std::string, std::string>& attributes,
                        std::function<void(Result<void>)> done) override {
        for (const auto& [key, value] : attributes) states.push_back(value);
        done({});
    }

    rtc::RoomObserver& events() { return observer_; }
    std::function<void(Result<void>)> join_done;
    std::function<void(const rtc::AudioFrame&)> hear;
    std::vector<std::string> listening_to, states;
    std::vector<rtc::Participant> people;
    struct Stream {
        rtc::StreamOptions options;
        std::string text;
        std::map<std::string, std::string> end;
        int pieces = 0;
        bool closed = false;
    };
    std::vector<Stream> streams;
    std::vector<rtc::DataPacket> data;
    std::vector<std::pair<rtc::StreamOptions, std::string>> bytes;
    std::vector<rtc::Transcription> transcriptions;
    std::map<std::string, rtc::RpcMethod> methods;
    bool slow = false;                                     // texts are on their way until the test ends them:
    std::vector<std::function<void(Result<void>)>> waiting;
    bool left = false;
    bool drains_late = false;  // FakeOutput

 private:
    FakeLoop& loop_;
    rtc::RoomObserver& observer_;
    std::string identity_ = "agent-AJ_1";
};

class FakeCore final : public rtc::Core {
 public:
    explicit FakeCore(FakeLoop& loop) : loop_(loop) {}
    std::unique_ptr<rtc::Room> room(Loop&, rtc::RoomOptions, rtc::RoomObserver& observer) override {
        auto made = std::make_unique<FakeRoom>(loop_, observer);
        latest = made.get();
        return made;
    }
    FakeRoom* latest = nullptr;

 private:
    FakeLoop& loop_;
};

}  // namespace voicectl::test
