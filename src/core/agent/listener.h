// The agent's ears in one call: the caller's track as turns of text. Audio goes to the recogniser only while
// somebody speaks (with some lead, so that no first syllable is lost). Lives on the loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "voicectl/agent/turn_taking.h"
#include "voicectl/base/loop.h"
#include "voicectl/rtc/room.h"
#include "voicectl/speech/speech.h"

namespace voicectl::agent {

/// What the caller said, and when it happened.
struct UserTurn {
    std::string text;          // "" when nothing was understood
    TimePoint began, ended;    // of the speech itself, as it arrived
    TimePoint decided;         // that the turn is over
    TimePoint recognised;
    std::string detail{};        // of one that was not spoken, as it is stored: {"typed":true}, {"keys":"12"}
    std::uint64_t message = 0;   // of a front-end that waits for the answer
};

class Listener {
 public:
    struct Handlers {
        std::function<bool()> agent_is_speaking;
        std::function<void()> on_interrupted;
        /// The words of the current turn so far; may be revised.
        std::function<void(const std::string& text)> on_partial = {};
        /// The caller pauses after having spoken for `spoken`: perhaps that was all. Again when the words are revised.
        std::function<void(const std::string& text, std::chrono::milliseconds spoken)> on_pause = {};
        std::function<void(const UserTurn&)> on_turn;
        std::function<void(const Error&)> on_error;
    };

    /// Whoever it asks; they outlive it.
    struct Engines {
        speech::SpeechToText& stt;
        speech::VoiceModel* vad = nullptr;  // null: voice activity that needs none
        TurnJudge* judge = nullptr;         // null: words do not tell whether a turn is over
    };
    Listener(Loop& loop, Engines engines, const TurnSettings& settings, Handlers handlers);

    bool caller_is_speaking() const { return turns_.in_turn(); }
    /// A turn is over, its words are not known yet.
    bool waits_for_words() const { return !pending_.empty(); }
    /// Frames of 10 ms at 16 kHz.
    void hear(const rtc::AudioFrame& frame);

 private:
    void open();
    void on_event(TurnTaking::Event event);
    void on_partial(const std::string& text);
    void on_final(const std::string& text);
    void on_paused();
    void tell_pause();
    void judge_words();
    void remember(audio::SampleView samples);
    TimePoint wall(TurnTaking::AudioTime audio_time) const;

    Loop& loop_;
    speech::SpeechToText& stt_;
    Handlers handlers_;
    TurnJudge* judge_;
    TurnTaking turns_;
    audio::Framer framer_{audio::kSpeechRateHz / 100};
    std::unique_ptr<speech::SttStream> stream_;
    std::deque<audio::Samples> lead_;   // the last frames before speech
    std::deque<UserTurn> pending_;      // ended, waiting for their text
    std::string words_;                 // of the current turn, so far
    int questions_ = 0;                 // to the judge; an answer to an older one does not count
    TimePoint last_frame_at_;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
