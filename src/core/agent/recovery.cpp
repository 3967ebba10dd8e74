#include "recovery.h"

#include <unistd.h>

#include <algorithm>

#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

using namespace std::chrono_literals;
using BreakerState = speech::Breaker::State;

constexpr auto kTryAgain = 30s;   // while it goes on failing
constexpr auto kTryTime = 10s;    // a try that takes longer has failed
constexpr auto kToneTime = 600ms;

// The least that shows that a provider works. A connection alone shows nothing: those who are in trouble take it, and refuse or
// stall afterwards. What follows the first piece of an answer is not waited for.

std::shared_ptr<void> ask_least(Loop& loop, speech::LanguageModel& model, const Recovery::Tried& done) {
    speech::LlmSink sink;
    sink.on_text = [done](const std::string&) { done({}); };
    sink.on_done = [done](const speech::LlmEnd&) { done({}); };
    sink.on_error = [done](const Error& error) { done(error); };
    return model.generate(loop, {{{speech::ChatMessage::Role::User, "Say OK."}}}, std::move(sink));
}

std::shared_ptr<void> ask_least(Loop& loop, speech::TextToSpeech& voice, const Recovery::Tried& done) {
    speech::TtsSink sink;
    sink.on_audio = [done](const audio::Samples& chunk) {
        if (!chunk.empty()) done({});
    };
    sink.on_done = [done] { done(Error{Errc::Protocol, "the voice gave no sound", {}}); };
    sink.on_error = [done](const Error& error) { done(error); };
    return voice.speak(loop, "Yes.", std::move(sink));
}

/// Soft, and no silence: for that some recognisers ask nobody.
audio::Samples tone() {
    audio::Samples out(static_cast<std::size_t>(kToneTime.count()) * audio::kSpeechRateHz / 1000);
    constexpr std::size_t kHalfPeriod = audio::kSpeechRateHz / 400;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (i / kHalfPeriod) % 2 == 0 ? 600 : -600;
    return out;
}

std::shared_ptr<void> ask_least(Loop& loop, speech::SpeechToText& recogniser, const Recovery::Tried& done) {
    speech::SttSink sink;
    sink.on_partial = [](const std::string&) {};
    sink.on_final = [done](const std::string&) { done({}); };  // whatever it has made of it
    sink.on_error = [done](const Error& error) { done(error); };
    auto stream = recogniser.open(loop, std::move(sink));
    stream->push(tone());
    stream->end_utterance();
    return stream;
}

}  // namespace

Recovery::Recovery(Loop& loop, const Stages& stages, bool tries, Handlers handlers)
    : loop_(loop), handlers_(std::move(handlers)), tries_(tries) {
    watch(stages);
    for (const auto& [tag, set] : stages.languages) watch(set);
}

Recovery::~Recovery() {
    for (const auto& one : watched_) {
        one->breaker.on_change = nullptr;
        if (one->trying) one->breaker.unknown();
    }
}

void Recovery::watch(const StageSet& set) {
    watch(set.stt, Stage::Stt);
    watch(set.llm, Stage::Llm);
    watch(set.tts, Stage::Tts);
    for (const auto& [name, voice] : set.voices) watch(voice, Stage::Tts);
}

template<class T>
void Recovery::watch(const Choices<T>& choices, Stage stage) {
    if (choices.all().size() < 2) return;  // who is alone is always asked
    for (const auto& choice : choices.all()) {
        auto& one = *watched_.emplace_back(std::make_unique<Watched>(loop_, stage, choice.name(), *choice.breaker));
        one.ask = [this, engine = choice.engine.get()](const Tried& done) { return ask_least(loop_, *engine, done); };
        one.breaker.on_change = [this, &one](BreakerState now) { handle_change(one, now); };
        if (tries_) one.breaker.stay_open_at_most(kTryAgain);
    }
}

void Recovery::on_call() {
    for (const auto& one : watched_) {
        tell(*one);
        if (tries_ && one->breaker.state(loop_.now()) == BreakerState::HalfOpen) try_out(*one);
    }
}

void Recovery::handle_change(Watched& one, BreakerState now) {
    one.wake.cancel();
    if (now == BreakerState::Open) one.wake.after(one.breaker.open_for(loop_.now()), [this, &one] { handle_time_over(one); });
    tell(one);
}

void Recovery::handle_time_over(Watched& one) {
    tell(one);
    if (tries_) try_out(one);
}

void Recovery::try_out(Watched& one) {
    if (one.trying || !handlers_.needed() || !one.breaker.allows(loop_.now())) return;
    one.trying = true;
    one.asked = loop_.now();
    one.deadline.after(kTryTime, [this, &one] {
        finish(one, Error{Errc::Timeout, fmt::format("{} gave no answer for {} s", one.name, kTryTime.count()), {}});
    });
    one.request = one.ask([this, &one](const std::optional<Error>& error) { finish(one, error); });
}

void Recovery::finish(Watched& one, const std::optional<Error>& error) {
    if (!std::exchange(one.trying, false)) return;
    const auto now = loop_.now();
    one.deadline.cancel();
    report(one, "provider_probe", "outcome", error ? "failed" : "ok");
    log::debug("agent", "a provider was tried",
               {{"stage", to_text(one.stage)}, {"provider", one.name}, {"error", error ? error->message : ""}});
    // The request is our caller, perhaps.
    loop_.post(lifeline_.guard([&one] {
        if (!one.trying) one.request.reset();
    }));
    if (error) one.breaker.failed(now, *error);
    else one.breaker.succeeded(now, std::chrono::duration_cast<std::chrono::milliseconds>(now - one.asked));
}

BreakerState Recovery::state_of(const Watched& one) const {
    const auto badness = [](BreakerState state) {
        return state == BreakerState::Open ? 2 : state == BreakerState::HalfOpen ? 1 : 0;
    };
    auto worst = BreakerState::Closed;
    for (const auto& other : watched_) {
        if (other->stage != one.stage || other->name != one.name) continue;
        if (const auto state = other->breaker.state(loop_.now()); badness(state) > badness(worst)) worst = state;
    }
    return worst;
}

void Recovery::tell(const Watched& one) {
    const auto now = state_of(one);
    const auto known = told_.find({one.stage, one.name});
    const auto was = known == told_.end() ? BreakerState::Closed : known->second;
    if (known != told_.end() && was == now) return;
    told_[{one.stage, one.name}] = now;
    report(one, "breaker", "state", to_text(now));
    if ((was == BreakerState::Closed) == (now == BreakerState::Closed)) return;
    const auto* stage = to_text(one.stage);
    if (now == BreakerState::Closed)
        return log::info("agent", "a provider is well again and is asked as before", {{"stage", stage}, {"provider", one.name}});
    const auto time = std::chrono::duration_cast<std::chrono::seconds>(one.breaker.open_for(loop_.now())).count();
    log::warn("agent", "a provider is in trouble: the next of its stage is asked instead, in all calls of this process",
              {{"stage", stage}, {"provider", one.name}, {"for_s", time}, {"error", one.breaker.why()}});
}

void Recovery::report(const Watched& one, const char* kind, const char* what, const char* value) const {
    handlers_.on_report({{"type", "report"},
                         {"kind", kind},
                         {"stage", to_text(one.stage)},
                         {"provider", one.name},
                         {what, value},
                         {"pid", getpid()}});
}

}  // namespace voicectl::agent
