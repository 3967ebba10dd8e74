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
        std::function<void(const UserTurn&)> on_turn;
        std::function<void(const std::string& text)> on_partial;  // of the turn under way; may never come
        std::function<void(const Error&)> on_error;
    };

    Listener(Loop& loop, speech::SpeechToText& stt, const TurnSettings& settings, Handlers handlers);

    bool caller_is_speaking() const { return turns_.in_turn(); }
    /// Frames of 10 ms at 16 kHz.
    void hear(const rtc::AudioFrame& frame);

 private:
    void open();
    void on_event(TurnTaking::Event event);
    void on_final(const std::string& text);
    void remember(audio::SampleView samples);
    TimePoint wall(TurnTaking::AudioTime audio_time) const;

    Loop& loop_;
    speech::SpeechToText& stt_;
    Handlers handlers_;
    TurnTaking turns_;
    audio::Framer framer_{audio::kSpeechRateHz / 100};
    std::unique_ptr<speech::SttStream> stream_;
    std::deque<audio::Samples> lead_;   // the last frames before speech
    std::deque<UserTurn> pending_;      // ended, waiting for their text
    TimePoint last_frame_at_;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
