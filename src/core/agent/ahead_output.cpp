#include "ahead_output.h"

#include <algorithm>

namespace voicectl::agent {
namespace {

constexpr std::chrono::milliseconds kVoicePieceTime{100}, kVoiceLead{300};
constexpr std::size_t kVoicePiece = audio::kSpeechRateHz / 10;
constexpr std::size_t kVoiceTidyAt = 64 * 1024;  // played samples that are still kept

}  // namespace

std::string AheadOutput::track_sid() const { return "TR_agent"; }

void AheadOutput::play(audio::SampleView samples) {
    if (samples.empty()) return;
    queue_.insert(queue_.end(), samples.begin(), samples.end());
    hand_out();
}

std::chrono::milliseconds AheadOutput::clear() {
    const auto left = queued();
    const bool dropped = ahead_ > 0 || repeating_ > 0;
    queue_.clear();
    piece_.clear();
    resampler_.reset();
    begin_ = ahead_ = repeating_ = 0;
    if (dropped) handlers_.on_clear();
    if (std::exchange(sounding_, false)) end_soon();
    return left;
}

void AheadOutput::tick(int frames) {
    auto due = static_cast<std::size_t>(frames) * static_cast<std::size_t>(rate_hz_) / 100;
    const auto again = std::min(due, repeating_);
    repeating_ -= again;
    due = std::min(due - again, waiting());
    if (due == 0) return;
    begin();
    played_ += due;
    begin_ += due;
    ahead_ -= std::min(ahead_, due);
    if (begin_ > kVoiceTidyAt || waiting() == 0) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(begin_));
        begin_ = 0;
    }
    hand_out();
    if (waiting() == 0) end_soon();
}

void AheadOutput::hand_out() {
    while (ahead_ < waiting() && ahead_ < to_samples(kVoiceLead)) {
        const auto count = std::min(waiting() - ahead_, to_samples(kVoicePieceTime));
        const auto from = begin_ + ahead_;
        ahead_ += count;
        convert(audio::SampleView(queue_).subspan(from, count), false);
    }
    // All that there is: the rest goes out once waiting for more would be heard.
    if (ahead_ == waiting() && ahead_ < to_samples(kVoicePieceTime)) convert({}, true);
}

void AheadOutput::convert(audio::SampleView samples, bool last) {
    if (rate_hz_ == audio::kSpeechRateHz) {
        piece_.insert(piece_.end(), samples.begin(), samples.end());
    } else {
        if (!resampler_ && samples.empty()) return;
        if (!resampler_) resampler_ = std::make_unique<audio::Resampler>(rate_hz_, audio::kSpeechRateHz);
        auto made = samples.empty() ? audio::Samples{} : resampler_->process(samples);
        piece_.insert(piece_.end(), made.begin(), made.end());
        if (last) {
            made = resampler_->flush();
            piece_.insert(piece_.end(), made.begin(), made.end());
            resampler_.reset();
        }
    }
    std::size_t at = 0;
    for (; piece_.size() - at >= kVoicePiece; at += kVoicePiece) handlers_.on_audio(audio::SampleView(piece_).subspan(at, kVoicePiece));
    if (last && piece_.size() > at) {
        handlers_.on_audio(audio::SampleView(piece_).subspan(at));
        at = piece_.size();
    }
    piece_.erase(piece_.begin(), piece_.begin() + static_cast<std::ptrdiff_t>(at));
}

void AheadOutput::begin() {
    if (std::exchange(sounding_, true)) return;
    loop_.post(lifeline_.guard([this, at = loop_.now()] {
        if (on_started) on_started(at);
    }));
}

void AheadOutput::end_soon() {
    loop_.post(lifeline_.guard([this, at = loop_.now()] {
        if (waiting() > 0) return;
        sounding_ = false;
        if (on_drained) on_drained(at, played_);
    }));
}

}  // namespace voicectl::agent
