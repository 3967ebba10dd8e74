// Speaks sentences one after the other on a published track and knows what of them was played. One agent
// turn each. Lives on the loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/loop.h"
#include "voicectl/rtc/room.h"
#include "voicectl/speech/speech.h"

namespace voicectl::agent {

class SpeechQueue {
 public:
    struct Handlers {
        std::function<void(TimePoint at)> on_synthesis;   // first audio made
        std::function<void()> on_speaking;                // first frame of anything given to the room
        std::function<void(TimePoint at)> on_first_audio; // first frame that is no filler
        std::function<void(TimePoint at)> on_finished;    // after finish(): the last sample was handed over
        std::function<void(const Error&)> on_error;       // a sentence could not be made; the rest goes on
        /// Nothing was there to play for so long in the middle of the answer: who was waited for, "llm" or "tts".
        std::function<void(const char* waited_for, std::chrono::milliseconds gap)> on_gap;
    };

    SpeechQueue(Loop& loop, speech::TextToSpeech& tts, rtc::AudioOutput& output, Handlers handlers);
    ~SpeechQueue();

    /// Silence before the first sentence, on its way already.
    void lead_in(std::chrono::milliseconds time);
    enum class Kind { Answer, Filler };  // a filler is no part of what was said
    void say(std::string sentence, Kind kind = Kind::Answer);
    /// Nothing more comes.
    void finish();
    /// What nobody has begun to make is not made.
    void drop_waiting() { waiting_.clear(); }
    /// Silent from now on; what was made and not played is kept for resume().
    void pause();
    void resume();
    /// Silences at once. What was heard until then stays in heard().
    void cut();
    /// The words that were played, a sentence begun counted by the share of it.
    std::string heard() const;
    bool asked() const { return !spoken_.empty() || !waiting_.empty(); }
    bool synthesising() const { return stream_ != nullptr; }
    /// Nothing is left to be made or played of what was given so far.
    bool silent() const { return !paused_ && !stream_ && waiting_.empty() && played() >= pushed_ && output_.queued().count() == 0; }
    bool unheard() const { return played() < pushed_; }
    /// All of it is made, and less than `time` of it is left to play.
    bool ends_within(std::chrono::milliseconds time) const;

 private:
    struct Sentence {
        std::string text;
        Kind kind = Kind::Answer;
        std::uint64_t begin = 0, end = 0;  // samples since this queue began
        bool complete = false;
    };
    void synthesise_next();
    void on_audio(const audio::Samples& made);
    void append(audio::SampleView chunk);
    void forget_played();
    void finish_if_done(TimePoint at);
    void tell_first_audio(TimePoint at);
    void settle_first_audio(TimePoint at);
    void note_dry(TimePoint at);
    void note_played_on(TimePoint at);
    std::uint64_t played() const { return output_.played_samples() - base_; }

    Loop& loop_;
    speech::TextToSpeech& tts_;
    rtc::AudioOutput& output_;
    Handlers handlers_;
    std::deque<Sentence> waiting_;
    std::vector<Sentence> spoken_;
    std::unique_ptr<speech::TtsStream> stream_;
    std::deque<audio::Samples> kept_;  // made, and not wholly played yet
    std::uint64_t kept_from_ = 0;      // where the first of them begins
    std::uint64_t base_;       // the output's position when we began
    std::uint64_t pushed_ = 0;
    std::uint64_t answer_from_ = 0;    // in samples, once there is some of the answer
    bool sounded_ = false;    // something but silence was made
    bool answering_ = false, told_first_audio_ = false;  // … of the answer itself, and began to be heard
    bool started_ = false, closed_ = false, finished_ = false, cut_ = false, paused_ = false;
    std::optional<TimePoint> dry_since_;  // all that was made of the answer is played, and it is not over
    const char* dry_for_ = "";
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
