#include "speech_queue.h"

#include <algorithm>

#include "voicectl/base/text.h"

namespace voicectl::agent {
namespace {

// Of a sentence that is still being made: engines speak 12 to 17 characters a second. Too few would tell that more
// was heard than was.
std::uint64_t likely_samples(const std::string& text, int rate_hz) {
    constexpr std::size_t kMsPerCharacter = 60;
    return utf8_length(text) * kMsPerCharacter * static_cast<std::uint64_t>(rate_hz) / 1000;
}

std::string first_words(const std::string& text, double share) {
    auto words = split(text, ' ');
    const auto count = static_cast<std::size_t>(static_cast<double>(words.size()) * std::clamp(share, 0.0, 1.0));
    words.resize(count);
    return fmt::format("{}", fmt::join(words, " "));
}

// Voices begin with silence (flite with 225 ms of it), which the caller would wait for: of that a frame is left.
audio::SampleView without_silent_head(audio::SampleView chunk, int rate_hz) {
    constexpr double kSilentDbfs = -50;
    const auto frame = static_cast<std::size_t>(rate_hz) / 100;
    const auto is_silent = [&](std::size_t at) {
        return audio::measure(chunk.subspan(at, std::min(frame, chunk.size() - at))).rms_dbfs < kSilentDbfs;
    };
    std::size_t sound = 0;
    while (sound < chunk.size() && is_silent(sound)) sound += frame;
    if (sound >= chunk.size()) return {};
    return chunk.subspan(sound - std::min(sound, frame));
}

}  // namespace

SpeechQueue::SpeechQueue(Loop& loop, speech::TextToSpeech& tts, rtc::AudioOutput& output, Handlers handlers)
    : loop_(loop), tts_(tts), output_(output), handlers_(std::move(handlers)), base_(output.played_samples()) {
    output_.on_started = lifeline_.guard([this](TimePoint at) {
        if (!std::exchange(started_, true)) handlers_.on_speaking();
        if (answering_) tell_first_audio(at);
        note_played_on(at);
    });
    output_.on_drained = lifeline_.guard([this](TimePoint at, std::uint64_t) {
        settle_first_audio(at);
        note_dry(at);
        finish_if_done(at);
    });
}

SpeechQueue::~SpeechQueue() {
    output_.on_started = nullptr;
    output_.on_drained = nullptr;
}

void SpeechQueue::lead_in(std::chrono::milliseconds time) {
    append(audio::Samples(static_cast<std::size_t>(time.count() * output_.rate_hz() / 1000)));
}

void SpeechQueue::say(std::string sentence, Kind kind) {
    if (cut_) return;
    waiting_.push_back({.text = std::move(sentence), .kind = kind});
    if (!stream_) synthesise_next();
}

void SpeechQueue::finish() {
    closed_ = true;
    // Nothing was ever to be said, or all of it is played already: no drain will tell.
    loop_.post(lifeline_.guard([this] { finish_if_done(loop_.now()); }));
}

void SpeechQueue::pause() {
    if (std::exchange(paused_, true)) return;
    dry_since_.reset();
    settle_first_audio(loop_.now());
    output_.clear();
}

void SpeechQueue::resume() {
    if (!std::exchange(paused_, false) || cut_) return;
    forget_played();
    auto from = static_cast<std::size_t>(played() - kept_from_);  // within the first chunk
    for (const auto& chunk : kept_) output_.play(audio::SampleView(chunk).subspan(std::exchange(from, 0)));
    loop_.post(lifeline_.guard([this] { finish_if_done(loop_.now()); }));  // nothing may be left
}

void SpeechQueue::tell_first_audio(TimePoint at) {
    if (!std::exchange(told_first_audio_, true)) handlers_.on_first_audio(at);
}

// The voice may have come in the very tick in which what was played before it ended: then neither end nor start is told.
void SpeechQueue::settle_first_audio(TimePoint at) {
    if (!answering_ || told_first_audio_ || played() <= answer_from_) return;
    tell_first_audio(at - std::chrono::milliseconds((played() - answer_from_) * 1000 / static_cast<std::uint64_t>(output_.rate_hz())));
}

void SpeechQueue::note_dry(TimePoint at) {
    const bool more_to_come = stream_ || !waiting_.empty() || !closed_;
    if (!answering_ || cut_ || paused_ || !more_to_come) return;
    dry_since_ = at;
    dry_for_ = stream_ || !waiting_.empty() ? "tts" : "llm";
}

void SpeechQueue::note_played_on(TimePoint at) {
    const auto since = std::exchange(dry_since_, std::nullopt);
    if (!since || paused_ || cut_) return;
    constexpr std::chrono::milliseconds kGap{60};  // shorter ones are bridged by listeners
    const auto gap = std::chrono::duration_cast<std::chrono::milliseconds>(at - *since);
    if (gap >= kGap && handlers_.on_gap) handlers_.on_gap(dry_for_, gap);
}

void SpeechQueue::on_audio(const audio::Samples& made) {
    const auto chunk = sounded_ ? audio::SampleView(made) : without_silent_head(made, output_.rate_hz());
    if (chunk.empty()) return;
    sounded_ = true;
    if (spoken_.back().kind == Kind::Answer && !std::exchange(answering_, true)) {
        handlers_.on_synthesis(loop_.now());
        answer_from_ = pushed_;
        // Follows a filler or a lead-in without a gap: no start will tell.
        if (const auto before = output_.queued(); !paused_ && before.count() > 0) tell_first_audio(loop_.now() + before);
    }
    append(chunk);
    spoken_.back().end = pushed_;
}

void SpeechQueue::append(audio::SampleView chunk) {
    pushed_ += chunk.size();
    forget_played();
    kept_.emplace_back(chunk.begin(), chunk.end());
    if (!paused_) output_.play(chunk);
}

void SpeechQueue::forget_played() {
    while (!kept_.empty() && kept_from_ + kept_.front().size() <= played()) {
        kept_from_ += kept_.front().size();
        kept_.pop_front();
    }
}

void SpeechQueue::cut() {
    cut_ = true;
    settle_first_audio(loop_.now());
    kept_.clear();
    waiting_.clear();
    stream_.reset();
    output_.clear();
}

void SpeechQueue::synthesise_next() {
    if (waiting_.empty() || cut_) return;
    spoken_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    spoken_.back().begin = spoken_.back().end = pushed_;
    const auto over = [this] {
        spoken_.back().complete = true;
        // The stream is the one that is calling us: it is let go of on the next turn of the loop.
        loop_.post(lifeline_.guard([this] {
            if (cut_) return;
            stream_.reset();
            synthesise_next();
            finish_if_done(loop_.now());
        }));
    };
    speech::TtsSink sink;
    sink.on_audio = [this](const audio::Samples& chunk) { on_audio(chunk); };
    sink.on_done = over;
    sink.on_error = [this, over](const Error& error) {
        handlers_.on_error(error);
        over();
    };
    stream_ = tts_.speak(loop_, spoken_.back().text, std::move(sink));
}

void SpeechQueue::finish_if_done(TimePoint at) {
    const bool silent = played() >= pushed_ && output_.queued().count() == 0;
    if (!closed_ || finished_ || cut_ || paused_ || stream_ || !waiting_.empty() || !silent) return;
    finished_ = true;
    settle_first_audio(at);
    handlers_.on_finished(at);
}

bool SpeechQueue::ends_within(std::chrono::milliseconds time) const {
    const auto left = std::chrono::milliseconds((pushed_ - std::min(pushed_, played())) * 1000 / static_cast<std::uint64_t>(output_.rate_hz()));
    return closed_ && !stream_ && waiting_.empty() && left < time;
}

std::string SpeechQueue::heard() const {
    const auto position = played();
    std::string out;
    for (const auto& sentence : spoken_) {
        if (position <= sentence.begin) break;
        if (sentence.kind == Kind::Filler) continue;
        auto length = std::max<std::uint64_t>(1, sentence.end - sentence.begin);
        if (!sentence.complete) length = std::max(length, likely_samples(sentence.text, output_.rate_hz()));
        const double share = static_cast<double>(position - sentence.begin) / static_cast<double>(length);
        const bool whole = sentence.complete && position >= sentence.end;
        const auto part = whole ? sentence.text : first_words(sentence.text, share);
        if (!part.empty()) out += (out.empty() ? "" : " ") + part;
        if (!whole) break;
    }
    return out;
}

}  // namespace voicectl::agent
