#include "listener.h"

namespace voicectl::agent {
namespace {

// Voice activity tells of speech after `min_speech`, and soft first sounds fall under its gate.
constexpr std::size_t kLeadFrames = 40;  // 400 ms

}  // namespace

Listener::Listener(Loop& loop, speech::SpeechToText& stt, const TurnSettings& settings, Handlers handlers)
    : loop_(loop), stt_(stt), handlers_(std::move(handlers)), turns_(settings), last_frame_at_(loop.now()) {
    open();
}

void Listener::open() {
    speech::SttSink sink;
    if (handlers_.on_partial) sink.on_partial = handlers_.on_partial;  // some compute only for it
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
            pending_.push_back({"", wall(turns_.turn_started()), wall(turns_.turn_ended()), loop_.now(), {}});
            stream_->end_utterance();
            break;
        case TurnTaking::Event::SpeechStarted:
        case TurnTaking::Event::None: break;
    }
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
