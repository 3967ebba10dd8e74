#include "listener.h"

#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

// Voice activity tells of speech after `min_speech`, and soft first sounds fall under its gate.
constexpr std::size_t kLeadFrames = 40;  // 400 ms

std::unique_ptr<audio::VoiceActivity> activity(speech::VoiceModel* vad, const TurnSettings& settings) {
    if (vad == nullptr) return nullptr;
    auto opened = vad->open(TurnTaking::activity_options(settings));
    if (opened) return std::move(*opened);
    log::error("agent", "voice activity falls back to the one without a model", {{"reason", opened.error().message}});
    return nullptr;
}

}  // namespace

Listener::Listener(Loop& loop, Engines engines, const TurnSettings& settings, Handlers handlers)
    : loop_(loop),
      stt_(engines.stt),
      handlers_(std::move(handlers)),
      judge_(engines.judge),
      turns_(settings, activity(engines.vad, settings)),
      last_frame_at_(loop.now()) {
    open();
}

void Listener::open() {
    speech::SttSink sink;
    const bool wanted = judge_ != nullptr || handlers_.on_partial || handlers_.on_pause;  // some compute only for it
    if (wanted) sink.on_partial = [this](const std::string& text) { on_partial(text); };
    sink.on_end_of_speech = [this] {
        if (pending_.empty() && turns_.in_turn()) turns_.recogniser_done();
    };
    sink.on_final = [this](const std::string& text) { on_final(text); };
    sink.on_error = [this](const Error& error) {
        handlers_.on_error(error);
        // The stream that calls us is replaced once it has returned; turns waiting for it are lost to it.
        loop_.post(lifeline_.guard([this] {
            pending_.clear();
            open();
        }));
    };
    stream_ = stt_.open(loop_, std::move(sink));
}

void Listener::hear(const rtc::AudioFrame& frame) {
    last_frame_at_ = frame.received_at;
    framer_.push(frame.samples, [this](audio::SampleView samples) {
        const bool was_in_turn = turns_.in_turn();
        const auto event = turns_.push(samples, handlers_.agent_is_speaking());
        if (event == TurnTaking::Event::SpeechStarted) words_.clear();
        if (event == TurnTaking::Event::SpeechStarted)
            for (const auto& lead : lead_) stream_->push(lead);
        if (was_in_turn || turns_.in_turn()) stream_->push(samples);
        remember(samples);
        on_event(event);
    });
}

void Listener::remember(audio::SampleView samples) {
    if (lead_.size() < kLeadFrames) {
        lead_.emplace_back(samples.begin(), samples.end());
        return;
    }
    auto oldest = std::move(lead_.front());  // its memory is used again
    lead_.pop_front();
    oldest.assign(samples.begin(), samples.end());
    lead_.push_back(std::move(oldest));
}

void Listener::on_event(TurnTaking::Event event) {
    switch (event) {
        case TurnTaking::Event::Interrupted: handlers_.on_interrupted(); break;
        case TurnTaking::Event::TurnEnded:
            ++questions_;
            pending_.push_back({"", wall(turns_.turn_started()), wall(turns_.turn_ended()), loop_.now(), {}});
            stream_->end_utterance();
            break;
        case TurnTaking::Event::Paused: on_paused(); break;
        case TurnTaking::Event::SpeechStarted:
        case TurnTaking::Event::None: break;
    }
}

void Listener::on_partial(const std::string& text) {
    if (!pending_.empty() || !turns_.in_turn()) return;  // of a turn that has ended
    const bool revised = text != words_;
    words_ = text;
    if (revised || turns_.pausing()) judge_words();
    if (revised && handlers_.on_partial) handlers_.on_partial(words_);
    if (turns_.pausing()) tell_pause();
}

void Listener::on_paused() {
    if (stream_->tell_so_far()) return;
    judge_words();
    tell_pause();
}

void Listener::tell_pause() {
    if (handlers_.on_pause && !words_.empty()) handlers_.on_pause(words_, turns_.turn_ended() - turns_.turn_started());
}

void Listener::judge_words() {
    if (judge_ == nullptr || words_.empty()) return;
    judge_->judge(words_, lifeline_.guard([this, question = ++questions_](Completeness words) {
        if (question == questions_ && turns_.in_turn()) turns_.judged(words);
    }));
}

TimePoint Listener::wall(TurnTaking::AudioTime audio_time) const {
    return last_frame_at_ - (turns_.now() - audio_time);
}

void Listener::on_final(const std::string& text) {
    if (pending_.empty()) return;
    auto turn = std::move(pending_.front());
    pending_.pop_front();
    turn.text = text;
    turn.recognised = loop_.now();
    handlers_.on_turn(turn);
}

}  // namespace voicectl::agent
