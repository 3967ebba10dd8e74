#include "reply.h"

namespace voicectl::agent {

Reply::Reply(Loop& loop, speech::TextToSpeech& tts, rtc::AudioOutput& output, bool interruptible, Handlers handlers)
    : loop_(loop),
      tts_(tts),
      interruptible_(interruptible),
      handlers_(std::move(handlers)),
      queue_(loop, tts, output,
             {.on_synthesis = [this](TimePoint at) { times_.first_synthesis = at; },
              .on_speaking = [this] { handlers_.on_speaking(); },
              .on_first_audio = [this](TimePoint at) { times_.first_audio = at; },
              .on_finished =
                  [this](TimePoint at) {
                      times_.last_audio = at;
                      over_ = true;
                      handlers_.on_ended(error_);
                  },
              .on_error = [this](const Error& error) { error_ = error; },
              .on_gap = handlers_.on_gap}) {}

void Reply::say(const std::string& text, std::chrono::milliseconds lead_in) {
    if (lead_in.count() > 0) queue_.lead_in(lead_in);
    times_.asked = times_.first_text = loop_.now();
    if (tts_.speaks_whole(text)) queue_.say(text);
    else sentences_.push(text);
    end_of_text();
}

void Reply::generate(speech::LanguageModel& model, std::vector<speech::ChatMessage> messages, CallTools* tools) {
    times_.asked = loop_.now();
    sentences_ = speech::SentenceSplitter(speech::SentenceSplitter::First::Clause);
    ToolLoop::Handlers handlers;
    handlers.on_text = [this](const std::string& piece) {
        if (!times_.first_text) times_.first_text = loop_.now();
        sentences_.push(piece);
        speak_ready();
    };
    handlers.on_calls = [this] { speak_rest(); };
    handlers.on_done = [this](bool end_call) {
        end_call_ = end_call;
        end_of_text();
    };
    handlers.on_error = [this](const Error& error) {
        error_ = error;
        end_of_text();
    };
    answer_ = std::make_unique<ToolLoop>(loop_, model, tools, speech::Chat{std::move(messages)}, std::move(handlers));
    if (!held_) answer_->allow();
}

void Reply::hold(Ahead ahead) {
    held_ = was_held_ = true;
    ahead_ = ahead;
    queue_.pause();
}

void Reply::release() {
    held_ = false;
    const auto now = loop_.now();
    for (auto* time : {&times_.asked, &times_.first_text, &times_.first_synthesis})
        if (*time) *time = now;
    queue_.resume();
    if (text_over_) end_of_text();
    else if (answer_ && answer_->working()) speak_rest();
    else speak_ready();
    if (answer_) answer_->allow();
}

bool Reply::fill(const std::string& text) {
    if (times_.first_text || text_over_ || paused_ || !filler_.empty()) return false;
    filler_ = text;
    queue_.say(text, SpeechQueue::Kind::Filler);
    return true;
}

void Reply::speak_ready() {
    while (may_speak()) {
        auto sentence = sentences_.next();
        if (!sentence) return;
        queue_.say(std::move(*sentence));
    }
}

/// Also what is no whole sentence yet.
void Reply::speak_rest() {
    speak_ready();
    if (may_speak())
        if (auto rest = sentences_.rest()) queue_.say(std::move(*rest));
}

void Reply::end_of_text() {
    text_over_ = true;
    speak_rest();
    if (!held_) queue_.finish();
}

const char* Reply::waits_for() const {
    if (queue_.synthesising()) return "tts";
    return text_over_ || queue_.unheard() ? "output" : "llm";
}

void Reply::pause() {
    paused_ = true;
    times_.last_audio = loop_.now();
    queue_.pause();
}

void Reply::resume() {
    paused_ = false;
    queue_.resume();
}

bool Reply::wind_up(const std::string& words) {
    if (over_) return false;
    interruptible_ = false;
    if (answer_) answer_->stop();
    sentences_ = {};
    queue_.drop_waiting();
    sentences_.push(words);
    end_of_text();
    return true;
}

void Reply::cut() {
    if (answer_) answer_->stop();
    queue_.cut();
    if (!paused_) times_.last_audio = loop_.now();
}

}  // namespace voicectl::agent
