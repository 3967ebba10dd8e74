// One turn of the agent: text from the model (or fixed), sentence by sentence into speech, with the tools that the model
// calls on the way. Lives on the loop; stops when dropped.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/agent/tools/tool_loop.h"
#include "speech_queue.h"
#include "voicectl/base/loop.h"
#include "voicectl/rtc/room.h"
#include "voicectl/speech/sentences.h"
#include "voicectl/speech/speech.h"

namespace voicectl::agent {

/// When things happened, each stamped once where it happened. Absent: it did not.
struct ReplyTimes {
    std::optional<TimePoint> asked, first_text, first_synthesis, first_audio, last_audio;
};

class Reply {
 public:
    struct Handlers {
        /// Last call: everything was played, or nothing could be said (`error`).
        std::function<void(std::optional<Error> error)> on_ended;
        std::function<void()> on_speaking;  // first audio
        /// The caller heard nothing for so long in the middle of it; who was waited for.
        std::function<void(const char* waited_for, std::chrono::milliseconds gap)> on_gap = {};
    };

    Reply(Loop& loop, speech::TextToSpeech& tts, rtc::AudioOutput& output, bool interruptible, Handlers handlers);

    /// `lead_in`: silence first, for somebody whose player has only just begun.
    void say(const std::string& text, std::chrono::milliseconds lead_in = {});
    /// Before generate(): nothing is heard until release(), from which on all of it counts as made at that moment.
    enum class Ahead { Text, FirstSentence };  // what is made meanwhile
    void hold(Ahead ahead);
    void release();
    /// `tools` may be null; it outlives us. What is held calls none of them until release().
    void generate(speech::LanguageModel& model, std::vector<speech::ChatMessage> messages, CallTools* tools = nullptr);
    /// Something to bridge the time until the model begins to answer; no part of the answer. False: it has begun.
    bool fill(const std::string& text);
    /// The caller may have taken over: silent until it is known.
    void pause();
    void resume();
    bool paused() const { return paused_; }
    /// The caller has taken over.
    void cut();
    /// The sentence that is being said comes to its end, then these words are said, and nothing else. False: it is over
    /// already, on_ended is on its way.
    bool wind_up(const std::string& words);

    bool interruptible() const { return interruptible_; }
    bool end_call() const { return end_call_; }
    bool ends_within(std::chrono::milliseconds time) const { return queue_.ends_within(time); }
    /// All that it was given to say so far.
    bool all_heard() const { return queue_.silent(); }
    std::string heard() const { return queue_.heard(); }
    bool failed() const { return error_.has_value(); }
    bool was_held() const { return was_held_; }
    /// Empty: none was said.
    const std::string& filler() const { return filler_; }
    /// Tools are at work for it, or the model has yet to say something to what they gave: silence is no fault.
    bool uses_tools() const { return answer_ && answer_->working() && !queue_.unheard(); }
    /// The model's calls and what they gave, for the history.
    std::vector<speech::ChatMessage> tool_steps() const { return answer_ ? answer_->steps() : std::vector<speech::ChatMessage>(); }
    /// "llm", "tts" or "output": who has to do something before more can be heard.
    const char* waits_for() const;
    const ReplyTimes& times() const { return times_; }

 private:
    void speak_ready();
    void end_of_text();
    void speak_rest();
    bool may_speak() const { return !held_ || (ahead_ == Ahead::FirstSentence && !queue_.asked()); }

    Loop& loop_;
    speech::TextToSpeech& tts_;
    bool interruptible_;
    bool end_call_ = false, paused_ = false, over_ = false;
    bool held_ = false, was_held_ = false, text_over_ = false;
    Ahead ahead_ = Ahead::Text;
    std::string filler_;
    Handlers handlers_;
    ReplyTimes times_;
    std::optional<Error> error_;
    speech::SentenceSplitter sentences_;
    SpeechQueue queue_;
    std::unique_ptr<ToolLoop> answer_;
};

}  // namespace voicectl::agent
