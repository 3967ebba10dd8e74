#include "conversation.h"

#include <algorithm>

#include "voicectl/audio/file.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/compare.h"
#include "voicectl/speech/recognise.h"

namespace voicectl::e2e {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kLongestAnswer{90};
constexpr milliseconds kPauseBetweenSentences{400};  // longer, and an agent that was spoken over has stopped
constexpr milliseconds kLongestDoubt{4000};          // in which an agent that was spoken over may stop and go on again
constexpr milliseconds kSpeaksOn{1000};              // past the caller's last sound, to have gone on
constexpr std::size_t kTailWords = 4;
constexpr std::size_t kTailContext = 8;  // words compared by sound to find the tail's

milliseconds between(TimePoint from, TimePoint to) { return std::chrono::duration_cast<milliseconds>(to - from); }

std::string last_words(const std::string& text, std::size_t count) {
    auto words = speech::to_words(text);
    if (words.size() > count) words.erase(words.begin(), words.end() - static_cast<std::ptrdiff_t>(count));
    return fmt::format("{}", fmt::join(words, " "));
}

std::string id_of(const char* what, std::size_t index) { return fmt::format("{}_{}", what, index + 1); }

}  // namespace

void Conversation::plan(const Script& script, Checks& checks) {
    if (script.greets) checks.plan("greeting", "greeting heard to its end");
    for (std::size_t i = 0; i < script.turns.size(); ++i) {
        const auto& turn = script.turns[i];
        const auto add = [&](const char* what, const char* title) { checks.plan(id_of(what, i), fmt::format(fmt::runtime(title), i + 1)); };
        if (turn.speaks()) add("said", turn.over ? "question {} spoken into what the agent says" : "question {} spoken");
        if (turn.stops) add("stopped", "agent silent for question {}");
        if (turn.goes_on) add("went_on", "agent not stopped by {}");
        if (!turn.goes_on) add("answer", turn.silence ? "agent speaks into silence {}" : "answer {} heard");
        if (!turn.goes_on && turn.speaks()) add("latency", "answer {} in time");
        if (turn.ends) add("ended", "agent ended the call after answer {}");
    }
}

bool Conversation::run() {
    TimePoint first_sound;
    if (script_.greets && !hear({"greeting", script_.greeting, 0, true, false}, options_.answer_timeout, 0, first_sound)) return false;
    for (std::size_t i = 0; i < script_.turns.size(); ++i)
        if (!turn(i)) return false;
    return true;
}

bool Conversation::turn(std::size_t index) {
    const auto& turn = script_.turns[index];
    if (turn.speaks() && !say(index)) return false;
    if (!turn.speaks()) from_ = caller_.ears().mark();
    if (turn.goes_on) return went_on(index);
    if (turn.stops && !stopped(index)) return false;
    if (!answer(index)) return false;
    return !turn.ends || checks_.in_the_call(id_of("ended", index), [&]() -> Result<Seen> {
        VC_TRY(caller_.wait_for_the_end(options_.answer_timeout));
        return Seen{"it left"};
    });
}

bool Conversation::say(std::size_t index) {
    const auto& turn = script_.turns[index];
    return checks_.in_the_call(id_of("said", index), [&]() -> Result<Seen> {
        VC_TRY_ASSIGN(const auto clip, clip_of(turn));
        if (turn.pause) VC_TRY(caller_.pause_until(Clock::now() + *turn.pause));
        if (turn.over && !caller_.ears().hears_speech())
            return fail_with_hint(Errc::CheckFailed, fmt::format("the agent was silent {} after it had begun to speak", format_duration(*turn.over)),
                                  "give `over` another time, or ask for a longer answer before");
        from_ = caller_.ears().mark();
        VC_TRY_ASSIGN(said_, caller_.say(clip));
        recorder_.add(said_);
        auto text = turn.say;
        if (text.empty()) {
            VC_TRY_ASSIGN(text, speech::recognise(*engines_.ear, clip));
        }
        spoken_.push_back({false, text});
        return Seen{fmt::format("\"{}\"", cut_speech(text, 100)), {{"text", text}}};
    });
}

/// The agent falls silent in time, and what was heard of its words until then was right.
bool Conversation::stopped(std::size_t index) {
    std::optional<Heard> heard;
    const bool in_time = checks_.in_the_call(id_of("stopped", index), [&]() -> Result<Seen> {
        VC_TRY_ASSIGN(heard, caller_.listen(open_->from, {}, kLongestAnswer, kPauseBetweenSentences));
        const auto took = between(said_.first_sound, heard->last_sound);
        const auto limit = *script_.turns[index].stops;
        if (took > limit)
            return fail(Errc::CheckFailed, "it spoke on for {} after the caller's first sound; at most {} allowed", format_duration(took), format_duration(limit));
        return Seen{"from the caller's first sound to the agent's last", {{"stopMs", took.count()}}, std::max(took, milliseconds{0})};
    });
    if (!in_time) return false;
    from_ = heard->end;
    auto utterance = *std::exchange(open_, std::nullopt);
    if (utterance.greeting) utterance.expected.clear(), utterance.greeting = false;  // it was cut
    const auto question = spoken_.back();
    spoken_.pop_back();
    if (!checks_.in_the_call(utterance.check, [&] { return judge(*heard, utterance); })) return false;
    spoken_.push_back(question);  // what was spoken over ended before it
    return true;
}

