#include "voicectl/agent/turn_taking.h"

namespace voicectl::agent {
namespace {

// Gaps inside words are bridged by the detector; the wait for the end of the turn is ours.
constexpr std::chrono::milliseconds kHangover{150};

}  // namespace

TurnTaking::TurnTaking(const TurnSettings& settings)
    : settings_(settings), activity_({.min_speech = settings.min_speech, .hangover = std::min(kHangover, settings.end_of_turn)}) {}

TurnTaking::Event TurnTaking::push(audio::SampleView frame, bool agent_speaking) {
    using Kind = audio::VoiceActivity::Event::Kind;
    const auto event = activity_.push(frame);
    if (event && event->kind == Kind::SpeechStarted && !in_turn_) {
        in_turn_ = true;
        interrupted_ = false;
        started_ = event->at;
        ended_ = event->at;
        return Event::SpeechStarted;
    }
    if (!in_turn_) return Event::None;
    if (activity_.speaking()) ended_ = activity_.now() - activity_.silence();
    if (event && event->kind == Kind::SpeechEnded) ended_ = event->at;

    const bool long_enough = activity_.speaking() && ended_ - started_ >= settings_.interrupt_after;
    if (agent_speaking && settings_.interruptions && !interrupted_ && long_enough) {
        interrupted_ = true;
        return Event::Interrupted;
    }
    if (!activity_.speaking() && activity_.now() - ended_ >= settings_.end_of_turn) {
        in_turn_ = false;
        return Event::TurnEnded;
    }
    return Event::None;
}

}  // namespace voicectl::agent
