#include "ears.h"

#include <algorithm>

namespace voicectl::e2e {
namespace {

// Audio that stopped arriving is silence to the caller: the recording keeps wall time.
constexpr std::chrono::milliseconds kGap{200};
constexpr std::size_t kAround = audio::kSpeechRateHz / 5;  // silence kept around a cut, 200 ms

std::size_t samples_in(std::chrono::milliseconds time) {
    return static_cast<std::size_t>(time.count()) * audio::kSpeechRateHz / 1000;
}

}  // namespace

void Ears::hear(const rtc::AudioFrame& frame) {
    framer_.push(frame.samples, [&](audio::SampleView samples) {
        meeting_.change([&] {
            const audio::Samples silence(kFrame, 0);
            while (!frame_ends_.empty() && frame.received_at - frame_ends_.back() > kGap)
                append(silence, frame_ends_.back() + std::chrono::milliseconds{10});
            append(samples, frame.received_at);
        });
    });
}

void Ears::append(audio::SampleView samples, TimePoint at) {
    recording_.insert(recording_.end(), samples.begin(), samples.end());
    frame_ends_.push_back(at);
    const auto event = activity_.push(samples);
    if (!event) return;
    if (event->kind == audio::VoiceActivity::Event::Kind::SpeechStarted) utterances_.push_back({samples_in(event->at), 0});
    else if (!utterances_.empty()) utterances_.back().end = samples_in(event->at);
}

std::size_t Ears::mark() {
    return meeting_.read([&] { return recording_.size(); });
}

TimePoint Ears::time_at(std::size_t position) const {
    if (frame_ends_.empty()) return {};
    const auto frame = std::min(position / kFrame, frame_ends_.size() - 1);
    const auto left = (frame + 1) * kFrame - std::min(position, (frame + 1) * kFrame);
    return frame_ends_[frame] - std::chrono::microseconds(left * 1'000'000 / audio::kSpeechRateHz);
}

/// Under the lock.
bool Ears::begun_after(std::size_t from) const { return !utterances_.empty() && (utterances_.back().end == 0 || utterances_.back().end > from); }

template<class Condition>
Result<bool> Ears::wait(std::chrono::milliseconds time, const Broken& broken, Condition condition) {
    std::optional<Error> fault;
    VC_TRY_ASSIGN(const bool came, meeting_.wait(Deadline::in(time), [&] { return condition() || (fault = broken()).has_value(); }));
    if (fault) return std::unexpected(*fault);
    return came;
}

Result<std::optional<TimePoint>> Ears::await_speech(std::size_t from, std::chrono::milliseconds start_in, const Broken& broken) {
    VC_TRY_ASSIGN(const bool started, wait(start_in, broken, [&] { return begun_after(from); }));
    if (!started) return std::nullopt;
    return meeting_.read([&] { return std::optional(cut(from).first_sound); });
}

bool Ears::hears_speech() {
    return meeting_.read([&] { return !utterances_.empty() && utterances_.back().end == 0; });
}

Result<std::optional<Heard>> Ears::listen(std::size_t from, std::chrono::milliseconds start_in, std::chrono::milliseconds end_in,
                                          std::chrono::milliseconds end_silence, const Broken& broken) {
    VC_TRY_ASSIGN(const bool started, wait(start_in, broken, [&] { return begun_after(from); }));
    if (!started) return std::nullopt;
    VC_TRY(wait(end_in, broken, [&] { return utterances_.back().end != 0 && recording_.size() - utterances_.back().end >= samples_in(end_silence); }));
    return meeting_.read([&] { return std::optional(cut(from)); });
}

Heard Ears::cut(std::size_t from) {
    const auto first = std::find_if(utterances_.begin(), utterances_.end(),
                                    [&](const Utterance& one) { return one.end == 0 || one.end > from; });
    const auto begin = std::max(from, first->begin - std::min(first->begin, kAround));
    const auto last = utterances_.back().end == 0 ? recording_.size() : utterances_.back().end;
    const auto end = std::min(recording_.size(), last + kAround);
    Heard heard;
    heard.end = last;
    heard.audio.samples.assign(recording_.begin() + static_cast<std::ptrdiff_t>(begin),
                               recording_.begin() + static_cast<std::ptrdiff_t>(end));
    // Voice activity finds the utterance; energy finds its first and last sound to the sample.
    const auto bounds = audio::speech_bounds(heard.audio);
    heard.first_sound = time_at(bounds.empty() ? first->begin : begin + bounds.first);
    heard.last_sound = time_at(bounds.empty() ? last : begin + bounds.last);
    return heard;
}

audio::Pcm Ears::recording() {
    return meeting_.read([&] { return audio::Pcm{audio::kSpeechRateHz, 1, recording_}; });
}

std::optional<TimePoint> Ears::recording_began() {
    return meeting_.read([&]() -> std::optional<TimePoint> {
        if (frame_ends_.empty()) return std::nullopt;
        return frame_ends_.front() - std::chrono::milliseconds{10};
    });
}

}  // namespace voicectl::e2e