/// The agent speaks to the end of what it had begun to say.
bool Conversation::went_on(std::size_t index) {
    std::optional<Heard> heard;
    const auto utterance = *std::exchange(open_, std::nullopt);
    spoken_.back().perhaps = true;
    const bool went_on = checks_.in_the_call(id_of("went_on", index), [&]() -> Result<Seen> {
        VC_TRY_ASSIGN(heard, caller_.listen(utterance.from, {}, kLongestAnswer, std::max(kLongestDoubt, options_.end_silence)));
        const auto on = between(said_.last_sound, heard->last_sound);
        if (on < kSpeaksOn) return fail(Errc::CheckFailed, "it fell silent {} after the caller's last sound", format_duration(std::max(on, milliseconds{0})));
        return Seen{fmt::format("it spoke on for {}", format_duration(on)), {{"spokeOnMs", on.count()}}};
    });
    return went_on && checks_.in_the_call(utterance.check, [&] { return judge(*heard, utterance); });
}

bool Conversation::answer(std::size_t index) {
    const auto& turn = script_.turns[index];
    TimePoint first_sound;
    return hear({id_of("answer", index), turn.expect, from_, false, turn.ends}, turn.silence.value_or(options_.answer_timeout), index + 1, first_sound) &&
           (!turn.speaks() || in_time(index, first_sound));
}

bool Conversation::in_time(std::size_t index, TimePoint first_sound) {
    return checks_.in_the_call(id_of("latency", index), [&]() -> Result<Seen> {
        const auto latency = between(said_.last_sound, first_sound);
        if (latency.count() <= 0) return fail(Errc::CheckFailed, "the agent spoke {} before the question was over", format_duration(-latency));
        if (latency > options_.max_latency)
            return fail(Errc::CheckFailed, "{} from the last sound of the question to the first of the answer; at most {} allowed",
                        format_duration(latency), format_duration(options_.max_latency));
        return Seen{"from the last sound sent to the first sound received", {{"latencyMs", latency.count()}}, latency};
    });
}

/// To its end, where it is judged; or as far as the next turn wants it, when that is spoken over it.
bool Conversation::hear(Utterance utterance, milliseconds start_in, std::size_t next, TimePoint& first_sound) {
    const auto nothing = [&] {
        return fail(Errc::CheckFailed, "{} within {}", utterance.check.starts_with("answer") ? "no answer" : "the agent said nothing", format_duration(start_in));
    };
    const bool spoken_over = next < script_.turns.size() && script_.turns[next].over;
    if (!spoken_over) {
        return checks_.in_the_call(utterance.check, [&]() -> Result<Seen> {
            const auto listen = utterance.last ? &Caller::listen_to_the_end : &Caller::listen;
            VC_TRY_ASSIGN(const auto heard, (caller_.*listen)(utterance.from, start_in, kLongestAnswer, options_.end_silence));
            if (!heard) return nothing();
            first_sound = heard->first_sound;
            return judge(*heard, utterance);
        });
    }
    const auto reached = [&]() -> Result<void> {
        VC_TRY_ASSIGN(const auto began, caller_.await_speech(utterance.from, start_in));
        if (!began) return nothing();
        first_sound = *began;
        return caller_.pause_until(*began + *script_.turns[next].over);
    }();
    if (!reached) return checks_.in_the_call(utterance.check, [&]() -> Result<Seen> { return std::unexpected(reached.error()); });
    open_ = std::move(utterance);
    return true;
}

/// Were the expected words heard, in order? Without an expectation any words will do.
Result<Seen> Conversation::judge(const Heard& heard, const Utterance& utterance) {
    VC_TRY_ASSIGN(const auto words, speech::recognise(*engines_.ear, heard.audio));
    auto expected = utterance.expected;
    if (utterance.greeting && expected.empty()) expected = expected_greeting_();
    Seen seen;
    seen.evidence = {{"heard", words}, {"expected", expected}, {"speechMs", heard.length().count()}, {"tolerance", options_.tolerance}};
    if (speech::to_words(words).empty()) return fail(Errc::CheckFailed, "there was sound for {}, but no words in it", format_duration(heard.length()));
    seen.detail = fmt::format("\"{}\"", cut_speech(words, 100));
    if (!expected.empty()) {
        const auto match = speech::compare_sounds(expected, words, engines_.pronunciations);
        seen.evidence["score"] = match.score;
        seen.detail += fmt::format(", {} of {} words", match.matched, match.expected);
        if (match.score < options_.tolerance)
            return fail(Errc::CheckFailed, "expected \"{}\", heard \"{}\" ({} of {} words in order, score {:.2f}, needed {:.2f})",
                        cut_speech(expected, 200), cut_speech(words, 200), match.matched, match.expected, match.score, options_.tolerance);
        if (utterance.greeting && !end_was_heard(expected, words))
            return fail(Errc::CheckFailed, "its end was not heard: expected \"… {}\", heard \"{}\"", last_words(expected, kTailWords), cut_speech(words, 200));
    }
    spoken_.push_back({true, words});
    return seen;
}

/// At least half of the last words: a greeting that was cut lacks them all.
bool Conversation::end_was_heard(const std::string& expected, const std::string& words) const {
    const auto match = speech::compare_sounds(last_words(expected, kTailContext), words, engines_.pronunciations);
    const auto tail = speech::to_words(last_words(expected, kTailWords));
    const auto lost = std::count_if(tail.begin(), tail.end(),
                                    [&](const std::string& word) { return std::find(match.missing.begin(), match.missing.end(), word) != match.missing.end(); });
    return static_cast<std::size_t>(lost) * 2 <= tail.size();
}

Result<audio::Pcm> Conversation::clip_of(const ScriptTurn& turn) {
    if (turn.audio_file.empty()) return speech::synthesise(*engines_.voice, turn.say);
    VC_TRY_ASSIGN(const auto file, audio::read_file(turn.audio_file, kLongestClipSeconds));
    return audio::resample(audio::to_mono(file), engines_.voice->rate_hz());
}

}  // namespace voicectl::e2e
