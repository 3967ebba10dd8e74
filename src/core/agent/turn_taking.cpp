#include "voicectl/agent/turn_taking.h"

#include <utility>

#include "endpointing.h"

namespace voicectl::agent {
namespace {

using std::chrono::milliseconds;

// Gaps inside words are bridged by the detector; the wait for the end of the turn is ours.
constexpr milliseconds kHangover{150};
// Nobody hears an answer and replies to it so soon after we took a turn for over: it was not.
constexpr milliseconds kTooSoonForAReply{700};
// Shorter turns have no room for a pause, so that they tell nothing.
constexpr milliseconds kLongEnoughToPause{1500};

}  // namespace

audio::VoiceActivityOptions TurnTaking::activity_options(const TurnSettings& settings) {
    return {.min_speech = settings.min_speech, .hangover = std::min({kHangover, settings.end_of_turn, settings.min_delay})};
}

TurnTaking::TurnTaking(const TurnSettings& settings, std::unique_ptr<audio::VoiceActivity> activity)
    : settings_(settings),
      activity_(activity ? std::move(activity) : std::make_unique<audio::VoiceActivity>(activity_options(settings))),
      endpointing_(std::make_unique<Endpointing>(settings)) {}

TurnTaking::~TurnTaking() = default;

void TurnTaking::begin(AudioTime at) {
    if (at < reopens_until_) endpointing_->on_pause(activity_->now() - ended_);
    else if (fluent_) endpointing_->on_fluent_turn();
    in_turn_ = fluent_ = true;
    interrupted_ = paused_ = false;
    started_ = ended_ = at;
    go_on();
}

// A pause is as long as we had to wait for its end: until speech is sure, and not just until it begins.
void TurnTaking::go_on() {
    if (std::exchange(paused_, false)) {
        endpointing_->on_pause(activity_->now() - ended_);
        fluent_ = false;
    }
    words_ = Completeness::Open;
    recogniser_done_ = false;
}

TurnTaking::Event TurnTaking::push(audio::SampleView frame, bool agent_speaking) {
    using Kind = audio::VoiceActivity::Event::Kind;
    const auto event = activity_->push(frame);
    const bool starts = event && event->kind == Kind::SpeechStarted, stops = event && event->kind == Kind::SpeechEnded;
    if (starts && !in_turn_) {
        begin(event->at);
        return Event::SpeechStarted;
    }
    if (!in_turn_) return Event::None;
    if (starts) go_on();
    if (activity_->speaking()) ended_ = activity_->now() - activity_->silence();
    if (stops) ended_ = event->at;

    const bool long_enough = activity_->speaking() && ended_ - started_ >= settings_.interrupt_after;
    if (agent_speaking && settings_.interruptions && !interrupted_ && long_enough) {
        interrupted_ = true;
        return Event::Interrupted;
    }
    if (activity_->speaking()) return Event::None;
    if (activity_->now() - ended_ < endpointing_->delay(words_, recogniser_done_)) {
        if (!stops) return Event::None;
        paused_ = true;
        return Event::Paused;
    }
    in_turn_ = false;
    reopens_until_ = activity_->now() + kTooSoonForAReply;
    fluent_ = fluent_ && ended_ - started_ >= kLongEnoughToPause;
    return Event::TurnEnded;
}

}  // namespace voicectl::agent
